//! The rules of admission, as the configuration sets them.

use std::net::IpAddr;

use super::bucket::Rate;
use crate::config::{Config, Network};

/// The rules of one server.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    allow: Vec<Network>,
    deny: Vec<Network>,
    exempt: Vec<Network>,
    prefixes: (u8, u8),
    pub(super) address_connections_max: u32,
    pub(super) address_rate: Option<Rate>,
    pub(super) rate: Option<Rate>,
    pub(super) handshakes_max: u64,
    pub(super) connections_max: u64,
    /// The most addresses that are remembered.
    pub(super) addresses_max: usize,
}

impl Rules {
    pub(crate) fn new(config: &Config) -> Self {
        let admission = &config.admission;
        let or_no_limit = |limit: u32| if limit == 0 { u32::MAX } else { limit };
        let prefix = |bits: u32| u8::try_from(bits).unwrap_or(u8::MAX);
        let places = usize::try_from(admission.connections_max).unwrap_or(usize::MAX);
        Self {
            allow: admission.allow.clone(),
            deny: admission.deny.clone(),
            exempt: admission.exempt.clone(),
            prefixes: (
                prefix(admission.ipv4_prefix_bits),
                prefix(admission.ipv6_prefix_bits),
            ),
            address_connections_max: or_no_limit(admission.address_connections_max),
            address_rate: Rate::new(admission.address_rate_max, admission.address_burst_max),
            rate: Rate::new(admission.rate_max, admission.rate_max),
            handshakes_max: u64::from(or_no_limit(admission.handshakes_max))
                .min(handshakes_in_memory(config)),
            connections_max: u64::from(admission.connections_max),
            addresses_max: places.saturating_add(ADDRESSES_WITHOUT_A_PLACE_MAX),
        }
    }

    /// Takes the new rules, except the prefixes: the open connections are counted by the old
    /// prefixes.
    pub(super) fn replace(&mut self, new: Self) {
        *self = Self {
            prefixes: self.prefixes,
            ..new
        };
    }

    /// Whether a connection from this address may be let in at all.
    pub(super) fn allows(&self, addr: IpAddr) -> bool {
        let is_allowed = self.allow.is_empty() || is_in(&self.allow, addr);
        is_allowed && !is_in(&self.deny, addr)
    }

    pub(super) fn is_exempt(&self, addr: IpAddr) -> bool {
        is_in(&self.exempt, addr)
    }

    /// The addresses that share their limits with this one.
    pub(super) fn network_of(&self, addr: IpAddr) -> Network {
        let (v4, v6) = self.prefixes;
        let addr = addr.to_canonical();
        Network::of(addr, if addr.is_ipv4() { v4 } else { v6 })
    }
}

/// The connections that fit into the memory for unauthenticated ones, each with the longest hello.
fn handshakes_in_memory(config: &Config) -> u64 {
    let each = u64::from(config.limits.hello_bytes_max) + SILENT_BYTES;
    u64::from(config.admission.unauthenticated_bytes_max) / each
}

fn is_in(networks: &[Network], addr: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(addr))
}

/// The memory of a connection that has sent nothing.
const SILENT_BYTES: u64 = 1_024;
/// Addresses that had a connection a moment ago.
const ADDRESSES_WITHOUT_A_PLACE_MAX: usize = 65_536;
