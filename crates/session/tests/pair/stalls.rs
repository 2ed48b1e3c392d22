//! Our own stalls: a deadline that passed while we stood still is not the peer's fault.

use lastword_session::{Cause, Config, Limits, Timing};

use crate::harness::{ADMISSION, Answer, HELLO, Solo, encoded, frame, millis, secs};

/// Lets the driver stand still for `stall`, which it measures.
fn stalls(solo: &mut Solo, stall: std::time::Duration) {
    solo.host.stalled = stall;
    solo.now = solo.now + stall;
    solo.run();
}

#[test]
fn a_frame_that_waited_through_a_stall_of_ours_has_the_rest_of_its_time() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    let now = solo.now;
    solo.connection().send(now, &[0; 96]).expect("it is taken");
    solo.advance(secs(1));
    solo.sends(0, b"alive");
    stalls(&mut solo, secs(6));
    assert!(solo.connection().is_live());
    solo.sends(0, b"alive");
    solo.advance(secs(4) - millis(1));
    assert!(solo.connection().is_live());
    solo.advance(millis(1));
    assert_eq!(solo.cause(), Cause::SendQueueStale);
}

#[test]
fn a_frame_that_was_arriving_when_we_stood_still_has_the_rest_of_its_time() {
    let mut solo = Solo::live();
    solo.says(&frame(0, &[1; 100])[..50]);
    solo.advance(secs(4));
    stalls(&mut solo, secs(20));
    assert!(solo.connection().is_live());
    solo.says(&[1]);
    solo.advance(secs(6) - millis(1));
    assert!(solo.connection().is_live());
    solo.advance(millis(1));
    assert_eq!(solo.cause(), Cause::FrameTimeout);
}

#[test]
fn who_asked_to_be_let_in_before_a_stall_of_ours_is_not_late() {
    let mut solo = Solo::server_with(Config::default(), Answer::Wait);
    solo.advance(secs(1));
    stalls(&mut solo, secs(30));
    assert!(!solo.is_over(), "its hello may be on its way");
    solo.says(&encoded(|out| HELLO.encode(out)));
    assert!(solo.connection().is_authenticating());
    solo.host.stalled = secs(0);
    solo.advance(secs(2));
    stalls(&mut solo, secs(30));
    assert!(solo.connection().is_authenticating());
    solo.advance(secs(3) - millis(1));
    assert!(solo.connection().is_authenticating());
    solo.advance(millis(1));
    assert_eq!(solo.cause(), Cause::AuthTimeout);
}

/// Both deadlines pass in one stall, and each is extended once.
#[test]
fn a_stall_extends_what_arrives_and_what_leaves_and_keeps_nobody_busy() {
    let limits = Limits {
        outbound_age_max: Some(secs(5)),
        ..Limits::default()
    };
    let mut solo = Solo::live_with(Config {
        limits,
        ..Config::default()
    });
    solo.stops_reading(0);
    let now = solo.now;
    solo.connection().send(now, &[0; 96]).expect("it is taken");
    solo.says(&frame(0, &[1; 100])[..50]);
    stalls(&mut solo, secs(40));
    assert!(solo.connection().is_live());
}

#[test]
fn pings_that_came_while_we_stood_still_are_no_flood() {
    let timing = Timing {
        heartbeat_ms: 1_000,
        suspect_ms: 2_500,
        dead_ms: 8_000,
    };
    let admission = lastword_session::Admission {
        timing,
        ..ADMISSION
    };
    let mut solo = Solo::joined_with(Config::default(), Answer::Admit(admission));
    solo.advance(secs(1));
    solo.host.stalled = secs(60);
    solo.now = solo.now + secs(60);
    for _ in 0..60 {
        solo.sends(3, &[0; 16]);
    }
    assert!(solo.connection().is_live());
}
