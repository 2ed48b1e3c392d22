//! Headers of which every byte is chosen.

use std::sync::{Arc, Mutex};

use lastword_server::{
    Anonymous, Cause, Config, Credentials, Disconnect, Layer, Phase, Player, RemoteSource,
};
use lastword_tests::{Ask, Fixture, Log, Raw, config, goodbye, hello, kind, quick};

use crate::{behind, binary, header};

const LOOPBACK: &str = "127.0.0.0/8";

async fn proxied(config: Config) -> Fixture {
    Fixture::with(behind(LOOPBACK, config), Anonymous).await
}

/// Sends these first bytes and reads to the end. They must name no valid header, and get no answer.
async fn refused(config: Config, bytes: &[u8]) -> Disconnect {
    let mut fixture = Fixture::with(config, Anonymous).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(bytes).await;
    assert_eq!(raw.frame().await, None, "no byte is written to it");
    fixture
        .ends_as(Cause::ProxyHeaderInvalid, Phase::Proxy)
        .await
}

fn last_step(end: &Disconnect) -> (Layer, &'static str) {
    let step = end.ending.trail.last().expect("a step");
    (step.layer, step.what)
}

#[tokio::test]
async fn the_address_in_the_header_is_the_players_everywhere() {
    let asked: Log<Credentials> = Arc::new(Mutex::default());
    let ask = {
        let asked = Arc::clone(&asked);
        Ask(move |credentials: Credentials| {
            asked.lock().unwrap().push(credentials);
            async { Ok(Player::new("ann")) }
        })
    };
    let mut fixture = Fixture::with(behind(LOOPBACK, config()), ask).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    let peer = "203.0.113.9:4711";
    raw.write(&[header(peer, &[]), hello(b"ann")].concat())
        .await;
    assert_eq!(raw.frame().await.map(|(kind, _)| kind), Some(kind::WELCOME));
    let sessions: Vec<_> = fixture.server.sessions();
    assert_eq!(sessions[0].remote.to_string(), peer);
    raw.echo(b"hi").await;
    raw.write(&goodbye()).await;
    drop(raw);
    let left = fixture.collector.departure().await;
    let end = fixture.ends_as(Cause::PeerGoodbye, Phase::Live).await;
    let credentials = asked.lock().unwrap().remove(0);
    assert_eq!(credentials.remote.to_string(), peer);
    assert_eq!(credentials.remote_source, RemoteSource::ProxyHeader);
    assert_eq!(left.remote.to_string(), peer);
    assert_eq!(end.remote.to_string(), peer);
    assert_eq!(end.remote_source, RemoteSource::ProxyHeader);
    let record = end.record();
    assert_eq!(record.remote_source, Some("proxy_header"));
    assert_eq!(record.behind_proxy, Some(true));
    assert!(record.words.contains("through a proxy"), "{}", record.words);
}

