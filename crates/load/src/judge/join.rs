//! Joins the clients' endings with the records, by the client's address. If an address occurs several times, their
//! order decides.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;

use crate::Record;
use crate::client::Told;

/// Endings without a record, and records without an ending.
#[derive(Debug, Default)]
pub(super) struct Join {
    told: HashMap<SocketAddr, VecDeque<Told>>,
    recorded: HashMap<SocketAddr, VecDeque<Record>>,
    /// The addresses of all clients, with and without a record.
    known: HashSet<SocketAddr>,
    waiting: usize,
}

impl Join {
    pub(super) fn told(&mut self, local: SocketAddr, told: Told) -> Option<(Told, Record)> {
        self.known.insert(local);
        match take(&mut self.recorded, local) {
            Some(record) => Some((told, record)),
            None => {
                self.told.entry(local).or_default().push_back(told);
                self.waiting += 1;
                None
            }
        }
    }

    pub(super) fn recorded(&mut self, record: Record) -> Option<(Told, Record)> {
        let remote = record.remote;
        match take(&mut self.told, remote) {
            Some(told) => {
                self.waiting = self.waiting.saturating_sub(1);
                Some((told, record))
            }
            None => {
                self.recorded.entry(remote).or_default().push_back(record);
                None
            }
        }
    }

    /// The number of clients without a record.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether a client of the storm had this address.
    pub(super) fn knows(&self, addr: SocketAddr) -> bool {
        self.known.contains(&addr)
    }

    /// Takes the records without a client, and the clients without a record.
    pub(super) fn leftovers(&mut self) -> (Vec<Record>, Vec<Told>) {
        let mut records: Vec<_> = drain(&mut self.recorded).collect();
        let mut told: Vec<_> = drain(&mut self.told).collect();
        records.sort_by_key(|record| record.seq);
        told.sort_by_key(|told| told.n);
        self.waiting = 0;
        (records, told)
    }
}

fn take<T>(from: &mut HashMap<SocketAddr, VecDeque<T>>, addr: SocketAddr) -> Option<T> {
    let queue = from.get_mut(&addr)?;
    let first = queue.pop_front();
    if queue.is_empty() {
        from.remove(&addr);
    }
    first
}

fn drain<T>(from: &mut HashMap<SocketAddr, VecDeque<T>>) -> impl Iterator<Item = T> {
    from.drain().flat_map(|(_, queue)| queue)
}
