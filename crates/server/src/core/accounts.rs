//! The accounts of a client about its lost connections. Each is joined to the record of its connection, whichever comes first.

use std::sync::Mutex;
use std::time::SystemTime;

use lastword_session::wire::Previous;
use lastword_session::{Cause, Time};

use crate::books::Told;
use crate::guard::lock;

/// The connections of one session that its player lost since it last confirmed one. The tasks that drive them to their
/// ends share this.
#[derive(Debug)]
pub(crate) struct Accounts(Mutex<Lost>);

#[derive(Debug)]
struct Lost {
    /// The number of the connection that was lost first, and of the newest one.
    first: u32,
    newest: u32,
    connections: Vec<(u32, Side)>,
}

/// The state of one connection.
#[derive(Clone, Copy, Debug)]
enum Side {
    /// Its record is written.
    Recorded(Found),
    /// The client has told, and the record is not written yet.
    Told(Received),
    /// Both are here, and were joined.
    Joined,
}

/// The server's record of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) seq: u64,
    pub(crate) cause: Cause,
    pub(crate) at: Time,
}

/// The client's account of a connection, and when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) previous: Previous,
    pub(crate) at: Time,
    pub(crate) wall_time: SystemTime,
}

impl Accounts {
    /// The player has lost its connection with this number.
    pub(crate) fn new(lost: u32) -> Self {
        Self(Mutex::new(Lost {
            first: lost,
            newest: lost,
            connections: Vec::new(),
        }))
    }

    /// Another connection was adopted, whose hello had this account. Returns the record that it belongs to, if that is
    /// written. The first account of a connection counts. One of a connection that was not lost now is dropped.
    pub(crate) fn adopted(&self, account: Option<Received>) -> Option<(Found, Told)> {
        let mut lost = lock(&self.0);
        let (first, newest) = (lost.first, lost.newest);
        lost.newest = newest.saturating_add(1);
        let account = account?;
        let connection = account.previous.connection;
        if !(first..=newest).contains(&connection) {
            return None;
        }
        match lost.side(connection) {
            None => {
                lost.put(connection, Side::Told(account));
                None
            }
            Some(Side::Recorded(found)) => {
                lost.put(connection, Side::Joined);
                Some((found, join(&found, &account)))
            }
            Some(Side::Told(_) | Side::Joined) => None,
        }
    }

    /// The record of a connection is written. Returns the account that waited for it.
    pub(crate) fn recorded(&self, connection: u32, found: Found) -> Option<Told> {
        let mut lost = lock(&self.0);
        if let Some(Side::Told(account)) = lost.side(connection) {
            lost.put(connection, Side::Joined);
            return Some(join(&found, &account));
        }
        lost.put(connection, Side::Recorded(found));
        None
    }
}

impl Lost {
    fn side(&self, connection: u32) -> Option<Side> {
        let mut sides = self.connections.iter();
        sides.find_map(|(number, side)| (*number == connection).then_some(*side))
    }

    /// Of many connections, the first and the newest ones are kept: a client knows the first, or one whose welcome it has
    /// just read.
    fn put(&mut self, connection: u32, side: Side) {
        self.connections.retain(|(number, _)| *number != connection);
        if self.connections.len() >= KEPT_MAX {
            let first = self.first;
            let kept = self.connections.iter();
            let others = kept
                .map(|(number, _)| *number)
                .filter(|number| *number != first);
            let oldest = others.min();
            self.connections
                .retain(|(number, _)| Some(*number) != oldest);
        }
        self.connections.push((connection, side));
    }
}

fn join(found: &Found, account: &Received) -> Told {
    let found_ago = account.at.since(found.at);
    Told::new(account.wall_time, account.previous, found.cause, found_ago)
}

/// The most connections of one session that are kept here.
const KEPT_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lastword_session::BothEnds;

    use super::*;

    fn account(connection: u32) -> Received {
        Received {
            previous: Previous {
                connection,
                cause: Cause::PeerReset.code(),
                ..Previous::default()
            },
            at: Time::ORIGIN + Duration::from_secs(9),
            wall_time: SystemTime::UNIX_EPOCH,
        }
    }

    fn found(seq: u64) -> Found {
        Found {
            seq,
            cause: Cause::PeerReset,
            at: Time::ORIGIN,
        }
    }

    #[test]
    fn an_account_and_a_record_are_joined_once_whichever_comes_first() {
        let accounts = Accounts::new(1);
        assert!(accounts.recorded(1, found(7)).is_none());
        let (of, told) = accounts.adopted(Some(account(1))).expect("it is joined");
        assert_eq!((of.seq, told.both_ends), (7, BothEnds::Between));
        assert!(accounts.adopted(Some(account(1))).is_none(), "once");

        let accounts = Accounts::new(4);
        assert!(accounts.adopted(Some(account(4))).is_none());
        assert!(accounts.recorded(4, found(8)).is_some());
        assert!(accounts.recorded(4, found(8)).is_none(), "once");
    }

    #[test]
    fn an_account_of_a_connection_that_was_not_lost_now_is_dropped() {
        let accounts = Accounts::new(3);
        for connection in [0, 1, 2, 4, u32::MAX] {
            let accounts = Accounts::new(3);
            for number in [0, 1, 2, 3, u32::MAX] {
                accounts.recorded(number, found(1));
            }
            assert!(accounts.adopted(Some(account(connection))).is_none());
        }
        accounts.recorded(4, found(2));
        assert!(accounts.adopted(None).is_none());
        let newer = accounts.adopted(Some(account(4)));
        assert!(newer.is_some(), "its welcome was read, and no ack came");
    }

    #[test]
    fn of_many_connections_the_first_and_the_newest_are_kept() {
        let accounts = Accounts::new(1);
        for number in 1..=1_000 {
            accounts.recorded(number, found(number.into()));
            accounts.adopted(None);
        }
        let kept = lock(&accounts.0).connections.len();
        assert_eq!(kept, KEPT_MAX);
        assert!(accounts.adopted(Some(account(2))).is_none());
        assert!(accounts.adopted(Some(account(1_000))).is_some());
        assert!(accounts.adopted(Some(account(1))).is_some());
    }
}