/// Cut at every byte, over TCP; and in one segment with what follows.
#[tokio::test]
async fn a_header_may_come_in_any_pieces() {
    let mut fixture = proxied(config()).await;
    let line = b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 7000\r\n".to_vec();
    let fields = [0xea, 0, 5, 1, 2, 3, 4, 5, 0x04, 0, 1, 0];
    for header in [line, header("203.0.113.9:4711", &fields)] {
        let bytes = [header.clone(), hello(b"ann")].concat();
        let step = header.len() / 8;
        for cut in (0..=header.len() + 1).step_by(step).chain([bytes.len()]) {
            let mut raw = Raw::connect(fixture.addr()).await;
            let (first, rest) = bytes.split_at(cut);
            raw.write(first).await;
            tokio::task::yield_now().await;
            raw.write(rest).await;
            raw.frame().await.expect("a welcome");
            drop(raw);
            let end = fixture.collector.end().await;
            assert_eq!(end.remote.port(), 4_711, "{end:?}");
        }
        let mut raw = Raw::connect(fixture.addr()).await;
        for byte in &bytes {
            raw.write(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        raw.frame().await.expect("a welcome");
        drop(raw);
        assert_eq!(fixture.collector.end().await.remote.port(), 4_711);
    }
}

#[tokio::test]
async fn a_header_that_names_no_address_leaves_the_proxys() {
    let unix = [&[b'/'; 216][..], &[0xea, 0, 1, 1]].concat();
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        binary(0x21, 0x00, &[]),
        binary(0x21, 0x31, &unix),
    ] {
        let mut fixture = proxied(config()).await;
        let mut raw = Raw::connect(fixture.addr()).await;
        let own = raw.stream.local_addr().unwrap();
        raw.write(&[header, hello(b"ann")].concat()).await;
        assert_eq!(raw.frame().await.map(|(kind, _)| kind), Some(kind::WELCOME));
        raw.echo(b"hi").await;
        drop(raw);
        let end = fixture.ends_as(Cause::PeerFin, Phase::Live).await;
        assert_eq!(end.remote, own);
        assert_eq!(end.remote_source, RemoteSource::Proxy);
        assert_eq!(end.record().remote_source, Some("proxy"));
    }
}

#[tokio::test]
async fn what_is_no_valid_header_is_proxy_header_invalid() {
    let tls = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    let cases: [(&[u8], &str); 6] = [
        (&hello(b"ann"), "missing"),
        (b"GET / HTTP/1.1\r\n\r\n", "missing"),
        (&tls, "missing"),
        (b"PROXY TCP4 203.0.113.9\r\n", "malformed"),
        (&binary(0x21, 0x41, &[0; 12]), "malformed"),
        (
            &header("203.0.113.9:4711", &[3, 0, 4, 1, 2, 3, 4]),
            "wrong_checksum",
        ),
    ];
    for (bytes, what) in cases {
        let end = refused(behind(LOOPBACK, config()), bytes).await;
        assert_eq!(last_step(&end), (Layer::Proxy, what));
        assert_eq!(end.remote_source, RemoteSource::Proxy);
    }
}

#[tokio::test]
async fn a_header_that_is_late_or_cut_short_is_proxy_header_invalid() {
    let mut hasty = behind(LOOPBACK, config());
    hasty.timeouts.proxy_ms = 200;
    for bytes in [&b"PROXY TCP4"[..], b""] {
        let end = refused(hasty.clone(), bytes).await;
        assert_eq!(last_step(&end), (Layer::Proxy, "late"));
        assert!(end.ending.verdict.at.as_micros() >= 200_000);
    }
    for leave in [Raw::drop_now, Raw::reset] {
        let mut fixture = proxied(config()).await;
        let mut raw = Raw::connect(fixture.addr()).await;
        raw.write(b"PROXY TCP4").await;
        leave(raw);
        fixture
            .ends_as(Cause::ProxyHeaderInvalid, Phase::Proxy)
            .await;
    }
}

#[tokio::test]
async fn an_address_that_is_not_listed_is_refused_whatever_it_says() {
    let elsewhere = || behind("10.0.0.0/8", config());
    let header = header("203.0.113.9:4711", &[]);
    for bytes in [[header, hello(b"ann")].concat(), hello(b"ann")] {
        let end = refused(elsewhere(), &bytes).await;
        assert_eq!(last_step(&end), (Layer::Proxy, "not_listed"));
        assert!(end.remote.ip().is_loopback());
    }
}

#[tokio::test]
async fn a_second_header_and_a_header_without_a_proxy_are_wrong_protocol() {
    for header in [
        header("203.0.113.9:4711", &[]),
        b"PROXY UNKNOWN\r\n".to_vec(),
    ] {
        let mut fixture = proxied(config()).await;
        let mut raw = Raw::connect(fixture.addr()).await;
        raw.write(&[header.clone(), header.clone()].concat()).await;
        assert_eq!(raw.frame().await, None);
        fixture.ends_as(Cause::WrongProtocol, Phase::Hello).await;

        let mut plain = Fixture::start().await;
        let mut raw = Raw::connect(plain.addr()).await;
        raw.write(&header).await;
        assert_eq!(raw.frame().await, None);
        plain.ends_as(Cause::WrongProtocol, Phase::Hello).await;
    }
}

#[tokio::test]
async fn a_health_check_is_peer_probe_however_it_leaves() {
    for header in [
        binary(0x20, 0x00, &[]),
        binary(0x20, 0x11, &[0; 12]),
        binary(0x20, 0x00, &[3, 0, 4, 1, 2, 3, 4]),
    ] {
        for leave in [Raw::drop_now, Raw::reset] {
            let mut fixture = proxied(config()).await;
            let mut raw = Raw::connect(fixture.addr()).await;
            raw.write(&header).await;
            leave(raw);
            let end = fixture.ends_as(Cause::PeerProbe, Phase::Hello).await;
            assert_eq!(end.remote_source, RemoteSource::Proxy);
        }
        let mut fixture = proxied(config()).await;
        let mut raw = Raw::connect(fixture.addr()).await;
        raw.write(&header).await;
        assert_eq!(raw.frame().await, None, "it reads our FIN");
        drop(raw);
        fixture.ends_as(Cause::PeerProbe, Phase::Hello).await;
    }
}

/// A load balancer that connects for a player who left at once.
#[tokio::test]
async fn a_player_who_leaves_before_its_first_byte_is_peer_probe() {
    for leave in [Raw::drop_now, Raw::reset] {
        let mut fixture = proxied(config()).await;
        let mut raw = Raw::connect(fixture.addr()).await;
        raw.write(&header("203.0.113.9:4711", &[])).await;
        leave(raw);
        let end = fixture.ends_as(Cause::PeerProbe, Phase::Hello).await;
        assert_eq!(end.remote.to_string(), "203.0.113.9:4711");
    }
}

#[tokio::test]
async fn the_longest_header_costs_no_more_than_its_deadline() {
    let filler = vec![0; 65_535 - 12 - 3];
    let len = u16::try_from(filler.len()).unwrap().to_be_bytes();
    let fields = [&[0x04, len[0], len[1]][..], &filler].concat();
    let mut fixture = proxied(config()).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&header("203.0.113.9:4711", &fields)).await;
    raw.enter("ann").await;
    drop(raw);
    let end = fixture.ends_as(Cause::PeerFin, Phase::Live).await;
    assert_eq!(end.remote.to_string(), "203.0.113.9:4711");
}

#[tokio::test]
async fn a_silence_behind_a_header_is_peer_silent() {
    let mut fixture = proxied(quick(config())).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&header("203.0.113.9:4711", &[])).await;
    raw.enter("ann").await;
    assert_eq!(raw.goodbye_code().await, Some(Cause::PeerSilent.code()));
    drop(raw);
    fixture.ends_as(Cause::PeerSilent, Phase::Live).await;
}
