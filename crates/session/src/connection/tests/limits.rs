//! Limits on the peer's frames: their size, the time for one, and the time without one.

use std::sync::Arc;

use super::super::{Input, Timer};
use crate::wire::Hello;
use crate::{Cause, Config, Framing, LengthPrefixed, Limits, Phase, SendError};

use super::harness::{
    ADMISSION, Answer, DEAD, HELLO, SUSPECT, Seen, Solo, View, encoded, frame, millis, secs,
};

fn with(limits: Limits) -> Config {
    Config {
        limits,
        ..Config::default()
    }
}

#[test]
fn a_frame_over_the_limit_is_refused_from_its_header_alone() {
    for chunk in [1, usize::MAX] {
        for header in [
            b"\xff\xff\xff\x00",
            b"\x01\x00\x01\x00",
            b"\x00\x10\x01\x03",
            b"\x00\x10\x01\x80",
        ] {
            let mut solo = Solo::live();
            solo.inbound.chunk = chunk;
            solo.says(&header[..3]);
            assert!(
                solo.connection().is_live(),
                "{header:?}: the kind decides on the limit"
            );
            solo.says(&header[3..]);
            assert_eq!(solo.goodbye_code(), Cause::FrameTooLarge.code());
            assert_eq!(solo.cause(), Cause::FrameTooLarge);
        }
    }
}

#[test]
fn a_frame_of_exactly_the_limit_is_taken() {
    for chunk in [1, 1_000, usize::MAX] {
        let mut solo = Solo::live();
        solo.inbound.chunk = chunk;
        solo.host.seen.clear();
        let payload = vec![5; 65_536];
        solo.sends(0, &payload);
        assert_eq!(solo.host.seen, [Seen::Data(payload)]);
    }
}

#[test]
fn a_hello_over_its_limit_is_refused_from_eight_bytes() {
    for hello in [b"\xff\xff\xff\x01LW\x01\x01", b"\x00\x10\x01\x01LW\x01\x01"] {
        for chunk in [1, usize::MAX] {
            let mut solo = Solo::server();
            solo.inbound.chunk = chunk;
            solo.says(&hello[..7]);
            assert!(!solo.is_over() && solo.outbound.log.is_empty());
            solo.says(&hello[7..]);
            assert_eq!(solo.cause(), Cause::FrameTooLarge);
            assert_eq!(solo.ending().verdict.phase, Phase::Hello);
        }
    }
}

#[test]
fn a_hello_within_a_raised_limit_is_taken() {
    let limits = Limits {
        hello_bytes_max: 65_536,
        ..Limits::default()
    };
    let mut solo = Solo::server_with(with(limits), Answer::Wait);
    let credentials = vec![1; 60_000];
    let hello = Hello {
        credentials: &credentials,
        ..HELLO
    };
    solo.inbound.chunk = 1_460;
    solo.says(&encoded(|out| hello.encode(out)));
    assert_eq!(solo.host.seen, [Seen::Credentials(credentials)]);
}

#[test]
fn a_frame_that_is_begun_must_be_finished_in_time() {
    for begun in [1, 3, 4, 50] {
        let mut solo = Solo::live();
        solo.advance(secs(2));
        solo.says(&frame(0, &[1; 100])[..begun]);
        solo.advance(SUSPECT);
        solo.advance(secs(10) - SUSPECT - millis(1));
        assert!(solo.connection().is_live());
        solo.advance(millis(1));
        assert_eq!(solo.goodbye_code(), Cause::FrameTimeout.code());
        assert_eq!(solo.cause(), Cause::FrameTimeout);
        let need = (begun >= 4).then_some(104);
        let have = u64::try_from(begun).expect("it fits");
        assert_eq!(solo.ending().evidence.partial_frame, Some((have, need)));
    }
}

#[test]
fn one_byte_a_second_does_not_move_the_deadline_of_a_frame() {
    let mut solo = Solo::live();
    let bytes = frame(0, &[1; 100]);
    for byte in &bytes[..10] {
        solo.says(&[*byte]);
        solo.advance(secs(1));
    }
    assert_eq!(solo.cause(), Cause::FrameTimeout);
}

