//! Pairs clients with their records by a key, such as the client's address. Either of the two may come first. If a key
//! occurs several times, their order decides.

use std::collections::BTreeMap;

/// Clients without a record, and records without a client.
#[derive(Debug)]
pub struct Pairs<K, C, R> {
    clients: Queues<K, C>,
    records: Queues<K, R>,
    /// How many were added so far.
    added: u64,
}

/// A queue for each key. The second part of the key is the order of arrival.
type Queues<K, T> = BTreeMap<(K, u64), T>;

impl<K: Copy + Ord, C, R> Pairs<K, C, R> {
    /// Adds a client. Returns the client with its record, if the record came first.
    pub fn add_client(&mut self, key: K, client: C) -> Option<(C, R)> {
        if let Some(record) = self.take_record(key) {
            return Some((client, record));
        }
        self.added += 1;
        self.clients.insert((key, self.added), client);
        None
    }

    /// Adds a record. Returns the record with its client, if the client came first.
    pub fn add_record(&mut self, key: K, record: R) -> Option<(C, R)> {
        if let Some(client) = take(&mut self.clients, key) {
            return Some((client, record));
        }
        self.added += 1;
        self.records.insert((key, self.added), record);
        None
    }

    /// Takes the oldest record without a client that has this key.
    pub fn take_record(&mut self, key: K) -> Option<R> {
        take(&mut self.records, key)
    }

    /// Returns the clients without a record.
    #[must_use]
    pub fn clients(&self) -> impl ExactSizeIterator<Item = &C> {
        self.clients.values()
    }

    /// Returns the clients without a record, and the records without a client, each in the order of their keys.
    #[must_use]
    pub fn into_rest(self) -> (Vec<C>, Vec<R>) {
        let Self {
            clients, records, ..
        } = self;
        (
            clients.into_values().collect(),
            records.into_values().collect(),
        )
    }
}

impl<K, C, R> Default for Pairs<K, C, R> {
    fn default() -> Self {
        Self {
            clients: BTreeMap::new(),
            records: BTreeMap::new(),
            added: 0,
        }
    }
}

fn take<K: Copy + Ord, T>(from: &mut Queues<K, T>, key: K) -> Option<T> {
    let (&oldest, _) = from.range((key, 0)..=(key, u64::MAX)).next()?;
    from.remove(&oldest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_and_its_record_are_paired_in_either_order() {
        let mut pairs = Pairs::default();
        assert_eq!(pairs.add_client(1, "ann"), None);
        assert_eq!(pairs.add_record(2, "a fin"), None);
        assert_eq!(pairs.add_record(1, "a reset"), Some(("ann", "a reset")));
        assert_eq!(pairs.add_client(2, "bob"), Some(("bob", "a fin")));
        assert_eq!(pairs.into_rest(), (Vec::new(), Vec::new()));
    }

    #[test]
    fn the_same_key_is_paired_in_the_order_of_arrival() {
        let mut pairs = Pairs::default();
        for (client, record) in [("ann", "first"), ("bob", "second"), ("cid", "third")] {
            assert_eq!(pairs.add_client(1, client), None);
            assert_eq!(pairs.add_record(2, record), None);
        }
        assert_eq!(pairs.add_record(1, "a fin"), Some(("ann", "a fin")));
        assert_eq!(pairs.add_client(2, "eve"), Some(("eve", "first")));
        assert_eq!(pairs.take_record(2), Some("second"));
        assert_eq!(pairs.take_record(3), None);
        assert!(pairs.clients().eq(&["bob", "cid"]));
        assert_eq!(pairs.into_rest(), (vec!["bob", "cid"], vec!["third"]));
    }
}
