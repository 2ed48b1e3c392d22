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
        let (mut ann, mut bob) = (table.lane(1), table.lane(2));
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
fn every_lane_is_full_when_all_of_them_together_are() {
    let caps = [Caps { frames: 2, ..ROOMY }, Caps { bytes: 20, ..ROOMY }];
    for caps in caps {
        let mut table = Table::new(caps);
        let (mut ann, mut bob) = (table.lane(1), table.lane(2));
        assert!(ann.push(&[0; 10]) && table.has_room(&mut bob));
        assert!(ann.push(&[0; 10]) && !table.has_room(&mut bob));
        assert!(!table.has_room(&mut ann));
        table.drain();
        assert!(table.has_room(&mut ann) && table.has_room(&mut bob));
    }
}

#[test]
fn what_was_handed_over_is_handled_when_the_game_comes_back_by_a_drain_or_by_a_wait() {
    for waits in [false, true] {
        let mut table = Table::new(ROOMY);
        let mut lane = table.lane(1);
        assert!(table.is_delivered(&mut lane), "there was nothing");
        lane.push(b"one");
        assert!(!table.is_delivered(&mut lane), "it is not taken");
        table.drain();
        assert!(!table.is_delivered(&mut lane), "it may not be handled");
        if waits {
            assert!(!table.queue.wait(Duration::ZERO));
        } else {
            table.drain();
        }
        assert!(table.is_delivered(&mut lane));
        assert!(table.woken() > 0, "and whoever waits for it learns it");
    }
}

#[test]
fn a_queue_that_is_closed_wakes_everybody_and_keeps_nothing() {
    let table = Table::new(Caps {
        session_frames: 1,
        ..ROOMY
    });
    let mut lanes: Vec<_> = (1..=10).map(|n| table.lane(n)).collect();
    for lane in &mut lanes {
        lane.push(b"taken by nobody");
        assert!(!table.has_room(lane));
    }
    assert_eq!(lanes[0].undelivered(), (1, 15), "no tick has taken it");
    table.queue.close([]);
    assert_eq!(table.woken(), 10);
    for lane in &mut lanes {
        assert!(
            table.has_room(lane) && table.is_delivered(lane),
            "nobody is waited for"
        );
        assert!(!lane.push(b"late"));
        assert!(table.has_room(lane), "whatever comes");
        assert_eq!(lane.undelivered(), (2, 19));
    }
    assert!(
        table
            .queue
            .push(|batch, _| batch.draining(Instant::now()))
            .is_none()
    );
    assert_eq!(table.queue.len(), 0);
}
