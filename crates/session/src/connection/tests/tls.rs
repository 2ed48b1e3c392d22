//! A connection with TLS below its frames: the handshake, the two ways in which the peer may close, and the bytes that
//! the layer holds back.

use std::sync::Arc;

use super::super::{Input, Timer};
use crate::{
    Cause, Close, Config, Connection, Framing, GoodbyeProgress, Layer, LengthPrefixed, Message,
    Phase, Proxied,
};

use super::harness::{ADMISSION, Answer, HELLO, Host, START, Solo, WELCOME, encoded, millis, secs};

fn config() -> Config {
    Config {
        tls: true,
        ..Config::default()
    }
}

fn handshaking() -> Solo {
    Solo::server_with(config(), Answer::Admit(ADMISSION))
}

fn secured() -> Solo {
    let mut solo = handshaking();
    solo.hears(Input::Secured);
    solo
}

fn live() -> Solo {
    let mut solo = secured();
    solo.says(&encoded(|out| HELLO.encode(out)));
    assert!(solo.connection().is_live());
    solo.outbound.log.clear();
    solo
}

#[track_caller]
fn ended_as(solo: &Solo, cause: Cause, phase: Phase) {
    let verdict = solo.ending().verdict;
    assert_eq!((verdict.cause, verdict.phase), (cause, phase));
}

#[test]
fn the_hello_has_its_own_time_behind_the_handshake() {
    let mut solo = handshaking();
    let timeout = solo.connection().poll_timeout();
    assert_eq!(timeout, (START + secs(5), Timer::Tls));
    solo.advance(secs(4));
    solo.hears(Input::Secured);
    let timeout = solo.connection().poll_timeout();
    assert_eq!(timeout, (START + secs(9), Timer::Hello));
    solo.says(&encoded(|out| HELLO.encode(out)));
    assert!(solo.connection().is_live());
}

#[test]
fn a_handshake_that_is_late_is_tls_timeout_without_a_byte() {
    let mut solo = handshaking();
    solo.advance(millis(4_999));
    assert!(!solo.is_over());
    solo.advance(millis(1));
    ended_as(&solo, Cause::TlsTimeout, Phase::Tls);
    assert!(solo.ending().abort && solo.outbound.log.is_empty());
}

#[test]
fn a_failure_in_any_phase_ends_with_our_fin_behind_the_alert() {
    for (mut solo, phase) in [
        (handshaking(), Phase::Tls),
        (secured(), Phase::Hello),
        (live(), Phase::Live),
    ] {
        // The layer below holds the alert.
        solo.connection().set_layer_holds(true);
        solo.hears(Input::TlsFailed(&["alert_received", "unknown_ca"]));
        assert!(!solo.connection().is_shut(), "not before the alert is out");
        assert!(solo.connection().wants_write());
        solo.connection().set_layer_holds(false);
        solo.run();
        assert!(solo.connection().is_shut() && solo.outbound.log.is_empty());
        solo.fin();
        ended_as(&solo, Cause::TlsFailed, phase);
        let steps = solo.ending().trail.iter();
        let steps: Vec<_> = steps.map(|step| (step.layer, step.what)).collect();
        let told = ["alert_received", "unknown_ca"].map(|what| (Layer::Tls, what));
        assert!(steps.starts_with(&told), "{steps:?}");
    }
}

#[test]
fn an_end_in_the_handshake_is_the_peers_or_a_probe() {
    for (leave, cause) in [
        (Solo::fin as fn(&mut Solo), Cause::PeerFin),
        (Solo::reset, Cause::PeerReset),
    ] {
        let mut probe = handshaking();
        leave(&mut probe);
        ended_as(&probe, Cause::PeerProbe, Phase::Tls);
        let mut begun = handshaking();
        let now = begun.now;
        begun.connection().bytes_arrived(now, 5);
        leave(&mut begun);
        ended_as(&begun, cause, Phase::Tls);
    }
}

#[test]
fn a_fin_without_a_close_of_tls_is_tls_truncated() {
    let mut cut = live();
    cut.fin();
    ended_as(&cut, Cause::TlsTruncated, Phase::Live);
    let mut orderly = live();
    orderly.hears(Input::TlsClosed);
    orderly.fin();
    ended_as(&orderly, Cause::PeerFin, Phase::Live);
    // Inside a frame and after a reset the end tells more.
    let mut in_frame = live();
    in_frame.says(&[0, 0]);
    in_frame.fin();
    ended_as(&in_frame, Cause::PeerFinMidFrame, Phase::Live);
    let mut reset = live();
    reset.reset();
    ended_as(&reset, Cause::PeerReset, Phase::Live);
}

