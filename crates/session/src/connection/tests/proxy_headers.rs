//! A listener behind proxies: from accept to the end of the PROXY header, and what the header changes afterwards.

use super::super::{Input, Timer};
use crate::{Cause, Close, Config, Layer, Message, Phase, Proxied, ProxyFault};

use super::harness::{ADMISSION, Answer, DEAD, HELLO, START, Solo, encoded, millis, secs};

const PEER: Input<'_> = Input::ProxyHeader(Ok(Proxied::Unnamed));

fn proxied() -> Solo {
    let config = Config {
        proxy_header: true,
        ..Config::default()
    };
    Solo::server_with(config, Answer::Admit(ADMISSION))
}

/// The same after a header of 28 bytes.
fn behind_header() -> Solo {
    let mut solo = proxied();
    let now = solo.now;
    solo.connection().bytes_arrived(now, 28);
    solo.hears(PEER);
    solo
}

#[track_caller]
fn ended_as(solo: &mut Solo, cause: Cause, phase: Phase) {
    let verdict = solo.ending().verdict;
    assert_eq!((verdict.cause, verdict.phase), (cause, phase));
}

#[test]
fn the_hello_has_its_own_time_behind_the_header() {
    let mut solo = proxied();
    let timeout = solo.connection().poll_timeout();
    assert_eq!(timeout, (START + secs(2), Timer::Proxy));
    assert_eq!(solo.connection().phase(), Phase::Proxy);
    assert!(solo.connection().awaits_proxy_header());
    solo.advance(millis(1_500));
    solo.hears(PEER);
    assert!(!solo.connection().awaits_proxy_header());
    let timeout = solo.connection().poll_timeout();
    assert_eq!(timeout, (START + millis(6_500), Timer::Hello));
    solo.says(&encoded(|out| HELLO.encode(out)));
    assert!(solo.connection().is_live());
    // A second header has no effect.
    solo.hears(Input::ProxyHeader(Err(ProxyFault::Malformed)));
    assert!(solo.connection().is_live());
}

#[test]
fn a_connection_without_a_valid_header_is_reset_without_a_byte() {
    let mut late = proxied();
    late.advance(millis(1_999));
    assert!(!late.is_over());
    late.advance(millis(1));
    let faults = [
        ProxyFault::NotListed,
        ProxyFault::Missing,
        ProxyFault::Malformed,
        ProxyFault::WrongChecksum,
    ];
    let told = faults.map(|fault| {
        let mut solo = proxied();
        solo.hears(Input::ProxyHeader(Err(fault)));
        (solo, fault)
    });
    for (mut solo, fault) in told.into_iter().chain([(late, ProxyFault::Late)]) {
        ended_as(&mut solo, Cause::ProxyHeaderInvalid, Phase::Proxy);
        assert!(solo.ending().abort && solo.outbound.log.is_empty());
        let step = solo.ending().trail[0];
        assert_eq!((step.layer, step.what), (Layer::Proxy, fault.label()));
    }
}

#[test]
fn an_end_inside_the_header_is_a_header_that_is_cut_short() {
    for leave in [Solo::fin, Solo::reset] {
        for bytes in [0, 10] {
            let mut solo = proxied();
            let now = solo.now;
            solo.connection().bytes_arrived(now, bytes);
            leave(&mut solo);
            ended_as(&mut solo, Cause::ProxyHeaderInvalid, Phase::Proxy);
        }
    }
}

#[test]
fn a_health_check_is_a_probe_and_gets_our_fin() {
    for leave in [Solo::fin, Solo::reset] {
        let mut solo = proxied();
        let now = solo.now;
        solo.connection().bytes_arrived(now, 16);
        solo.hears(Input::ProxyHeader(Ok(Proxied::Probe)));
        assert!(solo.connection().is_shut());
        assert!(solo.outbound.log.is_empty());
        // Its words are discarded.
        solo.says(b"GET / HTTP/1.1\r\n");
        leave(&mut solo);
        ended_as(&mut solo, Cause::PeerProbe, Phase::Hello);
    }
}

#[test]
fn the_header_is_no_word_of_the_peer() {
    for leave in [Solo::fin, Solo::reset] {
        let mut solo = behind_header();
        leave(&mut solo);
        ended_as(&mut solo, Cause::PeerProbe, Phase::Hello);
    }
    let mut solo = behind_header();
    solo.says(&encoded(|out| HELLO.encode(out))[..1]);
    solo.fin();
    ended_as(&mut solo, Cause::PeerFinMidFrame, Phase::Hello);
    let mut solo = behind_header();
    solo.says(&encoded(|out| HELLO.encode(out)));
    solo.reset();
    ended_as(&mut solo, Cause::PeerReset, Phase::Live);
}

#[test]
fn a_client_of_a_drain_is_told_also_before_its_header() {
    let mut solo = proxied();
    solo.closes(&Close::with(Cause::RefusedDraining, Message::default()));
    assert_eq!(solo.goodbye_code(), Cause::RefusedDraining.code());
    solo.fin();
    ended_as(&mut solo, Cause::RefusedDraining, Phase::Proxy);
}

#[test]
fn the_evidence_of_the_kernel_is_the_proxys() {
    let mut solo = behind_header();
    solo.says(&encoded(|out| HELLO.encode(out)));
    solo.advance(DEAD + secs(1));
    assert_eq!(solo.cause(), Cause::PeerSilent);
    assert!(solo.ending().evidence.behind_proxy);
    let mut plain = Solo::live();
    plain.fin();
    assert!(!plain.ending().evidence.behind_proxy);
}

#[test]
fn a_peer_that_is_refused_behind_its_header_is_told_and_its_hello_is_not_read() {
    let mut solo = behind_header();
    solo.hears(Input::Refuse(&Close::new(Cause::AddressLimit)));
    assert_eq!(solo.goodbye_code(), Cause::AddressLimit.code());
    solo.says(&encoded(|out| HELLO.encode(out)));
    assert!(!solo.connection().is_live());
    solo.fin();
    ended_as(&mut solo, Cause::AddressLimit, Phase::Proxy);

    // It may stay for 2 s.
    let mut solo = behind_header();
    solo.hears(Input::Refuse(&Close::new(Cause::AddressDenied)));
    solo.advance(millis(1_999));
    assert!(!solo.is_over());
    solo.advance(millis(1));
    ended_as(&mut solo, Cause::AddressDenied, Phase::Proxy);
}
