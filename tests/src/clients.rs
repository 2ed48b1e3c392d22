//! Many clients, a limited number at a time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpSocket;
use tokio::sync::Semaphore;

use crate::{Raw, within};

/// Runs a client for each number below `count`, at most `at_once` at a time. Returns their results, in order.
pub async fn run_clients<T, F>(count: u32, at_once: usize, client: impl Fn(u32) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let places = Arc::new(Semaphore::new(at_once));
    let mut clients = Vec::new();
    for n in 0..count {
        let place = within("a place", Arc::clone(&places).acquire_owned())
            .await
            .expect("it is never closed");
        let client = client(n);
        clients.push(tokio::spawn(async move {
            let outcome = client.await;
            drop(place);
            outcome
        }));
    }
    let mut outcomes = Vec::new();
    for client in clients {
        outcomes.push(
            within("a client's end", client)
                .await
                .expect("no client panics"),
        );
    }
    outcomes
}

/// Returns a loopback address that belongs to this client alone, so a port that is used twice cannot mix up two
/// clients.
#[must_use]
pub fn client_ip(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(FIRST_CLIENT.to_bits() + n).into()
}

/// Returns the number of the client that owns this address.
#[must_use]
pub fn number_of(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits() - FIRST_CLIENT.to_bits(),
        IpAddr::V6(ip) => panic!("no client has the address {ip}"),
    }
}

impl Raw {
    /// Connects from this address.
    pub async fn connect_from(ip: IpAddr, addr: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("socket");
        socket.bind(SocketAddr::new(ip, 0)).expect("bind");
        let stream = within("connect", socket.connect(addr))
            .await
            .expect("connect");
        stream.set_nodelay(true).expect("nodelay");
        Self { stream }
    }
}

const FIRST_CLIENT: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);
