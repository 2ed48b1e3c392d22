//! The reports of a live session's link: suspect once, healthy once, and none after the end.

use std::sync::Arc;

use super::super::{Input, Timer};
use crate::{Admission, Cause, Close, Config, Diagnosis, Framing, LengthPrefixed, Link, Timing};

use super::harness::{ADMISSION, Answer, DEAD, Pair, QUIET, SUSPECT, Seen, Solo, millis, secs};

const SUSPECTED: Link = Link::Suspect(Diagnosis::Undecided);
const FROZEN: Link = Link::Suspect(Diagnosis::PeerFrozen);
const CUT: Link = Link::Suspect(Diagnosis::PathDead);

fn links(seen: &[Seen]) -> Vec<Link> {
    let link = |seen: &Seen| match seen {
        Seen::Link(link) => Some(link.clone()),
        Seen::Data(_)
        | Seen::Credentials(_)
        | Seen::Secured
        | Seen::Welcome(_)
        | Seen::Notice { .. }
        | Seen::RoundTrip(_)
        | Seen::Claim { .. }
        | Seen::Back => None,
    };
    seen.iter().filter_map(link).collect()
}

fn live_with(timing: Timing) -> Solo {
    let admission = Admission {
        timing,
        ..ADMISSION
    };
    Solo::joined_with(Config::default(), Answer::Admit(admission))
}

#[test]
fn a_silent_peer_is_suspect_once_and_healthy_once() {
    let mut solo = Solo::live();
    for n in 0..3 {
        solo.host.seen.clear();
        assert_eq!(
            solo.connection().poll_timeout(),
            (solo.now + QUIET, Timer::Heartbeat),
            "{n}: it is asked first"
        );
        solo.advance(QUIET);
        let left = SUSPECT - QUIET;
        assert_eq!(
            solo.connection().poll_timeout(),
            (solo.now + left, Timer::Suspect)
        );
        solo.advance(left - millis(1));
        assert_eq!(links(&solo.host.seen), []);
        solo.advance(millis(1));
        assert_eq!(links(&solo.host.seen), [SUSPECTED]);
        solo.advance(DEAD - SUSPECT - millis(1));
        solo.sends(0, b"back");
        solo.sends(0, b"and talking");
        let told = [
            Seen::Link(FROZEN),
            Seen::Link(Link::Healthy),
            Seen::Data(b"back".to_vec()),
            Seen::Data(b"and talking".to_vec()),
        ];
        let seen: Vec<_> = solo.host.seen.iter().collect();
        let seen = seen[seen.len() - 4..].iter().copied();
        assert!(seen.eq(&told), "healthy comes before what is said");
    }
}

#[test]
fn a_byte_is_a_sign_of_life_and_our_own_writes_are_none() {
    let mut solo = Solo::live();
    for _ in 0..20 {
        solo.advance(secs(7));
        solo.says(&[0]);
        solo.says(&[0, 0, 0]);
    }
    assert_eq!(links(&solo.host.seen), []);
    solo.advance(secs(7));
    let now = solo.now;
    solo.connection().send(now, b"state").expect("it is taken");
    solo.advance(millis(500));
    assert_eq!(links(&solo.host.seen), [SUSPECTED]);
}

#[test]
fn a_clients_server_is_suspect_after_half_of_the_dead_limit() {
    let mut solo = Solo::live_client();
    solo.advance(DEAD / 2 - millis(1));
    assert_eq!(links(&solo.host.seen), []);
    solo.advance(millis(1));
    assert_eq!(links(&solo.host.seen), [SUSPECTED]);
    solo.sends(0, b"back");
    assert_eq!(links(&solo.host.seen), [SUSPECTED, Link::Healthy]);
}

#[test]
fn both_ends_of_an_outage_are_told_of_it_and_a_quiet_pair_of_nothing() {
    let mut pair = Pair::live();
    pair.advance(secs(3_600));
    assert_eq!(links(&pair.server.seen), []);
    assert_eq!(links(&pair.client.seen), []);
    pair.cut();
    pair.advance(secs(13));
    (pair.up.is_cut, pair.down.is_cut) = (false, false);
    pair.advance(secs(60));
    for host in [&pair.server, &pair.client] {
        let links = links(&host.seen);
        assert!(links.ends_with(&[CUT, Link::Healthy]), "{links:?}");
        assert!(links.len() == 2 || links.first() == Some(&SUSPECTED));
    }
}

#[test]
fn a_peer_is_not_suspected_while_reading_is_paused() {
    let mut solo = Solo::live();
    solo.advance(secs(7));
    solo.pauses();
    solo.advance(DEAD * 10);
    solo.resumes();
    solo.advance(millis(499));
    assert_eq!(
        links(&solo.host.seen),
        [],
        "its time goes on when we listen again"
    );
    solo.advance(millis(1));
    assert_eq!(links(&solo.host.seen), [SUSPECTED]);
}

