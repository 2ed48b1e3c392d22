//! Each address has one form: an IPv4 peer of a listener on IPv6 has its IPv4 address.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use lastword_admin::AdminExt;
use lastword_client::Client;
use lastword_netlab::{Skip, run};
use lastword_server::{Player, ServerHandle};
use lastword_tests::{Echo, EndCollector, Raw, config, in_server_host, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Starts a server that listens on this address with both of its ports.
async fn serve_on(collector: &mut EndCollector, addr: &str) -> ServerHandle {
    let builder = collector.builder(config()).listen(addr);
    let admin = lastword_admin::Admin::new(addr).token("0123456789abcdef");
    let served = builder.admin_with(admin).serve(|_: &Player| Echo);
    served.await.expect("the server starts")
}

fn at(ip: impl Into<IpAddr>, addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(ip.into(), addr.port())
}

#[test]
fn a_listener_on_all_addresses_takes_both_families_and_records_canonical_addresses() {
    run(|lab| {
        let bindv6only = Path::new("/proc/sys/net/ipv6/bindv6only");
        in_server_host(lab, || async {
            for only_v6 in ["0", "1"] {
                if !bindv6only.exists() {
                    return Err(std::io::Error::other(Skip::new("no IPv6 here")));
                }
                std::fs::write(bindv6only, only_v6)?;
                let mut collector = EndCollector::default();
                let server = serve_on(&mut collector, "[::]:0").await;
                for ip in [
                    IpAddr::from(Ipv4Addr::LOCALHOST),
                    Ipv6Addr::LOCALHOST.into(),
                ] {
                    let mut raw = Raw::join(at(ip, server.local_addr()), "ann").await;
                    raw.echo(b"hello").await;
                    let own = raw.stream.local_addr()?;
                    let sessions = server.sessions();
                    let remotes: Vec<_> = sessions.iter().map(|session| session.remote).collect();
                    assert_eq!(remotes, [own], "bindv6only {only_v6}");
                    drop(raw);
                    assert_eq!(collector.end().await.remote, own);
                    let admin = at(ip, server.admin_addr().unwrap());
                    TcpStream::connect(admin).await?;
                }
            }
            Ok(())
        })
    });
}

#[tokio::test]
async fn an_ipv4_address_in_the_form_of_ipv6_is_that_ipv4_address() {
    let mut collector = EndCollector::default();
    let builder = collector
        .builder(config())
        .listen("[::ffff:127.0.0.1]:0")
        .admin("[::ffff:127.0.0.1]:0");
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let (game, admin) = (server.local_addr(), server.admin_addr().unwrap());
    for addr in [game, admin] {
        assert_eq!(addr.ip(), Ipv4Addr::LOCALHOST);
    }
    let mapped = at(Ipv4Addr::LOCALHOST.to_ipv6_mapped(), game);
    let client = Client::connect(mapped, "ann").await.unwrap();
    assert_eq!(client.remote_addr(), game);
    let own = client.local_addr();
    client.goodbye().await;
    let end = collector.end().await;
    assert_eq!((end.remote, end.listener), (own, game));
    // The name of the port as an operator wrote it.
    let asks = format!(
        "GET /metrics HTTP/1.1\r\nHost: [::ffff:127.0.0.1]:{}\r\n\r\n",
        admin.port()
    );
    let mut stream = TcpStream::connect(admin).await.unwrap();
    stream.write_all(asks.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    within("an answer", read).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_adopted_listener_on_ipv6_has_its_canonical_address() {
    let mut collector = EndCollector::default();
    let builder = collector.builder(config());
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), 0));
    let listener = std::net::TcpListener::bind(mapped).unwrap();
    let addr = at(Ipv4Addr::LOCALHOST, listener.local_addr().unwrap());
    server.adopt(listener).unwrap();
    let raw = Raw::join(addr, "ann").await;
    let own = raw.stream.local_addr().unwrap();
    drop(raw);
    let end = collector.end().await;
    assert_eq!((end.remote, end.listener), (own, addr));
}
