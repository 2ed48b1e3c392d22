//! Counts the connections of each address, and how fast its new ones come.

use std::collections::HashMap;
use std::time::Duration;

use lastword_session::Time;

use super::bucket::Bucket;
use super::rules::Rules;
use crate::config::Network;

/// The addresses that have a connection, or had one a moment ago.
///
/// An address without a connection is dropped once its bucket is full. So a peer with many addresses occupies only the
/// entries of addresses that it connected from within the time of a token. At a hard limit, further addresses are not
/// let in.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    entries: HashMap<Network, Entry>,
    /// At this number of entries, the entries without information are dropped.
    sweep_at: usize,
    /// If the table is full, these entries are dropped at this time at the earliest.
    sweep_after: Option<Time>,
}

#[derive(Debug, Default)]
struct Entry {
    connections: u32,
    bucket: Bucket,
}

impl Addresses {
    /// Whether this address may have one more connection now.
    pub(super) fn has_room(&self, now: Time, network: Network, rules: &Rules) -> bool {
        self.entries.get(&network).is_none_or(|entry| {
            entry.connections < rules.address_connections_max
                && entry.bucket.has_token(now, rules.address_rate)
        })
    }

    /// Whether this address has an entry, or there is room for one.
    pub(super) fn is_tracked(&mut self, now: Time, network: Network, rules: &Rules) -> bool {
        if self.entries.contains_key(&network) {
            return true;
        }
        let len = self.entries.len();
        let is_due = self.sweep_after.is_none_or(|after| now >= after);
        if len >= self.sweep_at || (len >= rules.addresses_max && is_due) {
            self.sweep(now);
        }
        self.entries.len() < rules.addresses_max
    }

    pub(super) fn enter(&mut self, now: Time, network: Network, rules: &Rules) {
        let entry = self.entries.entry(network).or_default();
        entry.connections += 1;
        entry.bucket.take(now, rules.address_rate);
    }

    pub(super) fn leave(&mut self, now: Time, network: Network) {
        if let Some(entry) = self.entries.get_mut(&network) {
            entry.connections -= 1;
            if entry.says_nothing(now) {
                self.entries.remove(&network);
            }
        }
    }

    /// Drops the entries without information. The next sweep comes after as many new addresses as are left now, so
    /// an address costs constant time on average.
    fn sweep(&mut self, now: Time) {
        self.entries.retain(|_, entry| !entry.says_nothing(now));
        self.sweep_at = SWEEP_MIN.max(self.entries.len() * 2);
        self.sweep_after = Some(now + SWEEP_PAUSE);
        self.entries.shrink_to(self.sweep_at);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Entry {
    /// Whether the entry holds no information: a new entry would be equal to it.
    fn says_nothing(&self, now: Time) -> bool {
        self.connections == 0 && self.bucket.is_full(now)
    }
}

const SWEEP_MIN: usize = 1_024;
const SWEEP_PAUSE: Duration = Duration::from_millis(100);
