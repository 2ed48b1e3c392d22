//! The dead limit: when a silent peer is given up, and for which cause.

use crate::wire::Kind;
use crate::{
    Admission, Call, Cause, Config, Detector, FirstError, KernelSample, Layer, OsError, OwnFault,
    Readings, Terminal, Timing,
};

use super::harness::{
    ADMISSION, Answer, DEAD, Pair, QUIET, START, SUSPECT, Solo, View, millis, secs,
};

#[test]
fn a_silence_is_named_by_the_kernels_last_word_on_it() {
    let table = [
        (View::Honest, Cause::PeerFrozen),
        (View::Blind, Cause::PeerSilent),
        (View::Lossy(START + secs(9)), Cause::PeerSilent),
        (
            View::Unanswered {
                retransmits: 0,
                probes: 0,
            },
            Cause::PeerSilent,
        ),
        (
            View::Unanswered {
                retransmits: 1,
                probes: 0,
            },
            Cause::PathDead,
        ),
        (
            View::Unanswered {
                retransmits: 0,
                probes: 2,
            },
            Cause::PathDead,
        ),
    ];
    for (view, cause) in table {
        let mut solo = Solo::live();
        solo.host.view = view;
        solo.advance(DEAD - millis(1));
        assert!(solo.connection().is_live());
        solo.advance(millis(1));
        let told = solo.kinds_written().last() == Some(&Kind::Goodbye);
        assert_eq!(
            told,
            cause != Cause::PathDead,
            "{view:?}: a dead path carries no goodbye"
        );
        assert_eq!(solo.is_over(), cause == Cause::PathDead, "{view:?}");
        assert_eq!(solo.cause(), cause, "{view:?}");
        assert_eq!(solo.ending().abort, cause == Cause::PathDead);
        let evidence = &solo.ending().evidence;
        assert_eq!(evidence.silent_for, Some(DEAD), "{view:?}");
        assert_eq!(evidence.detector, Some(Detector::Heartbeat), "{view:?}");
    }
}

/// The system's word counts where a verdict would blame the path or nothing at all.
#[test]
fn our_own_network_is_blamed_before_the_path_and_never_before_a_peer_that_answers() {
    let unanswered = |retransmits| View::Unanswered {
        retransmits,
        probes: 0,
    };
    for fault in [
        OwnFault::AddressGone,
        OwnFault::NoRoute,
        OwnFault::NoCarrier,
    ] {
        for (view, cause) in [
            (unanswered(1), Cause::LocalNetworkDown),
            (unanswered(0), Cause::LocalNetworkDown),
            (View::Honest, Cause::PeerFrozen),
            (View::Blind, Cause::PeerSilent),
        ] {
            let mut solo = Solo::live();
            (solo.host.view, solo.host.own_fault) = (view, Some(fault));
            solo.advance(DEAD);
            assert_eq!(solo.cause(), cause, "{view:?}");
            let says = |what| solo.ending().trail.iter().any(|event| event.what == what);
            let is_ours = cause == Cause::LocalNetworkDown;
            assert_eq!(says(fault.label()), is_ours, "{view:?}");
            assert_eq!(solo.ending().evidence.silent_for, Some(DEAD), "{view:?}");
        }
    }
}

#[test]
fn the_trail_has_the_systems_word_also_where_the_counters_blame_our_own_network() {
    let unanswered = |retransmits| View::Unanswered {
        retransmits,
        probes: 0,
    };
    for fault in [None, Some(OwnFault::NoCarrier)] {
        let mut solo = Solo::live();
        (solo.host.view, solo.host.own_fault) = (unanswered(1), fault);
        solo.advance(DEAD - secs(1));
        // No byte was sent again.
        solo.host.view = unanswered(4);
        solo.advance(secs(1));
        assert_eq!(solo.cause(), Cause::LocalNetworkDown);
        let trail = &solo.ending().trail;
        let says = |what| trail.iter().any(|event| event.what == what);
        assert_eq!(says(OwnFault::NoCarrier.label()), fault.is_some());
    }
}

