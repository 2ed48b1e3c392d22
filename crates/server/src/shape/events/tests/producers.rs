//! One session's room, and when its frames count as handled.

use std::time::{Duration, Instant};

use super::{ROOMY, Table};
use crate::shape::Game;
use crate::shape::events::queue::Caps;

#[test]
fn a_lane_is_full_at_its_own_caps_until_the_next_drain() {
    let caps = [
        Caps {
            session_frames: 2,
            ..ROOMY
        },
        Caps {
            session_bytes: 20,
            ..ROOMY
        },
    ];
    for caps in caps {
        let mut table = Table::new(caps);
        let (mut ann, mut bob) = (table.producer(1), table.producer(2));
        assert!(table.has_room(&mut ann));
        assert!(ann.push(&[0; 10]) && table.has_room(&mut ann));
        assert!(ann.push(&[0; 10]) && !table.has_room(&mut ann));
        assert!(table.has_room(&mut bob), "{caps:?}: the others have theirs");
        table.drain();
        assert!(table.has_room(&mut ann), "what it pushed was taken");
        assert!(ann.push(&[0; 10]) && table.has_room(&mut ann));
    }
}

#[test]
fn every_session_is_full_when_all_sessions_together_are() {
    let caps = [Caps { frames: 2, ..ROOMY }, Caps { bytes: 20, ..ROOMY }];
    for caps in caps {
        let mut table = Table::new(caps);
        let (mut ann, mut bob) = (table.producer(1), table.producer(2));
        assert!(ann.push(&[0; 10]) && table.has_room(&mut bob));
        assert!(ann.push(&[0; 10]) && !table.has_room(&mut bob));
        assert!(!table.has_room(&mut ann));
        table.drain();
        assert!(table.has_room(&mut ann) && table.has_room(&mut bob));
    }
}

#[test]
fn events_count_as_handled_when_the_game_drains_or_waits_again() {
    for waits in [false, true] {
        let mut table = Table::new(ROOMY);
        let mut producer = table.producer(1);
        assert!(table.is_delivered(&mut producer), "there was nothing");
        producer.push(b"one");
        assert!(!table.is_delivered(&mut producer), "it is not taken");
        table.drain();
        assert!(!table.is_delivered(&mut producer), "it may not be handled");
        if waits {
            assert!(!table.queue.wait(Duration::ZERO));
        } else {
            table.drain();
        }
        assert!(table.is_delivered(&mut producer));
        assert!(table.woken() > 0, "and waiting connections are woken");
    }
}

#[test]
fn a_closed_queue_wakes_all_waiters_and_keeps_nothing() {
    let table = Table::new(Caps {
        session_frames: 1,
        ..ROOMY
    });
    let mut producers: Vec<_> = (1..=10).map(|n| table.producer(n)).collect();
    for producer in &mut producers {
        producer.push(b"no tick took it");
        assert!(!table.has_room(producer));
    }
    assert_eq!(producers[0].undelivered(), (1, 15), "no tick has taken it");
    table.queue.close([]);
    assert_eq!(table.woken(), 10);
    for producer in &mut producers {
        assert!(
            table.has_room(producer) && table.is_delivered(producer),
            "no game is waited for"
        );
        assert!(!producer.push(b"late"));
        assert!(table.has_room(producer), "after more frames, too");
        assert_eq!(producer.undelivered(), (2, 19));
    }
    assert!(
        table
            .queue
            .push(|batch, _| batch.draining(Instant::now()))
            .is_none()
    );
    assert_eq!(table.queue.len(), 0);
}