#[test]
fn a_goodbye_needs_no_close_of_tls() {
    let mut solo = live();
    solo.sends(6, &[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    solo.fin();
    ended_as(&solo, Cause::PeerGoodbye, Phase::Live);
}

#[test]
fn a_decision_before_the_end_of_the_handshake_has_no_words() {
    let mut solo = handshaking();
    solo.closes(&Close::with(Cause::RefusedDraining, Message::default()));
    ended_as(&solo, Cause::RefusedDraining, Phase::Tls);
    assert!(solo.ending().abort && solo.outbound.log.is_empty());
}

#[test]
fn a_peer_that_is_refused_at_accept_is_told_behind_its_handshake() {
    let full = Close::new(Cause::ServerFull);
    let refused = Connection::refused(Arc::new(config()), START, &full);
    let mut refused = Solo::of(Host::new(refused, Answer::Wait));
    // The layer takes nothing until its handshake is complete.
    refused.stops_reading(0);
    refused.run();
    assert!(!refused.connection().is_shut() && refused.connection().wants_write());
    refused.hears(Input::Secured);
    refused.outbound.capacity = usize::MAX;
    refused.run();
    assert_eq!(refused.goodbye_code(), Cause::ServerFull.code());
    refused.fin();
    ended_as(&refused, Cause::ServerFull, Phase::Admission);
    // So is one whose address the PROXY header named.
    let mut named = Solo::server_with(
        Config {
            proxy_header: true,
            ..config()
        },
        Answer::Wait,
    );
    named.hears(Input::ProxyHeader(Ok(Proxied::Unnamed)));
    named.stops_reading(0);
    named.hears(Input::Refuse(&Close::new(Cause::AddressDenied)));
    named.hears(Input::Secured);
    named.outbound.capacity = usize::MAX;
    named.run();
    assert_eq!(named.goodbye_code(), Cause::AddressDenied.code());
    named.fin();
    ended_as(&named, Cause::AddressDenied, Phase::Proxy);
    // Not in front of a PROXY header, which comes before the handshake.
    let behind_proxy = Config {
        proxy_header: true,
        ..config()
    };
    let refused = Connection::refused(Arc::new(behind_proxy), START, &full);
    let mut refused = Solo::of(Host::new(refused, Answer::Wait));
    refused.run();
    ended_as(&refused, Cause::ServerFull, Phase::Admission);
    assert!(refused.outbound.log.is_empty());
}

#[test]
fn our_fin_waits_for_the_bytes_that_the_layer_holds() {
    let mut solo = live();
    solo.connection().set_layer_holds(true);
    solo.closes(&Close::new(Cause::Kicked));
    assert_eq!(solo.goodbye_code(), Cause::Kicked.code());
    assert!(!solo.connection().is_shut());
    // As where the layer has a last word of its own: it holds bytes again when it is asked to shut.
    solo.connection().set_layer_holds(false);
    assert!(!solo.connection().is_shut());
    solo.run();
    assert!(solo.connection().is_shut());
    solo.fin();
    ended_as(&solo, Cause::Kicked, Phase::Live);
    assert_eq!(solo.ending().evidence.farewell, GoodbyeProgress::FinSeen);
}

#[test]
fn a_clients_hello_waits_for_the_handshake() {
    let connection = Connection::client(Arc::new(config()), &HELLO, START);
    let mut solo = Solo::of(Host::new(connection, Answer::Wait));
    solo.run();
    assert!(solo.outbound.log.is_empty() && !solo.connection().wants_write());
    solo.hears(Input::Secured);
    assert!(!solo.outbound.log.is_empty());
    solo.says(&encoded(|out| WELCOME.encode(out)));
    assert!(solo.connection().is_live());

    let connection = Connection::client(Arc::new(config()), &HELLO, START);
    let mut solo = Solo::of(Host::new(connection, Answer::Wait));
    solo.hears(Input::TlsFailed(&["alert_received", "handshake_failure"]));
    assert!(solo.connection().is_shut() && solo.outbound.log.is_empty());
    solo.fin();
    ended_as(&solo, Cause::TlsFailed, Phase::Tls);
}

/// The layer took a part of a frame, and will take no more.
#[test]
fn a_failure_does_not_wait_for_the_rest_of_a_frame() {
    let mut solo = live();
    solo.stops_reading(10);
    let now = solo.now;
    assert_eq!(solo.connection().send(now, &[7; 1_000]), Ok(()));
    solo.run();
    solo.hears(Input::TlsFailed(&["alert_sent", "bad_record_mac"]));
    assert!(solo.connection().is_shut());
}

/// A dialect has no hello, but its client waits for TLS.
#[test]
fn a_client_of_a_dialect_is_live_behind_the_handshake_which_has_a_deadline() {
    let client = || {
        let config = Config {
            framing: Framing::Dialect(Arc::new(LengthPrefixed)),
            ..config()
        };
        let mut solo = handshaking();
        *solo.connection() =
            Connection::client_of_dialect(Arc::new(config), ADMISSION.timing, START);
        solo
    };
    let mut solo = client();
    let timeout = solo.connection().poll_timeout();
    assert_eq!(timeout, (START + secs(5), Timer::Tls));
    assert!(!solo.connection().is_live());
    solo.advance(secs(5));
    ended_as(&solo, Cause::TlsTimeout, Phase::Tls);
    let mut solo = client();
    solo.hears(Input::Secured);
    assert!(solo.connection().is_live());
    let now = solo.now;
    assert_eq!(solo.connection().send(now, b"ada"), Ok(()));
    solo.run();
    assert_eq!(solo.outbound.log, b"\0\0\0\x03ada");
}
