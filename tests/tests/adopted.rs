//! A server lets players in through listeners that it was given, exactly as through its own. All count in one set of
//! books, until the server ends.
#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::net::TcpListener;
use std::time::Duration;

use lastword_server::{Cause, Phase};
use lastword_tests::{Fixture, Raw, within};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_player_of_an_adopted_listener_is_in_the_same_books() {
    let mut fixture = Fixture::start().await;
    let own = fixture.addr();
    let mut addrs = vec![own];
    for _ in 0..2 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        addrs.push(listener.local_addr().unwrap());
        fixture.server.adopt(listener).unwrap();
    }
    assert_eq!(fixture.server.local_addr(), own);
    // Once more, in the slot of the table that another listener's player had.
    addrs.push(own);
    for (n, addr) in addrs.iter().enumerate() {
        let mut raw = Raw::join(*addr, &format!("player {n}")).await;
        raw.echo(b"hello").await;
        raw.fin().await;
        drop(raw);
        let end = fixture.ends_as_ever(Cause::PeerFin, Phase::Live).await;
        assert_eq!(end.listener, *addr);
        assert_eq!(end.seq, u64::try_from(n + 1).unwrap());
    }
    let stats = fixture.server.stats();
    assert_eq!((stats.connections_opened, stats.laws_hold()), (4, true));
}

#[tokio::test]
async fn a_listener_ends_with_the_server_and_none_is_taken_after_it() {
    let fixture = Fixture::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    fixture.server.adopt(listener).unwrap();
    drop(Raw::join(addr, "ann").await);
    within("the drain", fixture.server.drain(Duration::ZERO)).await;
    within("the listener to be closed", async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let late = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = fixture.server.adopt(late).unwrap_err();
    assert_eq!(error.to_string(), "the server has ended");
}