#[test]
fn a_suspicion_outlasts_our_pause_until_a_byte_comes() {
    let mut solo = Solo::live();
    solo.advance(SUSPECT);
    solo.pauses();
    solo.advance(DEAD);
    solo.resumes();
    solo.advance(DEAD - SUSPECT - millis(1));
    assert_eq!(links(&solo.host.seen), [SUSPECTED, FROZEN], "told once");
    solo.sends(0, b"back");
    assert_eq!(links(&solo.host.seen), [SUSPECTED, FROZEN, Link::Healthy]);
}

#[test]
fn nothing_is_reported_once_a_session_is_ending() {
    type End = fn(&mut Solo);
    let ends: [End; 4] = [
        |solo| solo.closes(&Close::new(Cause::Kicked)),
        |solo| solo.sends(6, &[0; 9]),
        Solo::fin,
        |solo| solo.hears(Input::EndNoticed(solo.readings())),
    ];
    for (n, end) in ends.into_iter().enumerate() {
        let mut solo = Solo::live();
        solo.stops_reading(0);
        end(&mut solo);
        solo.advance(secs(3_600));
        assert_eq!(links(&solo.host.seen), [], "{n}");
    }
}

#[test]
fn a_peer_judged_silent_does_not_become_healthy_again() {
    let mut solo = Solo::live();
    solo.advance(DEAD);
    solo.sends(0, b"too late");
    assert_eq!(links(&solo.host.seen), [SUSPECTED, FROZEN]);
    assert_eq!(solo.cause(), Cause::PeerFrozen);
}

/// A server does not ping on its own; its client hears it once a heartbeat.
#[test]
fn a_quiet_server_with_a_long_heartbeat_is_no_suspect_to_its_client() {
    let admission = Admission {
        timing: Timing {
            heartbeat_ms: 20_000,
            suspect_ms: 30_000,
            dead_ms: 33_000,
        },
        ..ADMISSION
    };
    let mut pair = Pair::with(Config::default(), Answer::Admit(admission));
    pair.advance(secs(600));
    assert!(pair.client.connection().is_live());
    assert_eq!(links(&pair.client.seen), []);
    assert_eq!(links(&pair.server.seen), []);
}

#[test]
fn a_suspicion_never_comes_after_the_end() {
    let mut solo = Solo::live();
    solo.advance(QUIET);
    let (at, timer) = solo.connection().poll_timeout();
    assert_eq!(timer, Timer::Suspect);
    let readings = solo.readings();
    solo.connection().handle(at, Input::Timeout(readings));
    solo.connection().handle(at, Input::Abort(readings));
    assert!(solo.connection().poll_output().is_none());
    solo.run();
    assert!(
        solo.is_over()
            && solo
                .host
                .seen
                .iter()
                .all(|seen| !matches!(seen, Seen::Link(_)))
    );
}

#[test]
fn a_suspicion_that_was_not_reported_is_lifted_without_a_report() {
    let mut solo = Solo::live();
    solo.advance(QUIET);
    let (at, timer) = solo.connection().poll_timeout();
    assert_eq!(timer, Timer::Suspect);
    let readings = solo.readings();
    solo.connection().handle(at, Input::Timeout(readings));
    solo.connection().bytes_arrived(at, 1);
    assert!(solo.connection().poll_output().is_none());
}

#[test]
fn a_client_in_a_debugger_is_suspect_and_never_given_up() {
    let mut solo = live_with(Timing {
        dead_ms: 0,
        ..ADMISSION.timing
    });
    solo.advance(secs(10_000));
    assert_eq!(links(&solo.host.seen), [SUSPECTED, FROZEN]);
    assert!(solo.outbound.log.is_empty(), "no ping is sent to it");
    solo.sends(0, b"back");
    assert_eq!(links(&solo.host.seen), [SUSPECTED, FROZEN, Link::Healthy]);
    assert!(solo.connection().is_live());
}

#[test]
fn without_a_suspect_limit_or_a_heartbeat_no_peer_is_suspected() {
    let mut never = live_with(Timing {
        suspect_ms: 0,
        ..ADMISSION.timing
    });
    never.advance(DEAD - millis(1));
    assert_eq!(links(&never.host.seen), []);
    let config = Config {
        framing: Framing::Dialect(Arc::new(LengthPrefixed)),
        ..Config::default()
    };
    let mut mute = Solo::server_with(config, Answer::Admit(ADMISSION));
    mute.says(b"\0\0\0\x03ada");
    mute.advance(secs(3_600));
    assert_eq!(links(&mute.host.seen), []);
    assert!(mute.connection().is_live());
}