#[test]
fn our_own_network_is_blamed_where_the_kernel_gives_up_first() {
    let kernel = KernelSample {
        state: 7,
        retransmits: 7,
        total_retrans: 7,
        bytes_retrans: Some(9),
        ..KernelSample::default()
    };
    for kind in [
        std::io::ErrorKind::TimedOut,
        std::io::ErrorKind::HostUnreachable,
        std::io::ErrorKind::NetworkUnreachable,
    ] {
        for (own_fault, cause) in [
            (None, Cause::PathDead),
            (Some(OwnFault::NoCarrier), Cause::LocalNetworkDown),
        ] {
            let mut solo = Solo::live();
            solo.advance(secs(9));
            let error = OsError { code: None, kind };
            let mut readings = Readings {
                kernel: Some(kernel),
                first_error: Some(FirstError {
                    call: Call::Read,
                    error,
                }),
                ..solo.readings()
            };
            let now = solo.now;
            assert!(
                solo.connection().may_blame_path(now, &readings),
                "the driver asks"
            );
            readings.own_fault = own_fault;
            solo.read_ends(Terminal::Error(error), readings);
            let ending = solo.ending();
            assert_eq!(ending.verdict.cause, cause, "{kind}");
            let told = ending.trail.iter().find(|event| {
                (event.layer, event.what) == (Layer::Socket, OwnFault::NoCarrier.label())
            });
            assert_eq!(told.is_some(), own_fault.is_some(), "{kind}");
        }
    }
}

#[test]
fn behind_a_proxy_the_kernels_word_is_about_the_proxy() {
    let config = Config {
        behind_proxy: true,
        ..Config::default()
    };
    let mut solo = Solo::live_with(config);
    solo.host.view = View::Unanswered {
        retransmits: 3,
        probes: 2,
    };
    solo.advance(DEAD);
    assert_eq!(solo.cause(), Cause::PeerSilent);
}

#[test]
fn a_byte_moves_the_dead_limit_and_our_own_writes_do_not() {
    let mut solo = Solo::live();
    solo.advance(secs(14));
    solo.sends(0, b"alive");
    for _ in 0..14 {
        solo.advance(secs(1));
        let now = solo.now;
        solo.connection().send(now, b"state").expect("it is taken");
    }
    assert!(solo.connection().is_live());
    solo.advance(secs(1));
    assert_eq!(solo.cause(), Cause::PeerFrozen);
}

#[test]
fn a_cut_is_found_by_both_ends_within_the_dead_limit() {
    let mut pair = Pair::live();
    pair.advance(secs(60));
    pair.cut();
    pair.server
        .connection_mut()
        .send(pair.now, b"into the void")
        .expect("it is taken");
    let unanswered = View::Unanswered {
        retransmits: 3,
        probes: 0,
    };
    (pair.server.view, pair.client.view) = (unanswered, unanswered);
    pair.advance(DEAD);
    for host in [&pair.server, &pair.client] {
        let ending = host.ending.as_ref().expect("it is over");
        assert_eq!(ending.verdict.cause, Cause::PathDead);
        assert_eq!(ending.evidence.frames_unacked, ending.evidence.frames_out);
    }
}

#[test]
fn an_outage_shorter_than_the_dead_limit_ends_nothing() {
    let mut pair = Pair::live();
    pair.down.capacity = 100;
    pair.cut();
    for n in 0..90_u8 {
        pair.server
            .connection_mut()
            .send(pair.now, &[n; 20])
            .expect("it is taken");
        pair.advance(millis(100));
    }
    (pair.up.is_cut, pair.down.is_cut) = (false, false);
    pair.advance(secs(60));
    assert!(pair.server.connection().is_live() && pair.client.connection().is_live());
    assert_eq!(
        super::harness::payloads(&pair.client.seen).len(),
        90,
        "nothing was lost"
    );
}

/// The client's kernel answers after 10 s without an answer. Its next retry of the client's data comes up to 10 s later.
#[test]
fn after_an_outage_the_peer_s_own_data_is_awaited_once() {
    for speaks in [true, false] {
        let mut solo = Solo::live();
        solo.outbound.is_cut = true;
        solo.advance(secs(10));
        solo.outbound.is_cut = false;
        solo.advance(secs(10));
        assert!(solo.connection().is_live(), "it is awaited");
        if speaks {
            solo.sends(0, b"back");
        }
        solo.advance(secs(3));
        assert_eq!(solo.connection().is_live(), speaks);
        if speaks {
            continue;
        }
        assert_eq!(solo.cause(), Cause::PeerSilent);
        let answered_by = secs(10) + millis(250);
        let silent_for = solo.ending().evidence.silent_for.expect("a silence");
        assert!(silent_for <= answered_by * 2 + secs(1), "{silent_for:?}");
    }
}

