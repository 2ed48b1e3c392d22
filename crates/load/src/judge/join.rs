//! Joins the clients' endings with the records, by the client's address. If an address occurs several times, their
//! order decides.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;

use crate::Record;
use crate::clients::Played;

/// Endings without a record, and records without an ending.
#[derive(Debug, Default)]
pub(super) struct Join {
    played: HashMap<SocketAddr, VecDeque<Played>>,
    recorded: HashMap<SocketAddr, VecDeque<Record>>,
    /// The addresses of all clients, with and without a record.
    known: HashSet<SocketAddr>,
    waiting: usize,
}

impl Join {
    pub(super) fn played(&mut self, local: SocketAddr, played: Played) -> Option<(Played, Record)> {
        self.known.insert(local);
        match take(&mut self.recorded, local) {
            Some(record) => Some((played, record)),
            None => {
                self.played.entry(local).or_default().push_back(played);
                self.waiting += 1;
                None
            }
        }
    }

    pub(super) fn recorded(&mut self, record: Record) -> Option<(Played, Record)> {
        let remote = record.remote;
        match take(&mut self.played, remote) {
            Some(played) => {
                self.waiting = self.waiting.saturating_sub(1);
                Some((played, record))
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
    pub(super) fn leftovers(&mut self) -> (Vec<Record>, Vec<Played>) {
        let mut records: Vec<_> = drain(&mut self.recorded).collect();
        let mut played: Vec<_> = drain(&mut self.played).collect();
        records.sort_by_key(|record| record.seq);
        played.sort_by_key(|played| played.n);
        self.waiting = 0;
        (records, played)
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
