use std::task::{Wake, Waker};

use lastword_session::{Config, Dialect, Framing, Meaning, Measure};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::*;

#[test]
fn a_runtime_that_is_blocked_passes_no_deadline() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let table = Table::start();
        let mut slot = insert(&table);
        swept(&table).await;
        let before = slot.now();
        block_for(Duration::from_millis(500));
        let (now, behind) = slot.woken();
        // The clock ran on until 20 ms after the step that the sweep missed, which was up to 100 ms into the block.
        assert!(now.since(before) <= Duration::from_millis(140), "{now:?}");
        assert!(behind >= Duration::from_millis(360), "{behind:?}");
        swept(&table).await;
        assert!(table.stalled_total() >= Duration::from_millis(360));
        assert!(table.lag() >= Duration::from_millis(380));
        let (later, still) = slot.woken();
        assert!(later >= now && still + Duration::from_millis(1) >= behind);
    });
}

#[test]
fn a_connection_whose_worker_is_blocked_has_its_time_though_the_sweep_is_on_time() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    // This thread is not a worker: blocking it does not block the sweep.
    runtime.block_on(async {
        let table = Table::start();
        let (mut late, mut other) = (insert(&table), insert(&table));
        let due = late.now() + Duration::from_millis(50);
        late.set(late.now(), due);
        block_for(Duration::from_secs(2));
        let (now, behind) = late.woken();
        assert!(now.since(due) <= Duration::from_millis(150), "{now:?}");
        assert!(behind >= Duration::from_millis(1_800), "{behind:?}");
        // The sweep may be late, too: by less than the task, however busy the machine is.
        let (_, others) = other.woken();
        assert!(behind >= others + Duration::from_millis(300), "{others:?}");
        // Each of the two, the process's own stall and the task's, is in both, to a millisecond.
        assert!(table.stalled_total() + Duration::from_millis(2) >= behind);
        late.set(now, now + Duration::from_millis(100));
        assert!(!late.may_be_due(now), "it counts on its own clock");
        assert!(late.woken().1 >= behind, "it is not forgotten");
    });
}

#[test]
fn a_deadline_that_was_set_too_late_is_no_stall() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let table = Table::start();
        let mut slot = insert(&table);
        block_for(Duration::from_millis(250));
        swept(&table).await;
        let before = slot.woken().1;
        slot.set(slot.now(), Time::ORIGIN);
        assert_eq!(slot.woken().1, before);
    });
}

#[test]
fn a_deadline_is_fresh_for_a_second_and_until_it_comes() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let table = Table::start();
        let mut slot = insert(&table);
        let now = slot.now() + Duration::from_secs(10);
        let after = |ms| now + Duration::from_millis(ms);
        slot.set(now, after(5_000));
        assert!(slot.is_fresh(now) && slot.is_fresh(after(800)));
        assert!(!slot.is_fresh(after(1_000)));
        slot.set(now, after(500));
        assert!(slot.is_fresh(after(300)));
        assert!(!slot.is_fresh(after(600)));
    });
}

/// Looks at the table that its mailbox is in while it is dropped.
#[derive(Debug)]
struct Curious(Weak<Table>);

impl Drop for Curious {
    fn drop(&mut self) {
        let table = self.0.upgrade().expect("the table outlives it");
        assert!(table.find(0).is_none());
    }
}

impl Dialect for Curious {
    fn measure(&self, _: &[u8], _: usize) -> Measure {
        Measure::Short
    }

    fn read<'a>(&self, _: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        Meaning::Data(payload)
    }

    fn write_data(&self, _: &[u8], _: &mut Vec<u8>) {}
}

#[test]
fn a_dialect_is_dropped_outside_the_lock() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let table = runtime.block_on(async { Table::start() });
    let curious = Curious(Arc::downgrade(&table));
    let mailbox = Mailbox::new(Arc::new(Config {
        framing: Framing::Dialect(Arc::new(curious)),
        ..Config::default()
    }));
    let slot = table.insert(Arc::new(mailbox));
    let (tell, dropped) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(slot);
        tell.send(()).unwrap();
    });
    dropped.recv_timeout(Duration::from_secs(20)).unwrap();
}

#[test]
#[ignore = "a measurement of 40 s: how late a sweep is when nothing is wrong"]
fn sweeps_are_far_less_late_than_a_stall() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let mut late = runtime.block_on(async {
        let table = Table::start();
        let mut late = Vec::new();
        for _ in 0..400 {
            swept(&table).await;
            late.push(table.clock().now().as_micros() % STEP_MICROS);
        }
        late
    });
    late.sort_unstable();
    let (median, most) = (late[late.len() / 2], late[late.len() - 1]);
    eprintln!("{median} us late in median, {most} us at most");
    assert!(median < 10_000, "half of what is no stall yet");
}

/// Wakes in one portion would all come between two turns of the other task.
#[test]
fn many_deadlines_at_once_leave_turns_to_other_tasks() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let table = Table::start();
        let woken = Arc::new(AtomicU32::new(0));
        let mut slots = Vec::new();
        for _ in 0..1_000 {
            let mailbox = Arc::new(Mailbox::new(Arc::default()));
            mailbox.register(&Waker::from(Arc::new(Count(Arc::clone(&woken)))));
            let mut slot = table.insert(mailbox);
            slot.set(slot.now(), slot.now() + Duration::from_millis(50));
            slots.push(slot);
        }
        let (mut before, mut most) = (0, 0);
        while before < 1_000 {
            tokio::task::yield_now().await;
            let now = woken.load(Ordering::Relaxed);
            most = most.max(now - before);
            before = now;
        }
        assert!(most <= 2 * WAKES_A_TURN, "{most} between two turns");
    });
}

/// The line is longer than what is woken at a time, and each place stands in it once.
#[test]
fn a_long_line_leaves_turns_to_other_tasks() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let table = Table::start();
        let woken = Arc::new(AtomicU32::new(0));
        let mut slots = Vec::new();
        for _ in 0..1_000 {
            let mailbox = Arc::new(Mailbox::new(Arc::default()));
            mailbox.register(&Waker::from(Arc::new(Count(Arc::clone(&woken)))));
            slots.push(table.insert(mailbox));
        }
        slots.iter().chain(&slots).for_each(Slot::stand_in_line);
        // A place that is free by then wakes nothing.
        slots.pop();
        let (mut before, mut most) = (0, 0);
        while before < 999 {
            tokio::task::yield_now().await;
            let now = woken.load(Ordering::Relaxed);
            most = most.max(now - before);
            before = now;
        }
        assert!(
            usize::try_from(most).unwrap() <= 2 * TURNS_A_ROUND,
            "{most} between two turns"
        );
        assert_eq!(table.turns.pop(), None);
        slots[0].stand_in_line();
        assert_eq!(table.turns.pop(), Some(slots[0].index()));
    });
}

struct Count(Arc<AtomicU32>);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
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
        slot.set(slot.now(), slot.now());
        std::task::Poll::Pending
    });
    timeout(Duration::from_secs(20), woken)
        .await
        .expect("a sweep");
}

/// Blocks the thread.
fn block_for(duration: Duration) {
    std::thread::sleep(duration);
}
