//! Decides about each new connection, from the time, the address and the counts, before anything is allocated for it.

mod addresses;
mod bucket;
mod rules;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use lastword_session::{Cause, Config, Time};

use addresses::Addresses;
use bucket::Bucket;
pub(crate) use rules::Rules;

/// The state of the decisions of one server: the connections that it let in and still counts.
#[derive(Debug)]
pub(crate) struct Admission {
    rules: Rules,
    addresses: Addresses,
    arrivals: Bucket,
    /// Connections under the limits that are not authenticated yet.
    handshakes: u64,
}

/// The state of the rest of the server at a decision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    /// The connections that have a place, with the new one.
    pub(crate) places_taken: u64,
    /// Memory, time or descriptors are short.
    pub(crate) is_overloaded: bool,
    /// The peers that have the address of the connection.
    pub(crate) peers: Peers,
}

/// The peers that have the address of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peers {
    /// One player, or those behind one router.
    One,
    /// All players of a proxy that sends no PROXY header. The limits per address do not apply.
    Many,
    /// A proxy that will name the peer: [`Admission::named`] then asks about that address, and nothing about this one.
    Unnamed,
}

impl Peers {
    /// The peers of a listener.
    pub(crate) fn of(listener: &Config) -> Self {
        match (listener.proxy_header, listener.behind_proxy) {
            (true, _) => Self::Unnamed,
            (false, true) => Self::Many,
            (false, false) => Self::One,
        }
    }
}

/// A connection that was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// It counts towards the limits of its address and in all.
    Counted,
    /// It counts towards the limits in all only.
    CountedInAll,
    /// Its address is exempt.
    Exempt,
}

impl Admitted {
    /// Whether [`Admission::joined`] and [`Admission::left`] must be called.
    pub(crate) fn is_counted(self) -> bool {
        self != Self::Exempt
    }
}

impl Admission {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            addresses: Addresses::default(),
            arrivals: Bucket::default(),
            handshakes: 0,
        }
    }

    /// Exchanges the rules. Connections that were let in stay.
    pub(crate) fn set_rules(&mut self, rules: Rules) {
        self.rules.replace(rules);
    }

    /// Lets a connection in, or returns the cause of its refusal. A refused connection changes nothing.
    ///
    /// The limits of one address are checked before the limits of the whole server. So an attacker's record names the
    /// attacker's act.
    pub(crate) fn decide(
        &mut self,
        now: Time,
        addr: IpAddr,
        situation: Situation,
    ) -> Result<Admitted, Cause> {
        let rules = &self.rules;
        let is_named = situation.peers != Peers::Unnamed;
        if is_named && !rules.allows(addr) {
            return Err(Cause::AddressDenied);
        }
        let is_full = situation.places_taken > rules.connections_max;
        if is_named && rules.is_exempt(addr) {
            return match is_full {
                true => Err(Cause::ServerFull),
                false => Ok(Admitted::Exempt),
            };
        }
        let network = (situation.peers == Peers::One).then(|| rules.network_of(addr));
        if network.is_some_and(|network| !self.addresses.has_room(now, network, rules)) {
            return Err(Cause::AddressLimit);
        }
        if is_full {
            return Err(Cause::ServerFull);
        }
        let is_busy = situation.is_overloaded
            || self.handshakes >= rules.handshakes_max
            || !self.arrivals.has_token(now, rules.rate)
            || network.is_some_and(|network| !self.addresses.is_tracked(now, network, rules));
        if is_busy {
            return Err(Cause::Overloaded);
        }
        self.arrivals.take(now, rules.rate);
        self.handshakes += 1;
        let Some(network) = network else {
            return Ok(Admitted::CountedInAll);
        };
        self.addresses.enter(now, network, rules);
        Ok(Admitted::Counted)
    }

    /// The PROXY header of a connection that was let in has named its peer. Returns how the connection counts from now
    /// on, or the cause of its refusal; a refused one is counted out.
    pub(crate) fn named(
        &mut self,
        now: Time,
        addr: IpAddr,
        admitted: Admitted,
    ) -> Result<Admitted, Cause> {
        let decided = self.decide_named(now, addr, admitted);
        if decided.is_err() {
            self.left(now, addr, admitted, false);
        }
        decided
    }

    fn decide_named(
        &mut self,
        now: Time,
        addr: IpAddr,
        admitted: Admitted,
    ) -> Result<Admitted, Cause> {
        let rules = &self.rules;
        if !rules.allows(addr) {
            return Err(Cause::AddressDenied);
        }
        if admitted != Admitted::CountedInAll || rules.is_exempt(addr) {
            return Ok(admitted);
        }
        let network = rules.network_of(addr);
        if !self.addresses.has_room(now, network, rules) {
            return Err(Cause::AddressLimit);
        }
        if !self.addresses.is_tracked(now, network, rules) {
            return Err(Cause::Overloaded);
        }
        self.addresses.enter(now, network, rules);
        Ok(Admitted::Counted)
    }

    /// A connection that was let in is authenticated.
    pub(crate) fn joined(&mut self, admitted: Admitted) {
        self.handshakes -= u64::from(admitted.is_counted());
    }

    /// A connection that was let in is closed.
    pub(crate) fn left(&mut self, now: Time, addr: IpAddr, admitted: Admitted, has_joined: bool) {
        if !has_joined {
            self.joined(admitted);
        }
        if admitted == Admitted::Counted {
            self.addresses.leave(now, self.rules.network_of(addr));
        }
    }
}
