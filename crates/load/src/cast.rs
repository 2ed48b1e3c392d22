//! Clients that are played one at a time, outside a storm. The caller compares the records with their endings.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use lastword_client::Connector;

use crate::client::Role;
use crate::dice::Dice;
use crate::homes::Homes;
use crate::{Fault, Scenario, Way};

/// Plays clients against one server.
#[derive(Clone, Debug)]
pub struct Cast {
    server: SocketAddr,
    scenario: Arc<Scenario>,
    connector: Connector,
    homes: Homes,
}

/// The result of one client.
#[derive(Debug)]
pub struct Played {
    /// The address that it connected from, which is the `remote` of its record; `None` where it did not connect.
    pub local: Option<SocketAddr>,
    /// An event that is not part of the client's way. Its record then says nothing about the way.
    pub fault: Option<Fault>,
}

impl Cast {
    /// Makes clients of the server at this address, with as many frames as a storm's clients have
    /// by default.
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
    pub fn plays_at(&self, ip: IpAddr) -> bool {
        self.homes.have(ip)
    }

    /// Plays client `n`, which connects and ends in this way. A player has the name of the way.
    ///
    /// # Cancel safety
    /// If the call is dropped, it closes its connection wherever it was.
    pub async fn play(&self, n: u32, way: &'static Way) -> Played {
        let role = Role {
            n,
            name: way.name.to_owned(),
            way,
            dice: Dice::of(self.scenario.seed, n),
            server: self.server,
            home: self.homes.of(n),
            scenario: &self.scenario,
            connector: &self.connector,
        };
        let told = role.play().await;
        Played {
            local: told.local,
            fault: told.fault,
        }
    }
}
