//! Epochs, wakes, and the reserved room.

use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

use super::{ROOMY, Table};
use crate::shape::events::batch::Batch;
use crate::shape::events::queue::{Caps, WakeRequest};

/// A wait that finds an event hands none over: the following drain does.
#[test]
fn a_wait_that_finds_something_begins_no_epoch() {
    let table = Table::new(ROOMY);
    table.producer(1).push(b"one");
    let epoch = table.queue.epoch();
    assert!(table.queue.wait(Duration::MAX));
    assert_eq!(table.queue.epoch(), epoch);
}

#[test]
fn a_connection_is_woken_once_an_epoch_however_often_it_asks() {
    let mut table = Table::new(Caps {
        session_frames: 1,
        ..ROOMY
    });
    let mut producer = table.producer(1);
    for drains in 1..4 {
        producer.push(b"one");
        for _ in 0..10 {
            assert!(!table.has_room(&mut producer));
        }
        assert_eq!(table.woken(), drains - 1);
        table.drain();
        assert_eq!(table.woken(), drains);
        table.drain();
        assert_eq!(table.woken(), drains, "no connection asked");
    }
}

/// The drain came between the check for room and the request to be woken.
#[test]
fn a_connection_that_found_no_room_in_a_past_epoch_does_not_wait() {
    let mut table = Table::new(ROOMY);
    let seen = table.queue.epoch();
    table.drain();
    let mut wake = WakeRequest::default();
    let mut cx = Context::from_waker(&table.waker);
    assert!(
        table
            .queue
            .poll_epoch(seen + 1, &mut cx, &mut wake)
            .is_ready()
    );
    assert!(
        table
            .queue
            .poll_epoch(seen + 2, &mut cx, &mut wake)
            .is_pending()
    );
}

#[test]
fn a_wake_request_of_a_departed_connection_is_dropped() {
    let mut table = Table::new(Caps {
        session_frames: 1,
        ..ROOMY
    });
    let references = Arc::strong_count(&table.wakes);
    for _ in 0..100 {
        let mut producer = table.producer(1);
        producer.push(b"one");
        assert!(!table.has_room(&mut producer));
    }
    assert_eq!(
        Arc::strong_count(&table.wakes),
        references,
        "no waker is kept"
    );
    table.drain();
    assert_eq!(table.woken(), 0);
}

#[test]
fn beyond_the_reserved_room_no_player_is_let_in_until_the_next_drain() {
    let mut table = Table::new(Caps {
        frames: 3,
        reserved: 2,
        ..ROOMY
    });
    for n in 1..=5 {
        assert!(table.queue.admits(), "{n}");
        table.join(n);
    }
    assert!(!table.queue.admits());
    table.join(6);
    table.queue.draining(Instant::now());
    table.producer(6).push(b"one");
    assert_eq!(table.queue.len(), 8, "who is here is told of all the same");
    table.drain();
    assert!(table.queue.admits());
}

#[test]
fn a_game_that_sleeps_is_woken_by_an_event_and_by_the_end() {
    let table = Table::new(ROOMY);
    let queue = Arc::clone(&table.queue);
    let game = std::thread::spawn(move || {
        let came = queue.wait(Duration::MAX);
        queue.swap(&mut Batch::default());
        (came, queue.wait(Duration::MAX), queue.is_empty())
    });
    table.producer(1).push(b"one");
    // The first event must be taken before the end, so that the end is what wakes the second sleep.
    while !table.queue.is_empty() {
        std::thread::yield_now();
    }
    table.queue.end();
    assert_eq!(game.join().unwrap(), (true, false, true));
}
