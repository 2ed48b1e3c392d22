//! Several listeners of one server.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use lastword_server::{ListenConfig, Player, Server};
use lastword_tests::{Echo, EndCollector, Raw, config};

#[tokio::test]
async fn players_come_in_by_every_listener_and_each_end_has_the_address_of_its_own() {
    let mut config = config();
    let any = ListenConfig {
        addr: "127.0.0.1:0".parse().unwrap(),
        ..ListenConfig::default()
    };
    let of_proxies = ListenConfig {
        behind_proxy: true,
        ..any.clone()
    };
    config.listen = vec![any.clone(), any, of_proxies];
    let mut collector = EndCollector::default();
    let server = collector.observe(Server::builder().config(config));
    let server = server.serve(|_: &Player| Echo).await.unwrap();
    let addrs = server.local_addrs().to_vec();
    assert_eq!((addrs.len(), addrs[0]), (3, server.local_addr()));
    let adopted = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let adopted_addr = adopted.local_addr().unwrap();
    server.adopt(adopted).unwrap();
    for addr in addrs.into_iter().chain([adopted_addr]) {
        let mut raw = Raw::join(addr, "ann").await;
        raw.echo(b"in").await;
        drop(raw);
        assert_eq!(collector.end().await.listener, addr);
    }
}
