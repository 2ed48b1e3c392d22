//! The rules of which end may send what, and when: every kind in every state for both roles, and the counts.

use crate::wire::{Ack, Ping, Pong};
use crate::{Cause, Config, Phase};

use super::harness::{Answer, HEARTBEAT, HELLO, Solo, WELCOME, encoded, frame, millis};

/// One well-formed frame of each kind, and one of an unknown kind.
fn every_kind() -> Vec<(u8, Vec<u8>)> {
    let pong = Pong {
        ping_clock_us: 0,
        clock_us: 0,
        held_us: 0,
        received: 0,
    };
    let ping = Ping {
        clock_us: 0,
        received: 0,
    };
    vec![
        (0, frame(0, b"data")),
        (1, encoded(|out| HELLO.encode(out))),
        (2, encoded(|out| WELCOME.encode(out))),
        (3, encoded(|out| ping.encode(out))),
        (4, encoded(|out| pong.encode(out))),
        (5, encoded(|out| Ack { received: 0 }.encode(out))),
        (6, frame(6, &[1, 0, 0, 0, 0, 0, 0, 0, 0])),
        (7, frame(7, &[0; 8])),
        (8, frame(8, b"")),
        (127, frame(127, b"")),
        (128, frame(128, b"extension")),
        (255, frame(255, b"")),
    ]
}

/// Checks the cause to which each kind leads; `None` where the session goes on.
#[track_caller]
fn check(setting: fn() -> Solo, verdict: impl Fn(u8) -> Option<Cause>) {
    for (kind, bytes) in every_kind() {
        for chunk in [1, usize::MAX] {
            let mut solo = setting();
            solo.inbound.chunk = chunk;
            solo.says(&bytes);
            match verdict(kind) {
                None => assert!(
                    solo.connection().delivers() && !solo.is_over(),
                    "kind {kind}"
                ),
                Some(cause) => assert_eq!(solo.cause(), cause, "kind {kind}"),
            }
        }
    }
}

#[test]
fn a_clients_first_frame_is_hello() {
    check(Solo::server, |kind| match kind {
        1 => None,
        _ => Some(Cause::WrongProtocol),
    });
}

#[test]
fn a_client_waits_for_welcome_and_may_only_leave_meanwhile() {
    fn waiting() -> Solo {
        let mut solo = Solo::server_with(Config::default(), Answer::Wait);
        solo.says(&encoded(|out| HELLO.encode(out)));
        assert_eq!(solo.connection().phase(), Phase::Auth);
        solo
    }
    check(waiting, |kind| match kind {
        6 => Some(Cause::PeerGoodbye),
        _ => Some(Cause::ProtocolViolation),
    });
}

#[test]
fn a_live_client_sends_data_heartbeats_acks_goodbye_and_extensions() {
    check(Solo::live, |kind| match kind {
        0 | 3 | 4 | 5 | 128 | 255 => None,
        6 => Some(Cause::PeerGoodbye),
        _ => Some(Cause::ProtocolViolation),
    });
}

#[test]
fn a_servers_first_frame_is_welcome_or_goodbye() {
    check(Solo::client, |kind| match kind {
        2 => None,
        6 => Some(Cause::PeerGoodbye),
        _ => Some(Cause::WrongProtocol),
    });
}

#[test]
fn a_live_server_may_also_send_notices() {
    check(Solo::live_client, |kind| match kind {
        0 | 3 | 4 | 5 | 7 | 128 | 255 => None,
        6 => Some(Cause::PeerGoodbye),
        _ => Some(Cause::ProtocolViolation),
    });
}

#[test]
fn a_count_of_frames_that_were_never_sent_is_a_violation() {
    for (sent, count, fine) in [(0, 0, true), (0, 1, false), (2, 2, true), (2, 3, false)] {
        for kind in 3..=5 {
            let mut solo = Solo::live();
            for _ in 0..sent {
                let now = solo.now;
                solo.connection().send(now, b"state").expect("it is taken");
                solo.run();
            }
            solo.outbound.log.clear();
            solo.says(&counting(kind, count));
            assert_eq!(solo.connection().is_live(), fine, "{sent} {count} {kind}");
            if !fine {
                assert_eq!(solo.written().len(), 1, "a goodbye, and no pong");
                assert_eq!(solo.cause(), Cause::ProtocolViolation);
            }
        }
    }
}

