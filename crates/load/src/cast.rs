//! Clients that are played one at a time, outside of a storm: whoever asks for them holds the records against them.

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

/// What came of one client.
#[derive(Debug)]
pub struct Played {
    /// Where it connected from, which is the `remote` of its record; `None` where it did not connect.
    pub local: Option<SocketAddr>,
    /// What it met that is not part of its way; its record is none of the way's truth then.
    pub fault: Option<Fault>,
}

impl Cast {
    /// Clients of a server on this address, which say as much as those of a storm do by default.
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

    /// Tells whether these clients alone connect from this address. `false` where they have no addresses of their own: they
    /// have some on Linux, towards a server on loopback.
    #[must_use]
    pub fn plays_at(&self, ip: IpAddr) -> bool {
        self.homes.have(ip)
    }

    /// Has client `n` come, and end this way. A player goes by the name of the way.
    ///
    /// # Cancel safety
    /// A call that is dropped closes its connection wherever it was.
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
