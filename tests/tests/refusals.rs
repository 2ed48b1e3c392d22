//! Clients that are refused: they get the reason, and few of their connections are open at a time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::io::ErrorKind;

use lastword_server::{Anonymous, Cause};
use lastword_tests::{Fixture, Raw, config, until, within};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::yield_now;

/// A server with this many places, and the players that have them. A client that does not leave lingers for ten
/// minutes.
async fn full(places: u32) -> (Fixture, Vec<Raw>) {
    let mut config = config();
    config.admission.connections_max = places;
    config.timeouts.linger_ms = 600_000;
    let fixture = Fixture::with(config, Anonymous).await;
    let mut players = Vec::new();
    for n in 0..places {
        players.push(Raw::join(fixture.addr(), &n.to_string()).await);
    }
    (fixture, players)
}

/// Connects clients while the server, which has only this thread, does not run: all of them wait in the backlog.
fn burst(fixture: &Fixture, clients: usize) -> Vec<Raw> {
    let connect = |_| {
        let stream = std::net::TcpStream::connect(fixture.addr()).unwrap();
        stream.set_nonblocking(true).unwrap();
        Raw {
            stream: TcpStream::from_std(stream).unwrap(),
        }
    };
    (0..clients).map(connect).collect()
}

/// Waits until this many clients are refused. Returns the most connections that were open meanwhile.
async fn most_open(fixture: &Fixture, refused: u64) -> u64 {
    let before = fixture.server.stats().connections_opened;
    let mut most = 0;
    within("the refusals", async {
        loop {
            let stats = fixture.server.stats();
            most = most.max(stats.connections_open);
            if stats.connections_opened == before + refused {
                return;
            }
            yield_now().await;
        }
    })
    .await;
    most
}

#[tokio::test]
async fn at_most_256_refused_clients_read_why_at_a_time_and_the_others_are_reset() {
    let (fixture, _players) = full(10).await;
    let mut clients = burst(&fixture, 500);
    let most = most_open(&fixture, 500).await;
    assert!(most <= 10 + 256 + 1, "{most} connections were open");
    let stats = fixture.server.stats();
    assert_eq!(stats.connections_open, 10 + 256);
    assert_eq!(stats.ended_by(Cause::ServerFull), 500 - 256);
    assert!(stats.laws_hold());
    for (n, client) in clients.iter_mut().enumerate() {
        if n < 256 {
            let code = client.goodbye_code().await;
            assert_eq!(code, Some(Cause::ServerFull.code()), "{n}");
        } else {
            let read = client.stream.read(&mut [0]).await;
            let kind = read.map_err(|error| error.kind());
            assert_eq!(kind, Err(ErrorKind::ConnectionReset), "{n}");
        }
    }
}

/// A client that is told and does not leave is closed after 2 s, even if the linger timeout is longer.
#[tokio::test]
async fn a_refused_client_that_does_not_leave_is_closed_and_makes_room_for_the_next() {
    let (fixture, _players) = full(1).await;
    let mut stay = burst(&fixture, 256);
    most_open(&fixture, 256).await;
    for client in &mut stay {
        assert_eq!(client.goodbye_code().await, Some(Cause::ServerFull.code()));
    }
    let server = fixture.server.clone();
    until("the refused clients are gone", move || {
        server.stats().connections_open == 1
    })
    .await;
    let mut next = Raw::connect(fixture.addr()).await;
    assert_eq!(next.goodbye_code().await, Some(Cause::ServerFull.code()));
    assert!(fixture.server.stats().laws_hold());
}
