//! Which groups a session is in, so that its departure finds them without looking at any other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::SessionId;
use crate::group::room::{Room, shrink};

/// The rooms of each session that is in one; others have no entry. A room that is dropped takes its entries
/// along.
///
/// A departure closes the session's mailbox, takes the entry, empties the rooms and only then tells the game.
/// A join asks for the mailbox under the same lock that the entry is taken under, so it finds it closed or is
/// found itself.
#[derive(Default)]
pub(crate) struct Memberships {
    rooms: Mutex<HashMap<SessionId, Vec<Weak<Room>>>>,
}

impl Memberships {
    /// Takes a session, whose mailbox is closed, out of its rooms. Waits for none but these, and for one at a time.
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

    /// Notes that a live session joins a room; called with the room's members locked. Returns whether it is live.
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

    /// Takes back one note that a session is in a room, once it is not. If it joined again meanwhile there are
    /// two, and one stays.
    pub(super) fn exit(&self, session: SessionId, room: &Room) {
        let mut rooms = self.lock();
        let Some(of_session) = rooms.get_mut(&session) else {
            return;
        };
        // From behind: the room that was entered last is often the first to be left.
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
