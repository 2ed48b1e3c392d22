//! A client's account of the end of an earlier connection, joined to the record of that end.

use std::sync::Arc;
use std::time::SystemTime;

use lastword_session::Cause;
use lastword_session::wire::Previous;

use super::ServerApp;
use super::standing::Standing;
use crate::books::{Disconnect, PeerTold, Told, log};
use crate::core::{Found, Received};
use crate::shape::Shape;

impl<S: Shape> ServerApp<S> {
    /// The session goes on with a connection whose hello had this account.
    pub(super) fn on_account(&self, previous: Option<Previous>) {
        let Standing::Away(away) = &self.standing else {
            return;
        };
        let account = previous.map(|previous| Received {
            previous,
            at: self.core().clock.now(),
            wall_time: SystemTime::now(),
        });
        if let Some((found, told)) = away.accounts.adopted(account) {
            self.tell(found.seq, found.cause, told);
        }
    }

    /// The record of a lost connection is written, and was told to the observers.
    pub(super) fn on_recorded(&self, disconnect: &Disconnect) {
        let Some(accounts) = self.standing.accounts() else {
            return;
        };
        let (seq, cause) = (disconnect.seq, disconnect.cause());
        let found = Found {
            seq,
            cause,
            at: disconnect.ending.verdict.at,
        };
        if let Some(told) = accounts.recorded(disconnect.connection, found) {
            self.tell(seq, cause, told);
        }
    }

    fn tell(&self, seq: u64, cause: Cause, told: Told) {
        let Some(identity) = self.standing.identity() else {
            return;
        };
        let core = Arc::clone(self.core());
        let peer_told = PeerTold {
            seq,
            session: identity.session,
            player: identity.player.as_deref().map(str::to_owned),
            connection: told.previous.connection,
            cause,
            told,
        };
        core.books
            .measure(|metrics| metrics.told(cause.class(), told.both_ends));
        log::told(&peer_told);
        core.observers
            .tell(|observer| observer.peer_told(&peer_told));
    }
}
