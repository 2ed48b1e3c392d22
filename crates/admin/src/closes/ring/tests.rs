use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::SystemTime;

use lastword_server::{BothEnds, Previous, RemoteSource};
use lastword_session::{Ending, Phase, Time};

use super::*;

/// The close with this number of a connection that never became a session.
pub(in crate::closes) fn close(seq: u64) -> Arc<Disconnect> {
    close_of(seq, false)
}

pub(in crate::closes) fn close_of(seq: u64, session: bool) -> Arc<Disconnect> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    Arc::new(Disconnect {
        seq,
        at: SystemTime::now(),
        listener: nowhere,
        remote: nowhere,
        remote_source: RemoteSource::Socket,
        player: None,
        session: None,
        connection: u32::from(session),
        profile: None,
        undelivered_frames: 0,
        session_lives_on: false,
        undelivered_bytes: 0,
        told: None,
        ending: Ending::without_verdict(Phase::Hello, Time::ORIGIN),
    })
}

fn ring(seqs: impl IntoIterator<Item = u64>) -> Ring {
    let ring = Ring::default();
    seqs.into_iter().for_each(|seq| ring.push(close(seq)));
    ring
}

fn seqs(closes: &[Arc<Disconnect>]) -> Vec<u64> {
    closes.iter().map(|close| close.seq).collect()
}

/// A follower's records, the number that it missed, and where it continues.
fn follow(ring: &Ring, after: u64, limit: usize) -> (Vec<u64>, u64, u64) {
    let found = ring.after(after, u64::MAX, limit, |_| true).unwrap();
    (seqs(&found.closes), found.missed, found.last)
}

#[test]
fn records_are_listed_by_number_whichever_comes_first() {
    let ring = ring([2, 3, 1, 6, 5, 4]);
    assert_eq!(seqs(&ring.newest(10, |_| true)), [6, 5, 4, 3, 2, 1]);
    assert_eq!(seqs(&ring.newest(2, |_| true)), [6, 5]);
    assert_eq!(seqs(&ring.newest(2, |close| close.seq < 5)), [4, 3]);
    assert_eq!(follow(&ring, 0, 10), (vec![1, 2, 3, 4, 5, 6], 0, 6));
    assert_eq!(follow(&ring, 2, 3), (vec![3, 4, 5], 0, 5));
    assert_eq!(follow(&ring, 6, 10), (vec![], 0, 6));
}

#[test]
fn an_account_of_a_client_joins_its_record_and_of_one_that_has_left_it_is_dropped() {
    let ring = Ring::default();
    (1..=3).for_each(|seq| ring.push(close_of(seq, true)));
    let told = Told {
        at: SystemTime::now(),
        previous: Previous::default(),
        both_ends: BothEnds::Unknown,
    };
    let held = ring.newest(3, |_| true);
    for seq in [0, 2, 4, u64::MAX] {
        ring.told(seq, told);
    }
    let is_told = |close: &Arc<Disconnect>| close.told.is_some();
    let told: Vec<_> = ring.newest(3, |_| true).iter().map(is_told).collect();
    assert_eq!(told, [false, true, false]);
    assert!(!held.iter().any(is_told), "a reader keeps what it read");
}

#[test]
fn a_follower_continues_after_records_that_its_filter_skipped() {
    let ring = ring(1..=600);
    let found = ring
        .after(0, u64::MAX, 10, |close| close.seq == 599)
        .unwrap();
    assert_eq!((seqs(&found.closes), found.last), (vec![599], 600));
    let found = ring
        .after(0, u64::MAX, 1, |close| close.seq >= 300)
        .unwrap();
    assert_eq!((seqs(&found.closes), found.last), (vec![300], 300));
}

