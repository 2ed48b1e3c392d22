//! A game that is slow to take what came before the end: how long it is waited for, and what counts as not taken.

use std::time::Duration;

use super::super::{Input, Timer};
use crate::{Cause, Close, Message, SendQueue, Terminal};

use super::harness::{Solo, frame, millis, secs};

/// The delivery timeout of the default limits.
const DELIVERY: Duration = secs(3);
/// The linger timeout of the default limits.
const LINGER: Duration = secs(3);
/// The time of a game that has taken no frame at all.
const UNREAD: Duration = millis(150);

/// A live session whose game does not come back for more, and this many frames for it.
fn slow(frames: usize) -> Solo {
    let mut solo = Solo::live();
    solo.host.answers = false;
    for _ in 0..frames {
        solo.says(&frame(0, b"frame"));
    }
    solo
}

/// Lets time pass until the verdict is told.
fn told_after(solo: &mut Solo) -> Duration {
    let begun = solo.now;
    while !solo.is_over() {
        let (at, timer) = solo.connection().poll_timeout();
        assert!(at.since(begun) <= 2 * DELIVERY, "{timer:?}");
        solo.advance(at.since(solo.now));
    }
    solo.now.since(begun)
}

#[test]
fn the_timeouts_are_those_of_the_default_limits() {
    let limits = crate::Limits::default();
    assert_eq!(limits.delivery_timeout, DELIVERY);
    assert_eq!(limits.linger_timeout, LINGER);
}

#[test]
fn a_game_that_does_not_come_back_is_given_up_and_the_end_keeps_its_cause() {
    for (taken, timeout) in [(0, UNREAD), (1, DELIVERY)] {
        let mut solo = slow(2);
        solo.fin();
        solo.takes(taken);
        let by = solo.now + timeout;
        assert_eq!(solo.connection().poll_timeout(), (by, Timer::Delivery));
        let told = told_after(&mut solo);
        assert_eq!(told, timeout, "once, not for each step of the end");
        assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
    }
}

/// A long delivery timeout does not make an end later than a long goodbye could.
#[test]
fn the_next_frame_has_the_shorter_of_the_delivery_and_the_linger_timeout() {
    for (delivery, linger) in [(secs(1), secs(9)), (secs(9), secs(1))] {
        let mut config = crate::Config::default();
        config.limits.delivery_timeout = delivery;
        config.limits.linger_timeout = linger;
        let mut solo = Solo::live_with(config);
        solo.host.answers = false;
        solo.says(&frame(0, b"frame"));
        solo.fin();
        solo.takes(1);
        assert_eq!(told_after(&mut solo), secs(1));
    }
}

/// It takes its first frame in the last moment.
#[test]
fn a_game_that_begins_to_take_frames_is_waited_for() {
    let mut solo = slow(1);
    solo.fin();
    solo.takes(0);
    solo.advance(UNREAD - millis(1));
    solo.takes(1);
    assert_eq!(told_after(&mut solo), DELIVERY);
}

#[test]
fn a_kick_ends_the_wait_and_the_peers_end_stays_the_cause() {
    for cause in [Cause::Kicked, Cause::ClosedByGame] {
        let mut solo = slow(2);
        solo.fin();
        solo.takes(1);
        assert!(!solo.is_over());
        solo.closes(&Close::new(cause));
        assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
    }
}

/// A drain is no decision about this one session.
#[test]
fn an_end_that_the_server_decides_for_all_does_not_end_the_wait() {
    let mut solo = slow(2);
    solo.fin();
    solo.takes(1);
    solo.closes(&Close::new(Cause::Drained));
    assert_eq!(told_after(&mut solo), DELIVERY);
}

/// The newer login's session joins only behind this departure.
#[test]
fn a_newer_login_waits_a_second_at_most_whatever_ended_the_session() {
    for is_gone in [false, true] {
        let mut solo = slow(2);
        if is_gone {
            solo.fin();
        }
        solo.takes(1);
        assert!(!solo.is_over());
        solo.closes(&Close::new(Cause::ReplacedByLogin));
        if !is_gone {
            solo.fin();
        }
        assert_eq!(told_after(&mut solo), secs(1), "gone before: {is_gone}");
        let cause = match is_gone {
            true => Cause::PeerFin,
            false => Cause::ReplacedByLogin,
        };
        assert_eq!(solo.ending().verdict.cause, cause);
    }
}

/// Frames are owed to a peer that has left and acknowledges nothing.
#[test]
fn a_newer_login_waits_no_longer_for_what_is_owed_to_a_peer_that_left() {
    for answers in [true, false] {
        let mut solo = slow(1);
        solo.outbound.is_cut = true;
        let now = solo.now;
        solo.connection().send(now, b"owed").expect("it is taken");
        solo.fin();
        solo.takes(1);
        if answers {
            solo.host.answers = true;
            solo.run();
        }
        solo.closes(&Close::new(Cause::ReplacedByLogin));
        let bound = match answers {
            true => secs(1),
            false => secs(1) + millis(100),
        };
        assert_eq!(told_after(&mut solo), bound, "the game answered: {answers}");
        assert_eq!(solo.ending().verdict.cause, Cause::PeerClosedWhileSending);
    }
}

