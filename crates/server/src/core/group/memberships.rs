//! The groups that each session is in, so that a departure touches only those.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lastword_session::SessionId;

use super::room::{Room, shrink};

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
            let mut rooms = self.lock();
            let of_session = rooms.remove(&session);
            shrink(&mut rooms);
            of_session
        };
        for room in rooms.iter().flatten().filter_map(Weak::upgrade) {
            room.forget(session);
        }
    }

    /// Adds the entry of a live session that joins a room; the room's members are locked. Returns whether it is live.
    pub(super) fn enter(
        &self,
        session: SessionId,
        room: &Arc<Room>,
        is_live: impl FnOnce() -> bool,
    ) -> bool {
        let mut rooms = self.lock();
        let is_live = is_live();
        if is_live {
            let room = Arc::downgrade(room);
            rooms.entry(session).or_default().push(room);
        }
        is_live
    }

    /// Removes one entry of a session in a room, after the session left the room. If it joined again in between there
    /// are two entries, and one stays.
    pub(super) fn exit(&self, session: SessionId, room: &Room) {
        let mut rooms = self.lock();
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

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Vec<Weak<Room>>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
