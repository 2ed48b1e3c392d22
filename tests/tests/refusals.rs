//! Clients that are refused: each gets its reason, and few of their connections are open at a time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use lastword_server::{Anonymous, Cause};
use lastword_tests::{Fixture, Raw, config, within};
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
async fn a_burst_of_refused_clients_holds_few_descriptors() {
    let (fixture, _players) = full(10).await;
    let mut clients = burst(&fixture, 500);
    let most = most_open(&fixture, 500).await;
    assert!(most <= 10 + 10 + 1, "{most} connections were open");
    for client in &mut clients {
        let code = client.goodbye_code().await;
        assert_eq!(code, Some(Cause::ServerFull.code()));
    }
    assert_eq!(fixture.server.stats().ended_by(Cause::ServerFull), 490);
}

/// Many places do not mean that many refused clients may stay: the process has one descriptor for each place, and 64.
#[tokio::test]
async fn at_most_32_refused_clients_linger() {
    let (fixture, _players) = full(40).await;
    let mut clients = burst(&fixture, 100);
    let most = most_open(&fixture, 100).await;
    assert!(most <= 40 + 32 + 1, "{most} connections were open");
    assert_eq!(fixture.server.stats().connections_open, 40 + 32);
    for client in &mut clients {
        let code = client.goodbye_code().await;
        assert_eq!(code, Some(Cause::ServerFull.code()));
    }
    assert!(fixture.server.stats().laws_hold());
}
