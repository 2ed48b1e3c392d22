use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::SystemTime;

use lastword_session::{Ending, Phase, Time};

use super::*;

/// A close like any other, with this number.
pub(in crate::closes) fn close(seq: u64) -> Arc<Disconnect> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    Arc::new(Disconnect {
        seq,
        at: SystemTime::now(),
        listener: nowhere,
        remote: nowhere,
        player: None,
        session: None,
        connection: 0,
        profile: None,
        undelivered_frames: 0,
        undelivered_bytes: 0,
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

/// What a follower gets, how many it missed, and where it goes on.
fn follow(ring: &Ring, after: u64, limit: usize) -> (Vec<u64>, u64, u64) {
    let found = ring.after(after, limit, |_| true).unwrap();
    (seqs(&found.closes), found.missed, found.last)
}

#[test]
fn records_stand_in_the_order_of_their_numbers_whatever_order_they_come_in() {
    let ring = ring([2, 3, 1, 6, 5, 4]);
    assert_eq!(seqs(&ring.newest(10, |_| true)), [6, 5, 4, 3, 2, 1]);
    assert_eq!(seqs(&ring.newest(2, |_| true)), [6, 5]);
    assert_eq!(seqs(&ring.newest(2, |close| close.seq < 5)), [4, 3]);
    assert_eq!(follow(&ring, 0, 10), (vec![1, 2, 3, 4, 5, 6], 0, 6));
    assert_eq!(follow(&ring, 2, 3), (vec![3, 4, 5], 0, 5));
    assert_eq!(follow(&ring, 6, 10), (vec![], 0, 6));
}

#[test]
fn who_follows_goes_on_behind_what_it_did_not_ask_for() {
    let ring = ring(1..=600);
    let found = ring.after(0, 10, |close| close.seq == 599).unwrap();
    assert_eq!((seqs(&found.closes), found.last), (vec![599], 600));
    let found = ring.after(0, 1, |close| close.seq >= 300).unwrap();
    assert_eq!((seqs(&found.closes), found.last), (vec![300], 300));
}

#[tokio::test(start_paused = true)]
async fn who_follows_waits_for_a_record_that_was_overtaken() {
    let ring = ring([1, 3, 4]);
    assert_eq!(follow(&ring, 0, 10), (vec![1], 0, 1));
    assert_eq!(seqs(&ring.newest(10, |_| true)), [4, 3, 1]);
    ring.push(close(2));
    assert_eq!(follow(&ring, 1, 10), (vec![2, 3, 4], 0, 4));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_never_comes_is_missed_and_holds_nobody_up_for_ever() {
    let ring = ring([2, 5]);
    tokio::time::advance(AWAITED_MAX - Duration::from_millis(1)).await;
    assert_eq!(follow(&ring, 0, 10), (vec![], 0, 0));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(follow(&ring, 0, 10), (vec![2, 5], 3, 5));
    assert_eq!(follow(&ring, 0, 1), (vec![2], 1, 2));
}

#[test]
fn ten_thousand_are_kept_and_who_comes_too_late_learns_how_many_it_missed() {
    let ring = ring(1..=10_007);
    let newest = ring.newest(usize::MAX, |_| true);
    assert_eq!(seqs(&newest), (8..=10_007).rev().collect::<Vec<_>>());
    assert_eq!(follow(&ring, 0, 2), (vec![8, 9], 7, 9));
    assert_eq!(follow(&ring, 5, 1), (vec![8], 2, 8));
    assert_eq!(follow(&ring, 7, 1), (vec![8], 0, 8));
    // What left the ring before it came has no place in it.
    ring.push(close(7));
    assert_eq!(follow(&ring, 7, 1), (vec![8], 0, 8));
}

#[test]
fn nobody_can_follow_from_a_number_that_is_still_to_come() {
    let last = |ring: &Ring, after| ring.after(after, 1, |_| true).map(|found| found.last);
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
                        // As a task that is interrupted between the books and the observer.
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
    let some = ring.copy(50_000, u64::MAX);
    let hold = start.elapsed();
    eprintln!("push {each:?}, hold of the lock by a reader {hold:?}");
    assert_eq!(some.len(), 256);
    assert!(each < Duration::from_micros(5), "{each:?}");
}
