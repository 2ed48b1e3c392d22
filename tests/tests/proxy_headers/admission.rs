//! Which players are let in behind a proxy: their own addresses count, and the proxy's does not.

use lastword_server::{AdmissionConfig, Anonymous, Cause, Phase, RemoteSource};
use lastword_tests::{Fixture, Raw, config, hello, until};

use crate::{behind, binary, header};

/// A server whose only proxy is this host, and the rest is as changed here.
async fn with(change: impl FnOnce(&mut AdmissionConfig)) -> Fixture {
    let mut config = config();
    change(&mut config.admission);
    Fixture::with(behind("127.0.0.0/8", config), Anonymous).await
}

/// A connection through the proxy for a player at this address.
async fn connect(fixture: &Fixture, player: &str) -> Raw {
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&header(player, &[])).await;
    raw
}

async fn join(fixture: &Fixture, player: &str) -> Raw {
    let mut raw = connect(fixture, player).await;
    raw.enter("ann").await;
    raw
}

/// The player reads the cause of the refusal, and the record has the player's address.
async fn is_refused_as(fixture: &mut Fixture, player: &str, cause: Cause) {
    let mut raw = connect(fixture, player).await;
    raw.write(&hello(b"ann")).await;
    assert_eq!(raw.goodbye_code().await, Some(cause.code()), "{player}");
    drop(raw);
    let end = fixture.ends_as_ever(cause, Phase::Proxy).await;
    assert_eq!(end.remote.to_string(), player);
    assert_eq!(end.remote_source, RemoteSource::ProxyHeader);
}

#[tokio::test]
async fn the_limits_per_address_are_those_of_the_players() {
    let mut fixture = with(|c| {
        c.address_connections_max = 1;
        c.address_rate_max = 0;
    })
    .await;
    let first = join(&fixture, "203.0.113.1:4711").await;
    is_refused_as(&mut fixture, "203.0.113.1:4712", Cause::AddressLimit).await;
    let _other = join(&fixture, "203.0.113.2:4711").await;
    drop(first);
    fixture.ends_as_ever(Cause::PeerFin, Phase::Live).await;
    let _again = join(&fixture, "203.0.113.1:4713").await;
    assert!(fixture.server.stats().laws_hold());
}

#[tokio::test]
async fn the_lists_are_asked_about_the_player_and_never_about_the_proxy() {
    let mut fixture = with(|c| {
        c.deny = ["127.0.0.0/8", "203.0.113.66"]
            .map(|network| network.parse().unwrap())
            .to_vec();
    })
    .await;
    is_refused_as(&mut fixture, "203.0.113.66:4711", Cause::AddressDenied).await;
    join(&fixture, "203.0.113.1:4711").await.echo(b"in").await;
}

/// Neither a health check nor a player without a name takes a place of an address.
#[tokio::test]
async fn a_header_without_an_address_is_asked_for_nothing() {
    let mut fixture = with(|c| {
        c.address_connections_max = 1;
        c.handshakes_max = 2;
    })
    .await;
    let mut unnamed = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::connect(fixture.addr()).await;
        raw.write(b"PROXY UNKNOWN\r\n").await;
        raw.enter("ann").await;
        unnamed.push(raw);
        let mut probe = Raw::connect(fixture.addr()).await;
        probe.write(&binary(0x20, 0x00, &[])).await;
        drop(probe);
        fixture.ends_as_ever(Cause::PeerProbe, Phase::Hello).await;
    }
    drop(unnamed);
    let server = fixture.server.clone();
    until("all are gone", move || server.stats().connections_open == 0).await;
    assert!(fixture.server.stats().laws_hold());
}
