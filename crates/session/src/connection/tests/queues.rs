//! The frames that wait to be written: their size and age, neither of which judges a silence.

use std::sync::Arc;

use super::super::Timer;
use crate::wire::{Kind, Welcome};
use crate::{Cause, Config, Connection, Limits, SendError, SendQueue};

use super::harness::{
    Answer, DEAD, HELLO, Host, START, SUSPECT, Solo, View, WELCOME, encoded, millis, secs,
};

/// Room for ten frames of 96 bytes.
fn small() -> Config {
    let limits = Limits {
        outbound_bytes_max: 1_000,
        ..Limits::default()
    };
    Config {
        limits,
        ..Config::default()
    }
}

fn filled(mut solo: Solo) -> Solo {
    solo.stops_reading(0);
    for _ in 0..10 {
        assert_eq!(send(&mut solo), Ok(()));
    }
    solo
}

fn send(solo: &mut Solo) -> Result<(), SendError> {
    let now = solo.now;
    let sent = solo.connection().send(now, &[0; 96]);
    solo.run();
    sent
}

/// Queues a frame for which no write is tried yet.
fn queue(solo: &mut Solo) -> Result<(), SendError> {
    let now = solo.now;
    solo.connection().send(now, &[0; 96])
}

#[test]
fn a_frame_without_room_fixes_the_cause_if_the_kernel_then_refuses_a_write() {
    let mut solo = filled(Solo::live_with(small()));
    for _ in 0..10 {
        assert_eq!(send(&mut solo), Ok(()));
    }
    assert_eq!(solo.connection().queued_bytes(), 2_000);
    assert!(
        solo.connection().is_live(),
        "twice the cap, and no more was asked for"
    );
    assert_eq!(queue(&mut solo), Err(SendError::QueueFull));
    assert!(solo.connection().is_live(), "no write was tried yet");
    solo.run();
    assert!(!solo.connection().is_live());
    assert_eq!(send(&mut solo), Ok(()), "the next frame is unsent");
    assert_eq!(solo.cause(), Cause::SendQueueFull);
    assert_eq!(solo.ending().evidence.frames_unsent, 21);
}

#[test]
fn a_full_queue_ends_nothing_if_the_kernel_then_takes_enough() {
    let mut solo = filled(Solo::live_with(small()));
    for _ in 0..10 {
        assert_eq!(send(&mut solo), Ok(()));
    }
    assert_eq!(queue(&mut solo), Err(SendError::QueueFull));
    solo.outbound.capacity = 1_000;
    solo.run();
    assert_eq!(solo.connection().queued_bytes(), 1_000);
    solo.advance(millis(1));
    assert_eq!(send(&mut solo), Ok(()), "there is room again");
    assert!(
        solo.connection().is_live(),
        "the frame without room is forgotten"
    );
}

#[test]
fn a_burst_of_twice_the_cap_ends_nothing_even_if_the_kernel_takes_little_of_it() {
    let mut solo = Solo::live_with(small());
    solo.stops_reading(0);
    for _ in 0..20 {
        assert_eq!(queue(&mut solo), Ok(()));
    }
    solo.run();
    assert_eq!(solo.connection().queued_bytes(), 2_000);
    assert!(solo.connection().is_live(), "every frame was taken");
    assert_eq!(queue(&mut solo), Err(SendError::QueueFull));
    solo.run();
    assert_eq!(solo.cause(), Cause::SendQueueFull);
}

#[test]
fn a_burst_for_a_peer_that_reads_ends_nothing() {
    let mut solo = Solo::live_with(small());
    for _ in 0..50 {
        while queue(&mut solo) == Ok(()) {}
        solo.run();
    }
    assert!(solo.connection().is_live());
    assert_eq!(solo.connection().frames().1, 50 * 20);
    assert_eq!(solo.connection().queued_bytes(), 0);
}

#[test]
fn a_ping_is_answered_behind_any_burst() {
    let mut solo = Solo::live_with(small());
    while queue(&mut solo) == Ok(()) {}
    solo.sends(3, &[0; 16]);
    assert!(solo.kinds_written().contains(&Kind::Pong));
}

#[test]
fn a_peer_that_is_silent_is_not_judged_by_what_waits_for_it() {
    let mut solo = filled(Solo::live_with(small()));
    solo.host.view = View::Unanswered {
        retransmits: 1,
        probes: 0,
    };
    solo.advance(SUSPECT);
    let sent = (0..100).filter(|_| send(&mut solo).is_ok()).count();
    assert_eq!(sent, 9, "together with our ping, twice the cap");
    assert!(solo.connection().is_live());
    solo.advance(DEAD - SUSPECT);
    assert_eq!(solo.ending().verdict.cause, Cause::PathDead);
}

#[test]
fn a_frame_that_waits_too_long_for_a_living_peer_is_stale() {
    let mut solo = filled(Solo::live_with(small()));
    for _ in 0..4 {
        solo.advance(secs(1));
        solo.sends(0, b"alive");
    }
    assert_eq!(
        solo.connection().poll_timeout(),
        (solo.now + secs(1), Timer::Age)
    );
    solo.advance(secs(1));
    assert_eq!(solo.cause(), Cause::SendQueueStale);
}

#[test]
fn a_frame_in_progress_is_as_old_as_when_it_was_queued() {
    let mut solo = Solo::live();
    solo.stops_reading(50);
    assert_eq!(send(&mut solo), Ok(()));
    solo.advance(secs(2));
    solo.sends(0, b"alive");
    solo.advance(secs(3) - millis(1));
    assert!(solo.connection().is_live());
    solo.advance(millis(1));
    assert_eq!(solo.cause(), Cause::SendQueueStale);
}

