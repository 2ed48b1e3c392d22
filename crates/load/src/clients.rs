//! The clients of one server: where they connect from, which frames they send, and how each client ends.

mod client;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use lastword_client::Connector;
use lastword_transport::canonical;

use crate::client_addrs::ClientAddrs;
use crate::client_rng::ClientRng;
use crate::{Scenario, Way};
use client::Plan;

pub use client::Played;

/// Clients of one server.
#[derive(Clone, Debug)]
pub struct Clients {
    pub(crate) server: SocketAddr,
    pub(crate) scenario: Arc<Scenario>,
    connector: Connector,
    client_addrs: ClientAddrs,
}

impl Clients {
    /// Makes clients of the server at this address, with as many frames as a storm's clients have by default.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn towards(server: SocketAddr) -> Self {
        let server = canonical(server);
        let client_addrs = ClientAddrs::towards(server, u32::MAX);
        Self::of(server, client_addrs, Scenario::default())
    }

    pub(crate) fn of(server: SocketAddr, client_addrs: ClientAddrs, scenario: Scenario) -> Self {
        Self {
            server,
            scenario: Arc::new(scenario),
            connector: Connector::start(),
            client_addrs,
        }
    }

    /// Tells whether only these clients connect from this address. That needs one address per client, which exists on
    /// Linux towards a server on loopback. Elsewhere it is `false`.
    #[must_use]
    pub fn have(&self, ip: IpAddr) -> bool {
        self.client_addrs.have(ip)
    }

    /// Plays client `n`, which connects and ends in this way. A player has the name of the way.
    ///
    /// # Cancel safety
    /// If the call is dropped, the client's connection is closed at once.
    pub async fn play(&self, n: u32, way: &'static Way) -> Played {
        let rng = ClientRng::of(self.scenario.seed, n);
        self.play_as(n, way.name.to_owned(), way, rng).await
    }

    /// Plays client `n` with this name, and with these random choices.
    pub(crate) async fn play_as(
        &self,
        n: u32,
        name: String,
        way: &'static Way,
        rng: ClientRng,
    ) -> Played {
        let plan = Plan {
            n,
            name,
            way,
            rng,
            clients: self,
        };
        plan.play().await
    }

    /// Returns the local address of client `n`; `None` leaves the choice to the system.
    pub(crate) fn local_ip(&self, n: u32) -> Option<IpAddr> {
        self.client_addrs.of(n)
    }

    /// Returns the client library for client `n`.
    pub(crate) fn connector(&self, n: u32) -> Connector {
        let connector = self.connector.clone();
        match self.local_ip(n) {
            Some(local_ip) => connector.local_ip(local_ip),
            None => connector,
        }
    }
}
