//! The memory of a connector, with a name that has one address here: 127.0.0.1.

use lastword_server::Server;
use tokio::net::TcpListener;

use super::*;

/// Returns the order in which the name's address and another one would be tried.
fn order(connector: &Connector, server: &ServerAddr, addr: SocketAddr, first: bool) -> Vec<bool> {
    let other = SocketAddr::from(([127, 0, 0, 9], addr.port()));
    let mut addrs = match first {
        true => vec![addr, other],
        false => vec![other, addr],
    };
    connector.winners.order(server, &mut addrs);
    addrs.into_iter().map(|one| one == addr).collect()
}

#[tokio::test]
async fn an_attempt_notes_whether_its_address_let_us_in() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let name = ServerAddr::from(("localhost", addr.port()));
    let connector = Connector::start().local_ip(addr.ip());
    let (refused, accepted) = tokio::join!(connector.log_in(&name, b"ann", None), async {
        // It is closed at once.
        listener.accept().await.map(drop)
    });
    accepted.unwrap();
    assert!(refused.is_err());
    assert_eq!(order(&connector, &name, addr, true), [false, true]);
    drop(listener);

    let server = Server::builder()
        .listen("127.0.0.1:0")
        .bind()
        .await
        .unwrap();
    let addr = server.local_addr();
    let name = ServerAddr::from(("localhost", addr.port()));
    let client = connector.log_in(&name, b"ann", None).await.unwrap();
    assert_eq!(client.remote_addr(), addr);
    // A clone shares it.
    assert_eq!(order(&connector.clone(), &name, addr, false), [true, false]);
}
