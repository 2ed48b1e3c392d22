//! Our own stalls: the clock stands still with us, and only what the kernel and the peer tell is on the real one.

use crate::wire::{HEADER_LEN, Kind, Ping, Pong};
use crate::{Cause, Config, Connection, Limits, Timing};

use super::harness::{
    ADMISSION, Answer, DEAD, HELLO, Host, QUIET, START, Seen, Solo, encoded, frame, millis,
    pong_to, secs,
};

#[test]
fn a_frame_that_waited_through_our_own_stall_has_the_rest_of_its_time() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    let now = solo.now;
    solo.connection().send(now, &[0; 96]).expect("it is taken");
    solo.advance(secs(1));
    solo.sends(0, b"alive");
    solo.stands_still(secs(6));
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
    solo.stands_still(secs(20));
    assert!(solo.connection().is_live());
    solo.says(&[1]);
    solo.advance(secs(6) - millis(1));
    assert!(solo.connection().is_live());
    solo.advance(millis(1));
    assert_eq!(solo.cause(), Cause::FrameTimeout);
}

#[test]
fn a_hello_sent_before_our_own_stall_is_not_late() {
    let mut solo = Solo::server_with(Config::default(), Answer::Wait);
    solo.advance(secs(1));
    solo.stands_still(secs(30));
    assert!(!solo.is_over(), "its hello may be on its way");
    solo.says(&encoded(|out| HELLO.encode(out)));
    assert!(solo.connection().is_authenticating());
    solo.advance(secs(2));
    solo.stands_still(secs(30));
    assert!(solo.connection().is_authenticating());
    solo.advance(secs(3) - millis(1));
    assert!(solo.connection().is_authenticating());
    solo.advance(millis(1));
    assert_eq!(solo.cause(), Cause::AuthTimeout);
}

#[test]
fn a_stall_extends_the_deadlines_of_both_directions() {
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
    solo.stands_still(secs(40));
    assert!(solo.connection().is_live());
}

#[test]
fn pings_that_came_while_we_stood_still_are_no_flood() {
    let timing = Timing {
        heartbeat_ms: 1_000,
        suspect_ms: 2_500,
        dead_ms: 8_000,
    };
    let admission = crate::Admission {
        timing,
        ..ADMISSION
    };
    let mut solo = Solo::joined_with(Config::default(), Answer::Admit(admission));
    solo.advance(secs(1));
    solo.stands_still(secs(60));
    for _ in 0..60 {
        solo.sends(3, &[0; 16]);
    }
    assert!(solo.connection().is_live());
}

#[test]
fn the_evidence_tells_real_times_and_how_much_of_the_silence_was_our_stall() {
    let mut solo = Solo::live();
    solo.advance(secs(1));
    solo.stands_still(secs(20));
    solo.advance(DEAD - secs(1));
    assert_eq!(solo.cause(), Cause::PeerFrozen);
    let evidence = &solo.ending().evidence;
    assert_eq!(evidence.own_stall, secs(20));
    assert_eq!(evidence.silent_for, Some(DEAD + secs(20)));
    assert_eq!(evidence.age, DEAD + secs(20));
    assert_eq!(evidence.live_for, DEAD + secs(20));
    assert_eq!(evidence.last_byte_in, Some(DEAD + secs(20)));
}

/// A stall from before the connection, or from before the last byte, does not belong to this silence.
#[test]
fn a_stall_from_before_a_silence_does_not_count_in_it() {
    let connection = Connection::server(Default::default(), START).behind(secs(100));
    let mut solo = Solo::of(Host::new(connection, Answer::Admit(ADMISSION)));
    solo.stood_still = secs(100);
    solo.says(&encoded(|out| HELLO.encode(out)));
    solo.stands_still(secs(7));
    solo.sends(0, b"alive");
    solo.advance(DEAD);
    assert_eq!(solo.cause(), Cause::PeerFrozen);
    let evidence = &solo.ending().evidence;
    assert_eq!(
        (evidence.own_stall, evidence.silent_for),
        (secs(0), Some(DEAD))
    );
    assert_eq!(evidence.age, DEAD + secs(7));
}

/// The peer measures the offset of our clock by it: it must not stand still.
#[test]
fn pings_and_pongs_carry_the_real_clock() {
    let mut solo = Solo::live();
    solo.stands_still(secs(9));
    solo.sends(
        Kind::Ping.to_byte(),
        &encoded(|out| PING.encode(out))[HEADER_LEN..],
    );
    let (_, pong) = solo
        .written()
        .into_iter()
        .find(|(kind, _)| *kind == Kind::Pong)
        .expect("a pong");
    let pong = Pong::decode(&pong).expect("it decodes");
    assert_eq!(pong.clock_us, (solo.now + secs(9)).as_micros());
    solo.advance(QUIET);
    let (_, ping) = solo
        .written()
        .into_iter()
        .rfind(|(kind, _)| *kind == Kind::Ping)
        .expect("a ping");
    let ping = Ping::decode(&ping).expect("it decodes");
    assert_eq!(ping.clock_us, (solo.now + secs(9)).as_micros());
    // The answer is read after a stall: the round trip is real time, too.
    let answer = pong_to(&solo.written(), 0);
    solo.stands_still(secs(2));
    solo.says(&answer);
    assert!(
        solo.host.seen.contains(&Seen::RoundTrip(secs(2))),
        "{:?}",
        solo.host.seen
    );
}

const PING: Ping = Ping {
    clock_us: 5,
    received: 0,
};
