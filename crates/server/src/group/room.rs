//! The members of one group, and their mailboxes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lastword_transport::Mailbox;

use crate::SessionId;
use crate::group::Memberships;

/// The members of one group. Whoever is in here has an entry in the memberships, or departs this moment and is
/// on its way out of here.
pub(super) struct Room {
    pub(super) memberships: Arc<Memberships>,
    members: Mutex<Members>,
}

/// A mailbox belongs to one session for good, so none has to be found again for each frame.
pub(super) type Members = HashMap<SessionId, Arc<Mailbox>>;

impl Room {
    pub(super) fn new(memberships: Arc<Memberships>) -> Self {
        Self {
            memberships,
            members: Mutex::default(),
        }
    }

    /// Takes a session in, if it is live when nobody can depart. Returns whether it is in.
    pub(super) fn join(
        self: &Arc<Self>,
        session: SessionId,
        mailbox: &Arc<Mailbox>,
        is_live: impl FnOnce() -> bool,
    ) -> bool {
        // Held until both have it: a departure in between would find the entry and not the member.
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

    /// Lets a session go. Returns whether it was in.
    pub(super) fn leave(&self, session: SessionId) -> bool {
        let was_in = self.forget(session);
        if was_in {
            self.memberships.exit(session, self);
        }
        was_in
    }

    /// Lets a session go, and leaves its entry to the caller. Returns whether it was in.
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
    /// Nobody can reach it any more: its entries are all that is left of it.
    fn drop(&mut self) {
        let members = self.members.get_mut();
        let members = std::mem::take(members.unwrap_or_else(PoisonError::into_inner));
        for session in members.into_keys() {
            self.memberships.exit(session, self);
        }
    }
}

/// Gives memory back when most of it is unused: a crowd that came once is neither held nor walked over for ever.
/// It shrinks to twice of what it needs, so that the cost is spread over those who left.
pub(super) fn shrink<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > SPARE_MAX && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}

/// Less room than this is kept.
const SPARE_MAX: usize = 64;
