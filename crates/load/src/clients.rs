//! Clients that are played one at a time, outside a storm. The caller compares the records with their endings.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use lastword_client::Connector;

use crate::client::{Plan, Played};
use crate::dice::Dice;
use crate::homes::Homes;
use crate::{Scenario, Way};

/// Clients of one server.
#[derive(Clone, Debug)]
pub struct Clients {
    server: SocketAddr,
    scenario: Arc<Scenario>,
    connector: Connector,
    homes: Homes,
}

impl Clients {
    /// Makes clients of the server at this address, with as many frames as a storm's clients have by default.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn towards(server: SocketAddr) -> Self {
        Self {
            server,
            scenario: Arc::default(),
            connector: Connector::start(),
            homes: Homes::towards(server, u32::MAX),
        }
    }

    /// Tells whether only these clients connect from this address. That needs one address per client, which exists on
    /// Linux towards a server on loopback. Elsewhere it is `false`.
    #[must_use]
    pub fn have(&self, ip: IpAddr) -> bool {
        self.homes.have(ip)
    }

    /// Plays client `n`, which connects and ends in this way. A player has the name of the way.
    ///
    /// # Cancel safety
    /// If the call is dropped, it closes its connection wherever it was.
    pub async fn play(&self, n: u32, way: &'static Way) -> Played {
        let plan = Plan {
            n,
            name: way.name.to_owned(),
            way,
            dice: Dice::of(self.scenario.seed, n),
            server: self.server,
            home: self.homes.of(n),
            scenario: &self.scenario,
            connector: &self.connector,
        };
        plan.play().await
    }
}
