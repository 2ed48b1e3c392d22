//! The members of one group, and their mailboxes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lastword_session::SessionId;
use lastword_transport::Mailbox;

use super::memberships::Memberships;

/// The members of one group. A session in here has an entry in the memberships, or is departing right now and about to
/// be removed.
pub(super) struct Room {
    pub(super) memberships: Arc<Memberships>,
    members: Mutex<Members>,
}

/// A mailbox belongs to one session for good, so a broadcast need not look it up again for each frame.
pub(super) type Members = HashMap<SessionId, Arc<Mailbox>>;

impl Room {
    pub(super) fn new(memberships: Arc<Memberships>) -> Self {
        Self {
            memberships,
            members: Mutex::default(),
        }
    }

    /// Adds a session if it is live, checked while it cannot depart. Returns whether it is a member.
    pub(super) fn join(
        self: &Arc<Self>,
        session: SessionId,
        mailbox: &Arc<Mailbox>,
        is_live: impl FnOnce() -> bool,
    ) -> bool {
        // Held until both have the session: a departure in between would find the entry but not the member.
        let mut members = self.members();
        if members.contains_key(&session) {
            return true;
        }
        let entered = self.memberships.enter(session, self, is_live);
        if entered {
            members.insert(session, Arc::clone(mailbox));
        }
        entered
    }

    /// Removes a session. Returns whether it was a member.
    pub(super) fn leave(&self, session: SessionId) -> bool {
        let was_in = self.forget(session);
        if was_in {
            self.memberships.exit(session, self);
        }
        was_in
    }

    /// Removes a session but leaves its entry to the caller. Returns whether it was a member.
    pub(super) fn forget(&self, session: SessionId) -> bool {
        let mut members = self.members();
        let was_in = members.remove(&session).is_some();
        shrink(&mut members);
        was_in
    }

    pub(super) fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    /// The room is unreachable by now, so only its entries are left to remove.
    fn drop(&mut self) {
        let members = self.members.get_mut();
        let members = std::mem::take(members.unwrap_or_else(PoisonError::into_inner));
        for session in members.into_keys() {
            self.memberships.exit(session, self);
        }
    }
}

/// Gives memory back when most of it is unused, so that a past crowd costs neither memory nor time. It shrinks to twice
/// the need, which spreads the cost over the sessions that left.
pub(super) fn shrink<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > SPARE_MAX && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}

/// A smaller capacity is kept.
const SPARE_MAX: usize = 64;