#[test]
fn a_dead_limit_of_never_is_never() {
    let timing = Timing {
        dead_ms: 0,
        ..ADMISSION.timing
    };
    let admission = Admission {
        timing,
        ..ADMISSION
    };
    let mut solo = Solo::joined_with(Config::default(), Answer::Admit(admission));
    solo.advance(secs(100_000));
    assert!(solo.connection().is_live());
}

#[test]
fn a_client_gives_up_a_server_that_falls_silent() {
    let mut solo = Solo::live_client();
    solo.advance(DEAD);
    assert_eq!(solo.goodbye_code(), Cause::PeerFrozen.code());
    assert_eq!(solo.cause(), Cause::PeerFrozen);
}

#[test]
fn bytes_received_in_linger_do_not_shorten_a_judged_silence() {
    let mut solo = Solo::live();
    solo.advance(DEAD);
    solo.advance(secs(1));
    solo.sends(0, b"back again");
    solo.reset();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFrozen);
    let evidence = &solo.ending().evidence;
    assert_eq!(evidence.silent_for, Some(DEAD));
    assert_eq!(
        evidence.detector,
        Some(Detector::Heartbeat),
        "not by the reset that came later"
    );
    assert_eq!(evidence.last_byte_in, Some(DEAD));
    assert_eq!(evidence.late_bytes_in, 14);
}

#[test]
fn a_peer_that_speaks_again_while_we_linger_is_told_apart() {
    for (view, cause) in [
        (View::Honest, Cause::PeerFrozen),
        (View::Blind, Cause::PeerSilent),
    ] {
        for (speaks, spoke_after) in [(true, Some(secs(2))), (false, None)] {
            let mut solo = Solo::live();
            solo.host.view = view;
            solo.advance(DEAD + secs(2));
            if speaks {
                solo.sends(0, b"back again");
                solo.advance(millis(500));
                solo.sends(0, b"and again");
            }
            solo.fin();
            let ending = solo.ending();
            assert_eq!(ending.verdict.cause, cause);
            assert_eq!(ending.evidence.spoke_after, spoke_after, "{view:?}");
        }
    }
}

/// A byte after another end is no news: that peer was not silent.
#[test]
fn a_word_after_an_end_that_was_no_silence_is_none_of_a_silent_peer() {
    let mut solo = Solo::live();
    solo.closes(&crate::Close::new(Cause::Kicked));
    solo.advance(secs(1));
    solo.sends(0, b"still here");
    solo.fin();
    assert_eq!(solo.ending().evidence.spoke_after, None);
}

#[test]
fn a_silence_that_the_kernel_noticed_says_by_what() {
    for (retransmits, detector) in [(7, Detector::Retransmission), (0, Detector::Keepalive)] {
        let mut solo = Solo::live();
        solo.advance(secs(9));
        let error = OsError {
            code: None,
            kind: std::io::ErrorKind::TimedOut,
        };
        let readings = Readings {
            kernel: Some(KernelSample {
                state: 7,
                retransmits,
                bytes_retrans: Some(9),
                ..solo.kernel()
            }),
            first_error: Some(FirstError {
                call: Call::Read,
                error,
            }),
            ..solo.readings()
        };
        solo.read_ends(Terminal::Error(error), readings);
        assert_eq!(solo.ending().verdict.cause, Cause::PathDead);
        assert_eq!(solo.ending().evidence.detector, Some(detector));
        assert_eq!(solo.ending().evidence.silent_for, Some(secs(9)));
        assert_eq!(solo.ending().first_error, readings.first_error);
    }
}

/// A question on its way is no outage: the peer may have died in its round trip. One that the kernel had to send again is.
#[test]
fn a_frozen_peer_that_is_killed_is_a_reset_unless_our_question_was_sent_again() {
    let unanswered = |retransmits| View::Unanswered {
        retransmits,
        probes: 0,
    };
    for quiet in [QUIET, SUSPECT, SUSPECT + millis(900)] {
        for (view, question_is_lost, cause) in [
            (View::Honest, false, Cause::PeerReset),
            (unanswered(0), false, Cause::PeerReset),
            (unanswered(0), true, Cause::PeerReset),
            (unanswered(1), true, Cause::ResetAfterOutage),
        ] {
            let mut solo = Solo::live();
            solo.sends(0, b"alive");
            solo.host.view = view;
            solo.outbound.is_cut = question_is_lost;
            solo.advance(quiet);
            solo.reset();
            assert_eq!(solo.cause(), cause, "{view:?} {question_is_lost} {quiet:?}");
        }
    }
}
