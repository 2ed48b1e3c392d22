//! Listeners behind proxies: PROXY headers by hand, and real proxies in a lab.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

mod admission;
mod by_hand;
mod programs;

use std::net::SocketAddr;

use lastword_server::{Config, Network};

/// A configuration whose only proxies are in this network.
fn behind(network: &str, mut config: Config) -> Config {
    config.listen[0].proxy = vec![network.parse::<Network>().unwrap()];
    config
}

/// A header of version 2 for a peer with this IPv4 address, with these bytes of fields behind it.
fn header(peer: &str, fields: &[u8]) -> Vec<u8> {
    let SocketAddr::V4(peer) = peer.parse().unwrap() else {
        panic!("an IPv4 address")
    };
    let mut block = peer.ip().octets().to_vec();
    block.extend_from_slice(&[10, 0, 0, 1]);
    block.extend_from_slice(&peer.port().to_be_bytes());
    block.extend_from_slice(&7_000_u16.to_be_bytes());
    block.extend_from_slice(fields);
    binary(0x21, 0x11, &block)
}

/// A header of version 2 with this command, family and block.
fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let len = u16::try_from(block.len()).unwrap();
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    bytes.extend_from_slice(&[command, family]);
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(block);
    bytes
}