/// Each deadline runs from the connection or from the credentials, and not from the last byte.
#[test]
fn one_byte_a_second_moves_no_deadline_before_the_session() {
    let lengths = Config {
        framing: Framing::Dialect(Arc::new(LengthPrefixed)),
        ..Config::default()
    };
    let hello = encoded(|out| HELLO.encode(out));
    let mut credentials = vec![0, 0, 0, 200];
    credentials.extend([7; 200]);
    let settings = [
        (Solo::server(), hello, Cause::HelloTimeout),
        (
            Solo::server_with(lengths, Answer::Wait),
            credentials,
            Cause::HelloTimeout,
        ),
        (waiting(), vec![0, 2, 0, 6, 0, 0, 0], Cause::AuthTimeout),
    ];
    for (mut solo, bytes, cause) in settings {
        let begun = solo.now;
        for byte in bytes.iter().take(5) {
            assert!(solo.connection().delivers());
            solo.says(&[*byte]);
            solo.advance(secs(1));
        }
        assert_eq!(solo.now, begun + secs(5));
        assert_eq!(solo.cause(), cause);
    }
}

/// A server that has the hello, and whose authenticator does not answer.
fn waiting() -> Solo {
    let mut solo = Solo::server_with(Config::default(), Answer::Wait);
    solo.says(&encoded(|out| HELLO.encode(out)));
    solo
}

#[test]
fn one_byte_a_second_does_not_move_the_deadline_of_a_dialects_frame() {
    let config = Config {
        framing: Framing::Dialect(Arc::new(LengthPrefixed)),
        ..Config::default()
    };
    let mut solo = Solo::server_with(config, Answer::Admit(ADMISSION));
    solo.says(b"\0\0\0\x03ada");
    for byte in [0, 0, 3, 0, 1, 2, 3, 4, 5, 6] {
        assert!(solo.connection().is_live());
        solo.says(&[byte]);
        solo.advance(secs(1));
    }
    assert_eq!(solo.cause(), Cause::FrameTimeout);
}

#[test]
fn a_frame_over_the_outbound_limit_is_refused_also_where_the_peer_takes_more() {
    let limits = Limits {
        outbound_frame_bytes_max: 2_000,
        ..Limits::default()
    };
    let framings = [Framing::Native, Framing::Dialect(Arc::new(LengthPrefixed))];
    for framing in framings {
        let config = Config {
            framing: framing.clone(),
            limits: limits.clone(),
            ..Config::default()
        };
        let mut solo = Solo::server_with(config, Answer::Admit(ADMISSION));
        match framing {
            Framing::Native => solo.says(&encoded(|out| HELLO.encode(out))),
            Framing::Dialect(_) => solo.says(b"\0\0\0\x03ada"),
        }
        let now = solo.now;
        let longest = solo.connection().send(now, &[0; 2_000]);
        assert_eq!(longest, Ok(()), "{framing:?}");
        let over = solo.connection().send(now, &[0; 2_001]);
        assert_eq!(over, Err(SendError::TooLarge), "{framing:?}");
        // Inbound frames have a limit of their own.
        let bytes = match framing {
            Framing::Native => frame(0, &[5; 60_000]),
            Framing::Dialect(_) => [&60_000_u32.to_be_bytes()[..], &[5; 60_000]].concat(),
        };
        solo.says(&bytes);
        assert!(solo.connection().is_live(), "{framing:?}");
    }
}

#[test]
fn a_slow_upload_that_goes_on_is_never_cut_short() {
    let mut solo = Solo::live();
    let bytes = frame(0, &[1; 30_000]);
    for part in bytes.chunks(1_024) {
        solo.says(part);
        assert!(solo.connection().is_live());
        solo.advance(secs(9));
    }
    let arrived = solo.host.seen.iter().filter_map(Seen::payload).count();
    assert_eq!(arrived, 1, "after four minutes");
}

