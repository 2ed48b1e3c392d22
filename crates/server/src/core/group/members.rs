//! The members of one group: found by their session, and sent to a part at a time while others come and go.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use lastword_session::SessionId;
use lastword_transport::Mailbox;

/// The members of one group, under its lock.
///
/// A broadcast goes through the list from its end to its beginning. A removal moves the last member into the gap. So
/// only a member that already has the frame can move to a place that the broadcast has not reached. The number of the
/// member's last broadcast prevents a second frame.
#[derive(Default)]
pub(super) struct Members {
    list: Vec<Member>,
    /// The place of each session in the list.
    places: HashMap<SessionId, usize>,
    /// The number of the last broadcast that has begun.
    broadcast: u64,
}

struct Member {
    session: SessionId,
    /// A mailbox belongs to one session for good, so a broadcast need not look it up again for each frame.
    mailbox: Arc<Mailbox>,
    /// The last broadcast that this member got, or that had begun when it joined.
    last: u64,
}

impl Members {
    /// Adds a session, which is not a member. The broadcast that is running does not reach it.
    pub(super) fn insert(&mut self, session: SessionId, mailbox: Arc<Mailbox>) {
        self.places.insert(session, self.list.len());
        self.list.push(Member {
            session,
            mailbox,
            last: self.broadcast,
        });
    }

    /// Removes a session. Returns its mailbox, which the caller drops without the lock, if it was a member.
    pub(super) fn remove(&mut self, session: SessionId) -> Option<Arc<Mailbox>> {
        let place = self.places.remove(&session)?;
        let removed = self.list.swap_remove(place);
        if let Some(moved) = self.list.get(place) {
            self.places.insert(moved.session, place);
        }
        shrink(&mut self.places);
        if has_room_to_spare(self.list.capacity(), self.list.len()) {
            self.list.shrink_to(self.list.len() * 2);
        }
        Some(removed.mailbox)
    }

    /// Begins a broadcast. Returns the place below which members still have to get it.
    pub(super) fn begin_broadcast(&mut self) -> usize {
        self.broadcast += 1;
        self.list.len()
    }

    /// Sends the broadcast to the next members below `end`, at most [`PART`]. Returns the place below which members
    /// still have to get it; 0 if it is over.
    pub(super) fn broadcast_part(
        &mut self,
        end: usize,
        mut send: impl FnMut(SessionId, &Mailbox),
    ) -> usize {
        let end = end.min(self.list.len());
        let begin = end.saturating_sub(PART);
        for member in self.list.get_mut(begin..end).unwrap_or_default() {
            if member.last < self.broadcast {
                member.last = self.broadcast;
                send(member.session, &member.mailbox);
            }
        }
        begin
    }

    pub(super) fn contains(&self, session: SessionId) -> bool {
        self.places.contains_key(&session)
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The sessions, in no particular order.
    pub(super) fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.list.iter().map(|member| member.session)
    }
}

/// Gives memory back when most of it is unused, so that a crowd that has left costs no memory and no time. It shrinks
/// to twice the need, which spreads the cost over the sessions that left.
pub(super) fn shrink<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if has_room_to_spare(map.capacity(), map.len()) {
        map.shrink_to(map.len() * 2);
    }
}

fn has_room_to_spare(capacity: usize, len: usize) -> bool {
    capacity > SPARE_MAX && len < capacity / 8
}

/// The most members that a broadcast is sent to under one lock: about 0.1 ms.
pub(super) const PART: usize = 256;
/// A smaller capacity is kept.
const SPARE_MAX: usize = 64;

#[cfg(test)]
mod tests;
