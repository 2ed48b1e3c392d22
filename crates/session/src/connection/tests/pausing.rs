//! While the game takes nothing we do not read: which limits stop, and which go on.

use super::super::{Input, Timer};
use crate::wire::Kind;
use crate::{Cause, Close, Config, Limits};

use super::harness::{DEAD, HEARTBEAT, QUIET, Solo, View, frame, millis, secs};

fn idle_after(secs: u64) -> Config {
    let limits = Limits {
        idle_timeout: Some(super::harness::secs(secs)),
        ..Limits::default()
    };
    Config {
        limits,
        ..Config::default()
    }
}

#[test]
fn a_server_pings_once_a_heartbeat_while_it_does_not_read() {
    let mut solo = Solo::live();
    solo.advance(secs(1));
    solo.pauses();
    solo.advance(HEARTBEAT * 4);
    assert_eq!(solo.kinds_written(), [Kind::Ping; 4]);
    solo.resumes();
    solo.outbound.log.clear();
    solo.advance(QUIET - secs(1) - millis(1));
    assert!(solo.outbound.log.is_empty());
}

#[test]
fn a_silence_while_reading_is_paused_is_no_verdict() {
    let mut solo = Solo::live();
    solo.pauses();
    solo.advance(DEAD * 3);
    assert!(solo.connection().is_live());
    solo.resumes();
    solo.advance(DEAD - millis(1));
    assert!(
        solo.connection().is_live(),
        "its time begins when we listen again"
    );
    solo.advance(millis(1));
    assert_eq!(solo.cause(), Cause::PeerFrozen);
    assert_eq!(solo.ending().evidence.silent_for, Some(DEAD));
}

#[test]
fn a_path_that_dies_while_we_do_not_read_is_found() {
    let mut solo = Solo::live();
    solo.pauses();
    solo.host.view = View::Unanswered {
        retransmits: 2,
        probes: 0,
    };
    solo.advance(DEAD - millis(1));
    assert!(solo.connection().is_live());
    solo.advance(millis(1));
    assert!(
        solo.connection().hands_over_the_rest(),
        "what came before goes to the game first"
    );
    solo.says(&frame(0, b"before the cut"));
    let readings = solo.readings();
    // Nothing that comes during this hand-over can be the cause.
    solo.hears(Input::EndNoticed(readings));
    solo.hears(Input::Close(&Close::new(Cause::Kicked)));
    solo.resumes();
    let ending = solo.ending();
    assert_eq!(ending.verdict.cause, Cause::PathDead);
    assert_eq!(
        (ending.evidence.frames_in, ending.evidence.silent_for),
        (1, Some(DEAD))
    );
    assert!(ending.abort, "no peer is left to read a goodbye");
}

#[test]
fn a_goodbye_behind_a_dead_path_is_evidence_and_not_the_cause() {
    let mut solo = Solo::live();
    solo.pauses();
    solo.host.view = View::Unanswered {
        retransmits: 2,
        probes: 0,
    };
    solo.advance(DEAD);
    assert!(solo.connection().hands_over_the_rest());
    solo.says(&frame(0, b"before the cut"));
    solo.sends(6, &[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    solo.resumes();
    let ending = solo.ending();
    assert_eq!(ending.verdict.cause, Cause::PathDead);
    assert!(ending.peer_goodbye.is_some(), "what the peer said is kept");
    assert_eq!(ending.evidence.frames_in, 1);
}

#[test]
fn the_deadline_of_a_frame_stands_still() {
    let mut solo = Solo::live();
    solo.says(&frame(0, &[1; 100])[..50]);
    solo.advance(secs(4));
    for _ in 0..2 {
        solo.pauses();
        solo.advance(secs(20));
        assert!(solo.connection().is_live());
        solo.pauses();
        solo.advance(secs(20));
        solo.resumes();
        solo.resumes();
    }
    solo.says(&[1]);
    assert_eq!(
        solo.connection().poll_timeout(),
        (solo.now + secs(6), Timer::Frame)
    );
    solo.advance(secs(6));
    assert_eq!(solo.cause(), Cause::FrameTimeout);
}

#[test]
fn the_idle_deadline_stands_still() {
    let mut solo = Solo::live_with(idle_after(10));
    solo.advance(secs(4));
    solo.pauses();
    solo.advance(secs(60));
    assert!(solo.connection().is_live());
    solo.resumes();
    solo.sends(3, &[0; 16]);
    assert_eq!(
        solo.connection().poll_timeout(),
        (solo.now + secs(6), Timer::Idle)
    );
}

#[test]
fn resuming_without_a_pause_changes_nothing() {
    let mut solo = Solo::live_with(idle_after(10));
    solo.says(&[0]);
    solo.advance(secs(9));
    solo.resumes();
    solo.advance(secs(1));
    assert_eq!(solo.cause(), Cause::FrameTimeout);
}

#[test]
fn pings_that_queued_up_while_we_did_not_read_are_no_flood() {
    let mut solo = Solo::live();
    for _ in 0..31 {
        solo.sends(3, &[0; 16]);
    }
    solo.advance(secs(1));
    solo.pauses();
    for _ in 0..100 {
        solo.sends(3, &[0; 16]);
        solo.advance(millis(500));
    }
    solo.resumes();
    assert!(solo.connection().is_live());
    assert_eq!(
        solo.kinds_written()
            .iter()
            .filter(|kind| **kind == Kind::Pong)
            .count(),
        131
    );
}

#[test]
fn a_client_that_does_not_read_still_pings() {
    let mut solo = Solo::live_client();
    solo.pauses();
    solo.advance(HEARTBEAT * 3);
    assert_eq!(solo.kinds_written(), [Kind::Ping; 3]);
}