#[test]
fn less_than_a_kib_in_the_frame_timeout_is_no_progress() {
    let mut solo = Solo::live();
    let bytes = frame(0, &[1; 30_000]);
    solo.says(&bytes[..1_000]);
    let begun = solo.now;
    for part in bytes[1_000..1_018].chunks(2) {
        solo.advance(secs(1));
        solo.says(part);
    }
    let due = (begun + secs(10), Timer::Frame);
    assert_eq!(solo.connection().poll_timeout(), due);
    solo.advance(secs(1));
    assert_eq!(solo.cause(), Cause::FrameTimeout);
}

/// The rest of the frame lies behind the outage, so its sender is not to blame.
#[test]
fn a_frame_that_an_outage_holds_up_is_not_judged_by_its_deadline() {
    for outlasts in [false, true] {
        let mut solo = Solo::live();
        let bytes = frame(0, &[1; 100]);
        solo.says(&bytes[..50]);
        solo.outbound.is_cut = true;
        solo.host.view = View::Unanswered {
            retransmits: 3,
            probes: 0,
        };
        solo.advance(secs(12));
        assert!(solo.connection().is_live());
        if outlasts {
            solo.advance(DEAD - secs(12));
            assert_eq!(solo.cause(), Cause::PathDead);
            continue;
        }
        solo.outbound.is_cut = false;
        solo.host.view = View::Honest;
        // Less than a KiB, and not all of the rest: a sender of small segments.
        solo.says(&bytes[50..60]);
        solo.advance(secs(9));
        assert!(solo.connection().is_live());
        solo.advance(secs(1));
        assert_eq!(solo.cause(), Cause::FrameTimeout);
    }
}

#[test]
fn each_frame_has_a_time_of_its_own() {
    let mut solo = Solo::live();
    let bytes = frame(0, &[1; 10]);
    for _ in 0..5 {
        solo.says(&bytes[..5]);
        solo.advance(secs(9));
        solo.says(&bytes[5..]);
    }
    assert!(solo.connection().is_live());
}

#[test]
fn a_peer_that_only_pings_is_idle() {
    let limits = Limits {
        idle_timeout: Some(secs(20)),
        ..Limits::default()
    };
    let mut solo = Solo::live_with(with(limits));
    solo.advance(secs(1));
    solo.sends(0, b"a last frame");
    for _ in 0..4 {
        solo.sends(3, &[0; 16]);
        solo.advance(secs(5));
    }
    assert_eq!(solo.goodbye_code(), Cause::Idle.code());
    assert_eq!(solo.cause(), Cause::Idle);
    assert_eq!(
        solo.ending().evidence.silent_for,
        Some(secs(20)),
        "since the game's last frame"
    );
}

#[test]
fn a_game_frame_moves_the_idle_deadline() {
    let limits = Limits {
        idle_timeout: Some(secs(10)),
        ..Limits::default()
    };
    let mut solo = Solo::live_with(with(limits));
    for _ in 0..10 {
        solo.advance(secs(9));
        solo.sends(0, b"move");
    }
    assert!(solo.connection().is_live());
}

/// A driver keeps the deadline of a calm session, so each of these must end the calm.
#[test]
fn a_session_is_calm_while_nothing_waits() {
    let mut solo = Solo::live();
    assert!(solo.connection().is_calm());
    let whole = frame(0, b"payload");
    solo.says(&whole[..6]);
    assert!(!solo.connection().is_calm(), "a frame has begun");
    solo.says(&whole[6..]);
    assert!(solo.connection().is_calm());
    solo.pauses();
    assert!(!solo.connection().is_calm(), "the game takes no frames");
    solo.resumes();
    assert!(solo.connection().is_calm());
    solo.advance(secs(8));
    assert!(!solo.connection().is_calm(), "the peer is suspect");
    solo.sends(0, b"back");
    assert!(solo.connection().is_calm());
    solo.stops_reading(0);
    let now = solo.now;
    solo.connection().send(now, b"waits").expect("it is taken");
    assert!(!solo.connection().is_calm(), "a frame waits to be written");
    solo.hears(Input::EndNoticed(solo.readings()));
    assert!(!solo.connection().is_calm(), "an end shows");
}
