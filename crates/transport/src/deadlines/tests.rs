use tokio::runtime::Builder;
use tokio::time::timeout;

use super::*;

#[test]
fn a_runtime_that_is_blocked_is_a_stall_that_each_connection_is_excused_for() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let table = Table::start(CLOCK);
        let slot = insert(&table);
        swept(&table).await;
        let blocked_at = block_for(Duration::from_millis(500));
        let now = CLOCK.now();
        let open = slot.stalled(blocked_at, now);
        // The stall began with the step that the sweep missed, up to 100 ms into the block.
        assert!(open >= Duration::from_millis(399), "{open:?}");
        assert!(open <= now.since(blocked_at), "{open:?}");
        swept(&table).await;
        assert!(table.stalled_total() >= open);
        assert!(table.lag() >= open);
        assert!(slot.stalled(blocked_at, CLOCK.now()) >= open);
        assert_eq!(slot.stalled(CLOCK.now(), CLOCK.now()), Duration::ZERO);
    });
}

#[test]
fn a_connection_whose_worker_is_blocked_is_excused_though_the_sweep_is_on_time() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    // This thread is not a worker: blocking it does not block the sweep.
    runtime.block_on(async {
        let table = Table::start(CLOCK);
        let (mut late, other) = (insert(&table), insert(&table));
        let since = CLOCK.now();
        late.set(since + Duration::from_millis(50));
        block_for(Duration::from_millis(500));
        let now = CLOCK.now();
        let before = other.stalled(since, now);
        let excused = late.stalled(since, now);
        assert!(excused >= Duration::from_millis(349), "{excused:?}");
        assert!(excused <= now.since(since), "{excused:?}");
        assert!(excused >= before);
        late.set(Time::NEVER);
        assert!(late.stalled(since, now) >= excused, "it is not forgotten");
    });
}

#[test]
fn a_deadline_that_was_set_too_late_is_no_stall() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let table = Table::start(CLOCK);
        let mut slot = insert(&table);
        block_for(Duration::from_millis(250));
        swept(&table).await;
        let before = table.stalled_total();
        slot.set(Time::ORIGIN);
        let now = CLOCK.now();
        assert_eq!(slot.stalled(Time::ORIGIN, now), before);
        assert_eq!(table.stalled_total(), before);
    });
}

#[test]
#[ignore = "a measurement of 40 s: how late a sweep is when nothing is wrong"]
fn sweeps_are_far_less_late_than_a_stall() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let mut late = runtime.block_on(async {
        let table = Table::start(CLOCK);
        let mut late = Vec::new();
        for _ in 0..400 {
            swept(&table).await;
            late.push(CLOCK.now().as_micros() % STEP_MICROS);
        }
        late
    });
    late.sort_unstable();
    let (median, most) = (late[late.len() / 2], late[late.len() - 1]);
    eprintln!("{median} us late in median, {most} us at most");
    assert!(median < 10_000, "half of what is no stall yet");
}

fn insert(table: &Arc<Table>) -> Slot {
    table.insert(Arc::new(Mailbox::new(Arc::default())))
}

/// Waits for the next sweep, as a connection does.
async fn swept(table: &Arc<Table>) {
    let mailbox = Arc::new(Mailbox::new(Arc::default()));
    let mut slot = table.insert(Arc::clone(&mailbox));
    let mut is_set = false;
    let woken = std::future::poll_fn(|cx| {
        if std::mem::replace(&mut is_set, true) {
            return std::task::Poll::Ready(());
        }
        mailbox.register(cx.waker());
        slot.set(CLOCK.now());
        std::task::Poll::Pending
    });
    timeout(Duration::from_secs(20), woken)
        .await
        .expect("a sweep");
}

/// Blocks the thread for `duration`. Returns when the block began.
fn block_for(duration: Duration) -> Time {
    let begun = CLOCK.now();
    std::thread::sleep(duration);
    begun
}

const CLOCK: Clock = Clock;
