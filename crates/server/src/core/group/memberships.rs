//! Which sessions are in which rooms, kept on both sides: a departure touches only the rooms of its session, and a
//! broadcast only the mailboxes of its room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lastword_session::SessionId;
use lastword_transport::Mailbox;

use super::members::{Members, shrink};
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

/// The members of one group. Each session in it has an entry in the memberships, or is just departing and will be
/// removed.
pub(super) struct Room {
    memberships: Arc<Memberships>,
    /// Held by one broadcast at a time, so that every member gets all broadcasts in the same order.
    turn: Mutex<()>,
    /// Held while a caller waits for the members. A running broadcast takes them again and again, and must not overtake
    /// a caller that waits.
    door: Mutex<()>,
    members: Mutex<Members>,
}

impl Room {
    pub(super) fn new(memberships: Arc<Memberships>) -> Self {
        Self {
            memberships,
            turn: Mutex::default(),
            door: Mutex::default(),
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
        if members.contains(session) {
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
        // The lock is free again before the mailbox is dropped.
        let mailbox = self.members().remove(session);
        mailbox.is_some()
    }

    /// Sends one broadcast to every session that is a member from its beginning until it is sent to. `send` runs under
    /// the lock of the members, for [`PART`](super::members::PART) of them at a time.
    pub(super) fn broadcast(&self, mut send: impl FnMut(SessionId, &Mailbox)) {
        let _turn = lock(&self.turn);
        let mut end = self.members().begin_broadcast();
        while end > 0 {
            end = self.members().broadcast_part(end, &mut send);
        }
    }

    /// Locks the members. During a broadcast, a caller waits for one part of it, and for the callers before it.
    pub(super) fn members(&self) -> MutexGuard<'_, Members> {
        let _door = lock(&self.door);
        lock(&self.members)
    }
}

impl Drop for Room {
    /// The room is unreachable by now, so only its entries are left to remove.
    fn drop(&mut self) {
        let members = self.members.get_mut();
        let members = std::mem::take(members.unwrap_or_else(PoisonError::into_inner));
        for session in members.sessions() {
            self.memberships.exit(session, self);
        }
    }
}

#[cfg(test)]
mod tests;
