//! From accept to the end of the handshake: peers that get through, and peers that do not.

use lastword_server::{Cause, Disconnect, Layer, Network, Phase};
use lastword_tests::{Raw, config, hello};
use rustls::HandshakeKind;

use crate::peer::{self, BOTH, End, Peer};
use crate::{Made, start};

/// Sends these first bytes and reads to the end.
async fn first_bytes(bytes: &[u8]) -> (Disconnect, Vec<u8>) {
    let made = Made::for_name("localhost");
    let mut fixture = start(&made, config()).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut raw.stream, &mut answer);
    lastword_tests::within("the end", read).await.unwrap();
    drop(raw);
    (fixture.ends_as(Cause::TlsFailed, Phase::Tls).await, answer)
}

fn steps(end: &Disconnect) -> Vec<&'static str> {
    let steps = end.ending.trail.iter();
    let of_tls = steps.filter(|step| step.layer == Layer::Tls);
    of_tls.map(|step| step.what).collect()
}

#[tokio::test]
async fn plain_bytes_are_tls_failed_and_get_an_alert() {
    for bytes in [&hello(b"ann")[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let (end, answer) = first_bytes(bytes).await;
        assert_eq!(steps(&end), ["alert_sent", "decode_error"]);
        assert_eq!(answer, [21, 3, 3, 0, 2, 2, 50], "an alert and nothing else");
    }
}

#[tokio::test]
async fn a_handshake_that_is_late_is_tls_timeout() {
    let made = Made::for_name("localhost");
    let mut config = config();
    config.timeouts.tls_ms = 200;
    for bytes in [&[0x16, 3, 1, 2, 0, 1][..], b""] {
        let mut fixture = start(&made, config.clone()).await;
        let mut raw = Raw::connect(fixture.addr()).await;
        raw.write(bytes).await;
        assert_eq!(raw.frame().await, None, "no byte is written to it");
        let end = fixture.ends_as(Cause::TlsTimeout, Phase::Tls).await;
        assert!(end.ending.verdict.at.as_micros() >= 200_000);
    }
}

#[tokio::test]
async fn an_end_in_the_handshake_is_the_peers_or_a_probe() {
    let made = Made::for_name("localhost");
    let leaves = [
        (Raw::drop_now as fn(Raw), Cause::PeerFin),
        (Raw::reset, Cause::PeerReset),
    ];
    for (leave, cause) in leaves {
        for (bytes, cause) in [(&[][..], Cause::PeerProbe), (&[0x16, 3, 1], cause)] {
            let mut fixture = start(&made, config()).await;
            let mut raw = Raw::connect(fixture.addr()).await;
            raw.write(bytes).await;
            leave(raw);
            fixture.ends_as(cause, Phase::Tls).await;
        }
    }
}

#[tokio::test]
async fn a_peer_joins_by_either_version() {
    let made = Made::for_name("localhost");
    for version in BOTH {
        let mut fixture = start(&made, config()).await;
        let tls = peer::config(&made, &[version]);
        let mut peer = Peer::begin(fixture.addr(), tls, "localhost").await;
        peer.enter().await;
        peer.echo(&[7; 60_000]).await;
        peer.close_tls().await;
        drop(peer);
        let end = fixture.ends_as(Cause::PeerFin, Phase::Live).await;
        assert_eq!(end.ending.evidence.fin, Some(true));
    }
}

#[tokio::test]
async fn the_name_of_our_wire_is_negotiated_where_a_client_asks_for_one() {
    let made = Made::for_name("localhost");
    let mut fixture = start(&made, config()).await;
    for (names, fits) in [(&["h2", "lastword/1"][..], true), (&["h2"], false)] {
        let mut tls = peer::config(&made, BOTH);
        tls.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        let mut peer = Peer::begin(fixture.addr(), tls, "localhost").await;
        if fits {
            peer.enter().await;
            assert_eq!(peer.tls.alpn_protocol(), Some(&b"lastword/1"[..]));
            peer.close_tls().await;
            drop(peer);
            fixture.ends_as_ever(Cause::PeerFin, Phase::Live).await;
        } else {
            peer.flush().await;
            assert_eq!(peer.end().await, End::Failed);
            drop(peer);
            let end = fixture.ends_as_ever(Cause::TlsFailed, Phase::Tls).await;
            assert_eq!(steps(&end), ["alert_sent", "no_application_protocol"]);
        }
    }
}

/// Two records with the beginning of one message of 60,000 bytes. Only one of them may be kept.
#[tokio::test]
async fn a_message_that_needs_several_records_is_refused() {
    let mut record = vec![0x16, 3, 1, 0x40, 0];
    record.extend_from_slice(&[1, 0, 0xea, 0x60]);
    record.resize(5 + 0x4000, 0);
    let (end, answer) = first_bytes(&record.repeat(2)).await;
    assert_eq!(steps(&end), ["alert_sent", "record_overflow"]);
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 22]);
}

/// Nothing of a TLS session is kept for a later one, here or with the client.
#[tokio::test]
async fn a_client_that_comes_back_needs_a_whole_handshake() {
    let made = Made::for_name("localhost");
    for version in BOTH {
        let mut fixture = start(&made, config()).await;
        // Its copies share the memory of sessions.
        let tls = peer::config(&made, &[version]);
        for _ in 0..2 {
            let mut peer = Peer::begin(fixture.addr(), tls.clone(), "localhost").await;
            peer.enter().await;
            peer.echo(b"hi").await;
            assert_eq!(peer.tls.handshake_kind(), Some(HandshakeKind::Full));
            assert_eq!(peer.tls.tls13_tickets_received(), 0);
            peer.close_tls().await;
            drop(peer);
            fixture.ends_as_ever(Cause::PeerFin, Phase::Live).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_trusted_hears_the_alert() {
    let (ours, other) = (Made::for_name("localhost"), Made::for_name("localhost"));
    let mut fixture = start(&ours, config()).await;
    let tls = peer::config(&other, BOTH);
    let mut peer = Peer::begin(fixture.addr(), tls, "localhost").await;
    peer.flush().await;
    assert_eq!(peer.end().await, End::Failed);
    peer.flush().await;
    drop(peer);
    let end = fixture.ends_as(Cause::TlsFailed, Phase::Tls).await;
    let [way, name] = steps(&end)[..] else {
        panic!("{end:?}")
    };
    assert_eq!(way, "alert_received");
    assert!(
        ["unknown_ca", "bad_certificate", "decrypt_error"].contains(&name),
        "{name}"
    );
}

/// The proxy does not end TLS: the header is in clear in front of it.
#[tokio::test]
async fn a_proxy_header_comes_before_tls() {
    let made = Made::for_name("localhost");
    let mut config = config();
    config.listen[0].proxy = vec!["127.0.0.0/8".parse::<Network>().unwrap()];
    let mut fixture = start(&made, config).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 7000\r\n")
        .await;
    let mut peer = Peer::over(raw, peer::config(&made, BOTH), "localhost");
    peer.enter().await;
    peer.echo(b"hi").await;
    drop(peer);
    let end = fixture.ends_as(Cause::TlsTruncated, Phase::Live).await;
    assert_eq!(end.remote.to_string(), "203.0.113.9:4711");
    // A health check and a player who leaves at once are probes.
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 7000\r\n")
        .await;
    drop(raw);
    fixture.ends_as_ever(Cause::PeerProbe, Phase::Tls).await;
}