#[tokio::test(start_paused = true)]
async fn a_follower_waits_for_a_record_whose_successor_came_first() {
    let ring = ring([1, 3, 4]);
    assert_eq!(follow(&ring, 0, 10), (vec![1], 0, 1));
    assert_eq!(seqs(&ring.newest(10, |_| true)), [4, 3, 1]);
    ring.push(close(2));
    assert_eq!(follow(&ring, 1, 10), (vec![2, 3, 4], 0, 4));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_never_comes_counts_as_missed_and_delays_followers_for_a_limited_time() {
    let ring = ring([2, 5]);
    tokio::time::advance(AWAITED_MAX - Duration::from_millis(1)).await;
    assert_eq!(follow(&ring, 0, 10), (vec![], 0, 0));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(follow(&ring, 0, 10), (vec![2, 5], 3, 5));
    assert_eq!(follow(&ring, 0, 1), (vec![2], 1, 2));
}

#[test]
fn ten_thousand_are_kept_and_a_late_follower_learns_how_many_it_missed() {
    let ring = ring(1..=10_007);
    let newest = ring.newest(usize::MAX, |_| true);
    assert_eq!(seqs(&newest), (8..=10_007).rev().collect::<Vec<_>>());
    assert_eq!(follow(&ring, 0, 2), (vec![8, 9], 7, 9));
    assert_eq!(follow(&ring, 5, 1), (vec![8], 2, 8));
    assert_eq!(follow(&ring, 7, 1), (vec![8], 0, 8));
    // A record that would have left the ring before it came gets no place.
    ring.push(close(7));
    assert_eq!(follow(&ring, 7, 1), (vec![8], 0, 8));
}

#[test]
fn a_follower_that_is_far_behind_gets_the_oldest_records_that_are_kept() {
    let ring = ring(1..=30_000);
    for after in [0, 1, 9_744, 19_743, 19_744, 19_745, 19_999, 20_000] {
        let expected = (vec![20_001, 20_002], 20_000 - after, 20_002);
        assert_eq!(follow(&ring, after, 2), expected, "after {after}");
    }
    assert_eq!(follow(&ring, 20_001, 1), (vec![20_002], 0, 20_002));
    let (all, missed, last) = follow(&ring, 0, usize::MAX);
    assert!(all.into_iter().eq(20_001..=30_000));
    assert_eq!((missed, last), (20_000, 30_000));
    let none = ring.after(0, u64::MAX, 10, |_| false).unwrap();
    assert_eq!(
        (none.closes.len(), none.missed, none.last),
        (0, 20_000, 30_000)
    );
}

#[test]
fn strangers_push_no_session_out_of_the_record() {
    let ring = Ring::default();
    let is_session = |seq: u64| seq <= 100 && seq % 2 == 0;
    (1..=37_000).for_each(|seq| ring.push(close_of(seq, is_session(seq))));
    let sessions: Vec<_> = (1..=100).filter(|seq| is_session(*seq)).collect();

    let found = ring.newest(usize::MAX, |close| close.has_joined());
    assert!(seqs(&found).into_iter().rev().eq(sessions.clone()));
    assert_eq!(
        ring.newest(usize::MAX, |_| true).len(),
        10_000 + sessions.len()
    );

    // Both kinds share one numbering, so the missed ones are the strangers in between.
    assert_eq!(follow(&ring, 0, 2), (vec![2, 4], 2, 4));
    assert_eq!(follow(&ring, 2, 1), (vec![4], 1, 4));
    assert_eq!(follow(&ring, 97, 2), (vec![98, 100], 1, 100));
    assert_eq!(
        follow(&ring, 98, 2),
        (vec![100, 27_001], 1 + 26_900, 27_001)
    );
    let (all, missed, last) = follow(&ring, 0, usize::MAX);
    assert!(
        all.into_iter()
            .eq(sessions.into_iter().chain(27_001..=37_000))
    );
    assert_eq!((missed, last), (27_000 - 50, 37_000));
}

#[test]
fn sessions_push_no_stranger_out_either_and_both_are_in_one_order() {
    let ring = Ring::default();
    (1..=24_000).for_each(|seq| ring.push(close_of(seq, seq % 2 == 0)));
    let (all, missed, _) = follow(&ring, 0, usize::MAX);
    assert!(all.into_iter().eq(4_001..=24_000));
    assert_eq!(missed, 4_000);
    let newest = ring.newest(600, |_| true);
    assert!(seqs(&newest).into_iter().eq((23_401..=24_000).rev()));
}

#[tokio::test(start_paused = true)]
async fn a_follower_waits_for_an_overtaken_record_behind_others_that_are_gone() {
    let ring = Ring::default();
    ring.push(close_of(1, true));
    (2..=20_000).for_each(|seq| ring.push(close(seq)));
    ring.push(close_of(20_002, true));
    let (all, missed, last) = follow(&ring, 1, usize::MAX);
    assert!(all.into_iter().eq(10_001..=20_000));
    assert_eq!((missed, last), (9_999, 20_000));
    ring.push(close_of(20_001, true));
    assert_eq!(follow(&ring, last, 9), (vec![20_001, 20_002], 0, 20_002));
}

#[test]
fn a_follower_that_may_go_to_a_number_goes_no_further() {
    let ring = Ring::default();
    (1..=25_000).for_each(|seq| ring.push(close_of(seq, seq > 20_000)));
    let to = |after, until| {
        let found = ring.after(after, until, usize::MAX, |_| true).unwrap();
        let ends = (seqs(&found.closes).first().copied(), found.closes.len());
        (ends, found.missed, found.last)
    };
    assert_eq!(
        to(0, 5_000),
        ((None, 0), 5_000, 5_000),
        "all of them are gone"
    );
    assert_eq!(to(0, 10_003), ((Some(10_001), 3), 10_000, 10_003));
    assert_eq!(to(24_999, 25_000), ((Some(25_000), 1), 0, 25_000));
    assert_eq!(to(24_999, 24_000), ((None, 0), 0, 24_999));
}

#[tokio::test(start_paused = true)]
async fn the_recent_ones_are_of_both_kinds_and_end_before_one_on_its_way() {
    let ring = Ring::default();
    (1..=20).for_each(|seq| ring.push(close_of(seq, seq <= 5)));
    ring.push(close(22));
    let recent = |until| {
        let found = ring.recent(until, 3);
        (seqs(&found.closes), found.missed, found.last)
    };
    assert_eq!(recent(u64::MAX), (vec![3, 4, 5, 18, 19, 20], 0, 20));
    assert_eq!(recent(6), (vec![3, 4, 5, 6], 0, 6));
    assert_eq!(Ring::default().recent(u64::MAX, 3).last, 0);
}

#[test]
fn following_from_a_number_beyond_the_last_is_an_error() {
    let last = |ring: &Ring, after| {
        ring.after(after, u64::MAX, 1, |_| true)
            .map(|found| found.last)
    };
    assert_eq!(last(&ring([]), 0), Ok(0));
    assert_eq!(last(&ring([]), 1), Err(BeyondTheLast { last: 0 }));
    assert_eq!(last(&ring(1..=3), 3), Ok(3));
    assert_eq!(last(&ring(1..=3), 4), Err(BeyondTheLast { last: 3 }));
    assert_eq!(last(&ring(1..=3), u64::MAX), Err(BeyondTheLast { last: 3 }));
}

#[test]
fn while_connections_end_on_many_threads_a_follower_sees_each_record_once_and_in_order() {
    const CLOSES: u64 = 9_000;
    let (ring, next, done) = (Ring::default(), AtomicU64::new(1), AtomicBool::new(false));
    thread::scope(|scope| {
        let ends: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let seq = next.fetch_add(1, Ordering::Relaxed);
                        if seq > CLOSES {
                            return;
                        }
                        // As if a task were interrupted between the books and the observer.
                        if seq % 7 == 0 {
                            thread::yield_now();
                        }
                        ring.push(close(seq));
                    }
                })
            })
            .collect();
        let follower = scope.spawn(|| {
            let (mut seen, mut last) = (Vec::new(), 0);
            while last < CLOSES && !done.load(Ordering::Relaxed) {
                let (new, missed, to) = follow(&ring, last, 100);
                assert_eq!(missed, 0);
                seen.extend(new);
                last = to;
            }
            seen.extend(follow(&ring, last, usize::MAX).0);
            seen
        });
        ends.into_iter().for_each(|end| end.join().unwrap());
        done.store(true, Ordering::Relaxed);
        assert_eq!(follower.join().unwrap(), (1..=CLOSES).collect::<Vec<_>>());
    });
}

#[test]
#[ignore = "a measurement, of a release build: --ignored --nocapture"]
fn keeping_a_close_costs_microseconds_at_most() {
    let ring = ring(1..=10_000);
    let more: Vec<_> = (10_001..=110_000).map(close).collect();
    let start = std::time::Instant::now();
    more.into_iter().for_each(|close| ring.push(close));
    let each = start.elapsed() / 100_000;

    let start = std::time::Instant::now();
    let (some, _) = ring.behind(50_000);
    let hold = start.elapsed();
    eprintln!("push {each:?}, hold of the lock by a reader {hold:?}");
    assert_eq!(some.len(), 256);
    assert!(each < Duration::from_micros(5), "{each:?}");
}