#[test]
fn age_does_not_count_while_the_kernel_gets_no_answer() {
    let mut solo = filled(Solo::live_with(small()));
    solo.advance(secs(1));
    solo.sends(0, b"alive");
    solo.host.view = View::Unanswered {
        retransmits: 2,
        probes: 0,
    };
    solo.advance(DEAD);
    assert_eq!(solo.ending().verdict.cause, Cause::PathDead);
}

#[test]
fn after_an_outage_waiting_frames_get_their_full_time() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    solo.advance(secs(4));
    assert_eq!(send(&mut solo), Ok(()));
    solo.advance(secs(10));
    assert!(
        solo.connection().is_live(),
        "10 s old, and the peer is suspect"
    );
    solo.sends(0, b"back");
    solo.advance(millis(4_999));
    assert!(solo.connection().is_live());
    solo.sends(0, b"back, and not reading");
    solo.advance(millis(1));
    assert_eq!(solo.cause(), Cause::SendQueueStale);
}

#[test]
fn after_an_outage_in_a_pause_waiting_frames_get_their_full_time() {
    let mut solo = filled(Solo::live());
    solo.pauses();
    solo.host.view = View::Unanswered {
        retransmits: 2,
        probes: 0,
    };
    solo.advance(secs(14));
    solo.host.view = View::Honest;
    solo.resumes();
    solo.advance(secs(5) - millis(1));
    assert!(solo.connection().is_live());
    solo.advance(millis(1));
    assert_eq!(solo.cause(), Cause::SendQueueStale);
}

#[test]
fn age_may_be_off() {
    let limits = Limits {
        outbound_age_max: None,
        ..Limits::default()
    };
    let mut solo = filled(Solo::live_with(Config {
        limits,
        ..Config::default()
    }));
    for _ in 0..100 {
        solo.advance(secs(5));
        solo.sends(0, b"alive");
    }
    assert!(solo.connection().is_live());
}

#[test]
fn answers_that_the_peer_does_not_read_do_not_fill_the_memory() {
    let mut solo = Solo::live_with(small());
    solo.stops_reading(0);
    for _ in 0..40 {
        solo.sends(3, &[0; 16]);
        solo.advance(millis(500));
        assert!(solo.host.connection().queued_bytes() < 1_100);
    }
    assert_eq!(solo.cause(), Cause::SendQueueFull);
}

#[test]
fn pings_that_the_peer_does_not_read_do_not_fill_the_memory() {
    let welcome = Welcome {
        heartbeat_ms: 1,
        dead_ms: 600_000,
        ..WELCOME
    };
    let connection = Connection::client(Arc::new(small()), &HELLO, START);
    let mut solo = Solo::of(Host::new(connection, Answer::Wait));
    solo.says(&encoded(|out| welcome.encode(out)));
    solo.stops_reading(0);
    solo.advance(secs(1));
    let queued = solo.connection().queued_bytes();
    assert!((1_000..1_100).contains(&queued), "{queued}");
    assert!(solo.connection().is_live());
}

#[test]
fn control_overtakes_data_and_a_goodbye_does_not() {
    let mut solo = Solo::live();
    solo.stops_reading(50);
    assert_eq!((send(&mut solo), send(&mut solo)), (Ok(()), Ok(())));
    solo.sends(3, &[0; 16]);
    solo.closes(&crate::Close::new(Cause::ClosedByGame));
    solo.peer_reads = true;
    solo.run();
    assert_eq!(
        solo.kinds_written(),
        [Kind::Data, Kind::Pong, Kind::Data, Kind::Goodbye]
    );
}

#[test]
fn frames_that_others_queued_keep_their_order_and_are_counted_when_written() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    let now = solo.now;
    let queue = |n: u8| {
        let mut queue = Box::<SendQueue>::default();
        let encode = |out: &mut Vec<u8>| {
            crate::encode_data(&crate::Framing::Native, &[n], out);
        };
        queue.push_data(now, encode);
        queue
    };
    let now = solo.now;
    solo.connection().adopt(now, &mut queue(1));
    let now = solo.now;
    solo.connection().adopt(now, &mut queue(2));
    solo.connection().send(now, &[3]).expect("it is taken");
    assert_eq!(solo.connection().frames().1, 0);
    solo.outbound.capacity = usize::MAX;
    solo.run();
    let payloads: Vec<_> = solo
        .written()
        .into_iter()
        .map(|(_, payload)| payload)
        .collect();
    assert_eq!(payloads, [[1], [2], [3]]);
    assert_eq!(solo.connection().frames().1, 3);
}

#[test]
fn a_buffer_is_lent_where_there_is_none_and_given_back_when_it_is_written_out() {
    let mut solo = Solo::live();
    let _welcome = solo.connection().reclaim();
    solo.connection().lend(Box::default);
    assert!(solo.connection().reclaim().is_some());
    assert!(solo.connection().reclaim().is_none());
    solo.stops_reading(0);
    assert_eq!(send(&mut solo), Ok(()));
    assert!(solo.connection().reclaim().is_none(), "it is in use");
    solo.connection().lend(|| panic!("there is one"));
}

/// The sender's clock is the table's; that of a connection whose worker was blocked is behind it.
#[test]
fn a_frame_that_others_queued_is_not_from_the_future() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    let mut ahead = Box::<SendQueue>::default();
    ahead.push_data(solo.now + secs(600), |out| out.extend_from_slice(&[0; 96]));
    let now = solo.now;
    solo.connection().adopt(now, &mut ahead);
    solo.run();
    for _ in 0..5 {
        solo.advance(secs(1));
        solo.sends(0, b"alive");
    }
    assert_eq!(solo.cause(), Cause::SendQueueStale);
}
