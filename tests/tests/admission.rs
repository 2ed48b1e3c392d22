//! Which connections are let in: the lists, the limits per address and in all, from several addresses of loopback.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::net::SocketAddr;

use lastword_server::{AdmissionConfig, Anonymous, Cause, Phase};
use lastword_tests::{Fixture, Raw, config, hello, kind, until, within};
use tokio::net::TcpSocket;

/// A server where no address is exempt, and the rest is as changed here.
async fn with(change: impl FnOnce(&mut AdmissionConfig)) -> Fixture {
    let mut config = config();
    config.admission.exempt.clear();
    change(&mut config.admission);
    Fixture::with(config, Anonymous).await
}

/// Connects from this address of loopback.
async fn connect(fixture: &Fixture, from: &str) -> Raw {
    let socket = TcpSocket::new_v4().unwrap();
    let from: SocketAddr = format!("{from}:0").parse().unwrap();
    socket.bind(from).unwrap();
    let stream = socket.connect(fixture.addr()).await.unwrap();
    Raw { stream }
}

async fn join(fixture: &Fixture, from: &str) -> Raw {
    let mut raw = connect(fixture, from).await;
    raw.enter(from).await;
    raw
}

/// A client from this address says hello, and reads the cause of its refusal.
async fn is_refused_as(fixture: &mut Fixture, from: &str, cause: Cause) {
    let mut raw = connect(fixture, from).await;
    raw.write(&hello(b"ann")).await;
    assert_eq!(raw.goodbye_code().await, Some(cause.code()), "{from}");
    drop(raw);
    fixture.ends_as_ever(cause, Phase::Admission).await;
}

#[tokio::test]
async fn an_address_over_its_limit_is_address_limit_and_another_address_is_not() {
    let mut fixture = with(|c| c.address_connections_max = 2).await;
    let first = join(&fixture, "127.0.0.1").await;
    let second = connect(&fixture, "127.0.0.1").await;
    is_refused_as(&mut fixture, "127.0.0.1", Cause::AddressLimit).await;
    let _other = join(&fixture, "127.0.0.2").await;
    drop(first);
    fixture.collector.end().await;
    let _third = join(&fixture, "127.0.0.1").await;
    is_refused_as(&mut fixture, "127.0.0.1", Cause::AddressLimit).await;
    drop(second);
    fixture.collector.end().await;
    let _fourth = join(&fixture, "127.0.0.1").await;
    assert!(fixture.server.stats().laws_hold());
}

#[tokio::test]
async fn an_address_that_connects_too_fast_is_address_limit() {
    let mut fixture = with(|c| {
        c.address_burst_max = 3;
        // The next token comes after a second, and not within the test.
        c.address_rate_max = 1;
    })
    .await;
    let mut players = Vec::new();
    for _ in 0..3 {
        players.push(connect(&fixture, "127.0.0.3").await);
    }
    is_refused_as(&mut fixture, "127.0.0.3", Cause::AddressLimit).await;
    join(&fixture, "127.0.0.4").await.echo(b"in").await;
}

#[tokio::test]
async fn a_client_beyond_the_handshakes_is_overloaded_until_one_is_over() {
    let mut fixture = with(|c| c.handshakes_max = 1).await;
    let mut silent = connect(&fixture, "127.0.0.1").await;
    is_refused_as(&mut fixture, "127.0.0.2", Cause::Overloaded).await;
    silent.enter("ann").await;
    let next = connect(&fixture, "127.0.0.2").await;
    is_refused_as(&mut fixture, "127.0.0.3", Cause::Overloaded).await;
    drop(next);
    fixture.ends_as_ever(Cause::PeerProbe, Phase::Hello).await;
    join(&fixture, "127.0.0.3").await.echo(b"in").await;
}

#[tokio::test]
async fn a_denied_address_is_address_denied_and_told_not_to_come_back() {
    let mut fixture = with(|c| {
        c.allow = vec!["127.0.0.0/24".parse().unwrap()];
        c.deny = vec!["127.0.0.8/29".parse().unwrap()];
    })
    .await;
    for from in ["127.0.0.9", "127.0.1.1"] {
        let mut raw = connect(&fixture, from).await;
        let (frame, goodbye) = raw.frame().await.unwrap();
        assert_eq!(frame, kind::GOODBYE);
        let do_not = 3;
        assert_eq!(goodbye.get(..4), Some(&[1, 0, 69, do_not][..]), "{from}");
        drop(raw);
        fixture
            .ends_as_ever(Cause::AddressDenied, Phase::Admission)
            .await;
    }
    join(&fixture, "127.0.0.7").await.echo(b"in").await;
}

#[tokio::test]
async fn loopback_is_exempt_by_default() {
    let mut config = config();
    config.admission.address_connections_max = 1;
    config.admission.address_burst_max = 1;
    config.admission.handshakes_max = 1;
    let fixture = Fixture::with(config, Anonymous).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(connect(&fixture, "127.0.0.1").await);
    }
    let mut player = join(&fixture, "127.0.0.2").await;
    player.echo(b"in").await;
}

/// Ends of all kinds give back what they held: afterwards the limits are those of the start.
#[tokio::test]
async fn every_end_gives_its_place_back() {
    let mut fixture = with(|c| {
        c.address_connections_max = 1;
        c.address_rate_max = 0;
        c.handshakes_max = 1;
    })
    .await;
    for round in 0..3 {
        drop(connect(&fixture, "127.0.0.1").await);
        fixture.ends_as_ever(Cause::PeerProbe, Phase::Hello).await;
        let mut noise = connect(&fixture, "127.0.0.1").await;
        noise.write(b"GET / HTTP/1.1\r\n\r\n").await;
        drop(noise);
        fixture
            .ends_as_ever(Cause::WrongProtocol, Phase::Hello)
            .await;
        join(&fixture, "127.0.0.1").await.reset();
        fixture.ends_as_ever(Cause::PeerReset, Phase::Live).await;
        let server = fixture.server.clone();
        until("all are gone", move || server.stats().connections_open == 0).await;
        assert!(fixture.server.stats().laws_hold(), "{round}");
    }
}

/// The process takes more than a MiB from the start. Readiness goes first.
#[tokio::test]
async fn a_server_whose_memory_is_short_is_not_ready_and_then_refuses_as_overloaded() {
    let mut fixture = with(|c| {
        c.memory_mib_max = 1;
        c.address_rate_max = 0;
    })
    .await;
    let server = fixture.server.clone();
    until("it is not ready", move || !server.is_calm()).await;
    within("a refusal", async {
        loop {
            let mut early = connect(&fixture, "127.0.0.1").await;
            early.write(&hello(b"ann")).await;
            let (frame, _) = early.frame().await.unwrap();
            drop(early);
            fixture.collector.end().await;
            if frame == kind::GOODBYE {
                break;
            }
            assert_eq!(frame, kind::WELCOME);
        }
    })
    .await;
    is_refused_as(&mut fixture, "127.0.0.2", Cause::Overloaded).await;
}
