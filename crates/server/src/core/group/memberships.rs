//! Which sessions are in which rooms, kept on both sides: a departure touches only the rooms of its session, and a
//! broadcast only the mailboxes of its room.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lastword_session::SessionId;
use lastword_transport::Mailbox;

use crate::guard::lock;

/// The rooms of each session that is in at least one; other sessions have no entry. A dropped room removes its entries.
///
/// A departure closes the session's mailbox, takes the entry, empties the rooms, and only then tells the game. A join
/// checks the mailbox under the lock of the entries. So it either finds the mailbox closed, or the departure finds the
/// join's entry.
#[derive(Default)]
pub(crate) struct Memberships {
    rooms: Mutex<HashMap<SessionId, Vec<Weak<Room>>>>,
}

impl Memberships {
    /// Takes a session, whose mailbox is closed, out of its rooms. It locks only these rooms, one at a time.
    pub(crate) fn depart(&self, session: SessionId) {
        let rooms = {
            let mut rooms = lock(&self.rooms);
            let of_session = rooms.remove(&session);
            shrink(&mut rooms);
            of_session
        };
        for room in rooms.iter().flatten().filter_map(Weak::upgrade) {
            room.forget(session);
        }
    }

    /// Adds the entry of a live session that joins a room; the room's members are locked. Returns whether it is live.
    fn enter(&self, session: SessionId, room: &Arc<Room>, is_live: impl FnOnce() -> bool) -> bool {
        let mut rooms = lock(&self.rooms);
        let is_live = is_live();
        if is_live {
            let room = Arc::downgrade(room);
            rooms.entry(session).or_default().push(room);
        }
        is_live
    }

    /// Removes one entry of a session in a room, after the session left the room. If it joined again in between there
    /// are two entries, and one stays.
    fn exit(&self, session: SessionId, room: &Room) {
        let mut rooms = lock(&self.rooms);
        let Some(of_session) = rooms.get_mut(&session) else {
            return;
        };
        // Searched from the end: the room that was entered last is often left first.
        let is_it = |of: &Weak<Room>| std::ptr::eq(of.as_ptr(), room);
        if let Some(index) = of_session.iter().rposition(is_it) {
            of_session.swap_remove(index);
        }
        if of_session.is_empty() {
            rooms.remove(&session);
            shrink(&mut rooms);
        }
    }
}

/// The members of one group. A session in here has an entry in the memberships, or is departing right now and about to
/// be removed.
pub(super) struct Room {
    memberships: Arc<Memberships>,
    members: Mutex<Members>,
}

/// A mailbox belongs to one session for good, so a broadcast need not look it up again for each frame.
type Members = HashMap<SessionId, Arc<Mailbox>>;

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
    fn forget(&self, session: SessionId) -> bool {
        let mut members = self.members();
        let was_in = members.remove(&session).is_some();
        shrink(&mut members);
        was_in
    }

    pub(super) fn members(&self) -> MutexGuard<'_, Members> {
        lock(&self.members)
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
fn shrink<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > SPARE_MAX && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}

/// A smaller capacity is kept.
const SPARE_MAX: usize = 64;

#[cfg(test)]
mod tests;