#[test]
fn each_frame_that_is_taken_gives_it_the_whole_time_again() {
    let mut solo = slow(3);
    solo.fin();
    solo.takes(1);
    for taken in 2..=3 {
        solo.advance(DELIVERY - millis(1));
        assert!(!solo.is_over());
        solo.takes(taken);
    }
    solo.takes(3);
    assert_eq!(told_after(&mut solo), DELIVERY);
}

#[test]
fn behind_an_end_of_ours_it_has_the_same_time() {
    let mut solo = slow(1);
    solo.closes(&Close::new(Cause::Idle));
    solo.takes(1);
    solo.fin();
    assert!(!solo.is_over(), "the game has not come back for more");
    assert_eq!(told_after(&mut solo), LINGER);
    assert_eq!(solo.ending().verdict.cause, Cause::Idle);
}

#[test]
fn a_drain_that_is_over_leaves_it_a_tenth_of_a_second() {
    let mut solo = slow(1);
    solo.fin();
    solo.takes(1);
    solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired)));
    assert_eq!(told_after(&mut solo), millis(100));
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
}

/// Reading is paused, and the kernel shows the end behind what was not read.
#[test]
fn frames_that_a_paused_game_does_not_take_are_read_in_the_end() {
    let mut solo = slow(0);
    solo.pauses();
    solo.says(&frame(0, b"unread"));
    solo.inbound.fin(solo.now);
    solo.hears(Input::EndNoticed(solo.readings()));
    assert!(solo.connection().asks_for_room());
    solo.takes(1);
    solo.advance(DELIVERY - millis(1));
    assert!(solo.connection().asks_for_room());
    solo.advance(millis(1));
    assert!(!solo.connection().asks_for_room(), "it is given up");
    solo.resumes();
    assert!(solo.is_over(), "and is waited for no more");
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
    assert_eq!(solo.ending().evidence.frames_in, 1);
}

#[test]
fn frames_behind_the_verdict_are_unsent() {
    let mut waits = slow(1);
    let mut late = Box::<SendQueue>::default();
    late.push_data(waits.now, |out| out.extend_from_slice(b"late"));
    waits.closes(&Close::new(Cause::Idle));
    let now = waits.now;
    waits.connection().adopt(now, &mut late);
    assert!(!waits.is_over());
    waits.fin();
    waits.host.answers = true;
    waits.run();
    assert_eq!(waits.ending().evidence.frames_unsent, 1);
    assert_eq!(waits.ending().evidence.bytes_unsent, 4);
}

/// A kernel that acknowledges late is asked at distances that double, up to 50 ms.
#[test]
fn the_peers_kernel_is_asked_at_growing_distances() {
    let mut solo = Solo::live();
    solo.outbound.is_cut = true;
    let now = solo.now;
    solo.connection().send(now, b"owed").expect("it is taken");
    solo.fin();
    let mut steps = Vec::new();
    for _ in 0..8 {
        let (at, timer) = solo.connection().poll_timeout();
        assert_eq!(timer, Timer::Settle);
        steps.push(at.since(solo.now));
        solo.advance(at.since(solo.now));
    }
    assert_eq!(steps, [1, 2, 4, 8, 16, 32, 50, 50].map(millis));
    let left = LINGER - solo.now.since(now);
    assert_eq!(
        told_after(&mut solo),
        left,
        "no longer than the linger timeout"
    );
    assert_eq!(solo.ending().verdict.cause, Cause::PeerClosedWhileSending);
}

/// An end without a word of the kernel's is told with one.
#[test]
fn a_verdict_waits_for_the_kernels_readings() {
    let mut solo = Solo::live();
    solo.closes(&Close::new(Cause::Kicked));
    let now = solo.now;
    solo.connection()
        .handle(now, Input::DrainExpired(&Message::of(Cause::DrainExpired)));
    assert!(solo.connection().is_closed());
    assert_eq!(solo.connection().poll_timeout().1, Timer::Readings);
    solo.run();
    assert!(solo.ending().evidence.kernel.is_some());
    assert_eq!(solo.ending().first_error, None);
}

#[test]
fn an_end_of_reading_counts_once_the_game_has_taken_everything() {
    let mut solo = slow(1);
    let (now, readings) = (solo.now, solo.readings());
    let connection = solo.connection();
    connection.handle(now, Input::ReadEnded(Terminal::Eof, readings));
    assert!(connection.awaits_delivery() && !connection.wants_read());
    assert_eq!(connection.poll_timeout().1, Timer::Delivery);
    // The kernel's state at this time decides, not its state when reading ended.
    solo.inbound.fin(now);
    solo.host.answers = true;
    solo.run();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
    assert_eq!(solo.ending().evidence.fin, Some(true));
}