/// The client acks as the wire asks, and as early as it may: from half of 64 frames, 32 KiB or 1 s on. Its pings go on
/// meanwhile. The acks may come one by one, or late and in a bunch.
#[test]
fn a_client_that_acks_as_the_wire_asks_is_no_flood_at_any_rate_of_frames() {
    let cases = [
        // Frames to each ack, their payload, and the time that they take.
        (1, 1, millis(500)),
        (1, 16 * 1024, millis(1)),
        (32, 1, millis(1)),
        (64, 1, millis(1)),
        (10, 200, millis(500)),
    ];
    for (frames, payload, time) in cases {
        for bunch in [1, 8] {
            let mut solo = Solo::live();
            let mut next_ping = solo.now;
            for _ in 0..1_000 / bunch {
                for _ in 0..bunch {
                    for _ in 0..frames {
                        let now = solo.now;
                        let sent = solo.connection().send(now, &vec![0; payload]);
                        sent.expect("it is taken");
                        solo.run();
                    }
                    solo.advance(time);
                }
                let (_, sent) = solo.connection().frames();
                for behind in (0..bunch).rev() {
                    solo.says(&counting(5, sent - behind * frames));
                }
                if solo.now >= next_ping {
                    solo.says(&counting(3, sent));
                    next_ping = solo.now + HEARTBEAT;
                }
            }
            assert!(solo.connection().is_live(), "{frames} frames of {payload}");
        }
    }
}

#[test]
fn acks_that_acknowledge_nothing_are_a_flood() {
    for count in [0, 1] {
        let mut solo = Solo::live();
        let now = solo.now;
        solo.connection().send(now, b"state").expect("it is taken");
        solo.run();
        solo.says(&counting(5, count));
        for _ in 0..16 + 15 - u64::from(count == 0) {
            assert!(solo.connection().is_live());
            solo.says(&counting(5, count));
        }
        assert!(solo.connection().is_live());
        solo.says(&counting(5, count));
        assert_eq!(solo.cause(), Cause::PingFlood);
    }
}

#[test]
fn a_count_that_shrinks_is_a_violation() {
    for kind in 3..=5 {
        let mut solo = Solo::live();
        let now = solo.now;
        solo.connection().send(now, b"one").expect("it is taken");
        solo.connection().send(now, b"two").expect("it is taken");
        solo.run();
        solo.says(&counting(5, 2));
        solo.says(&counting(kind, 2));
        assert!(solo.connection().is_live(), "a count may stay as it is");
        solo.says(&counting(kind, 1));
        assert_eq!(solo.cause(), Cause::ProtocolViolation);
        assert_eq!(solo.ending().evidence.frames_unacked, 0);
    }
}

#[test]
fn a_frame_that_was_queued_and_not_written_cannot_be_counted() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    let now = solo.now;
    solo.connection()
        .send(now, b"waiting")
        .expect("it is taken");
    solo.says(&counting(5, 1));
    assert_eq!(solo.cause(), Cause::ProtocolViolation);
}

#[test]
fn a_welcome_must_fit_the_hello() {
    use crate::wire::Welcome;
    let table = [
        (
            Welcome {
                resumed: true,
                ..WELCOME
            },
            Cause::ProtocolViolation,
        ),
        (
            Welcome {
                connection: 0,
                ..WELCOME
            },
            Cause::ProtocolViolation,
        ),
        (
            Welcome {
                received: 1,
                ..WELCOME
            },
            Cause::ProtocolViolation,
        ),
        (
            Welcome {
                version: 2,
                ..WELCOME
            },
            Cause::VersionUnsupported,
        ),
    ];
    for (welcome, cause) in table {
        let mut solo = Solo::client();
        solo.says(&encoded(|out| welcome.encode(out)));
        assert_eq!(solo.cause(), cause, "{welcome:?}");
        assert!(solo.host.seen.is_empty());
    }
}

#[test]
fn control_frames_that_do_not_decode_are_malformed() {
    let table: [(u8, &[u8]); 8] = [
        (3, &[0; 15]),
        (3, &[0; 17]),
        (4, &[0; 27]),
        (4, &[0; 29]),
        (5, &[0; 7]),
        (5, &[0; 9]),
        (6, &[0; 8]),
        (6, &[0; 9 + 513]),
    ];
    for (kind, payload) in table {
        for chunk in [1, usize::MAX] {
            for setting in [Solo::live, Solo::live_client] {
                let mut solo = setting();
                solo.inbound.chunk = chunk;
                solo.sends(kind, payload);
                assert_eq!(solo.goodbye_code(), Cause::FrameMalformed.code());
                assert_eq!(solo.cause(), Cause::FrameMalformed, "{kind}");
            }
        }
    }
}

#[test]
fn a_hello_that_does_not_decode_is_malformed() {
    for payload in [
        b"L".as_slice(),
        b"LW",
        b"LW\x01",
        b"LW\x02\x01\x00",
        b"LW\x01\x01\x03",
    ] {
        let mut solo = Solo::server();
        solo.sends(1, payload);
        assert_eq!(solo.cause(), Cause::FrameMalformed, "{payload:?}");
        assert_eq!(solo.ending().verdict.phase, Phase::Hello);
    }
}

fn counting(kind: u8, received: u64) -> Vec<u8> {
    let pong = Pong {
        ping_clock_us: 0,
        clock_us: 0,
        held_us: 0,
        received,
    };
    encoded(|out| match kind {
        3 => Ping {
            clock_us: 0,
            received,
        }
        .encode(out),
        4 => pong.encode(out),
        _ => Ack { received }.encode(out),
    })
}
