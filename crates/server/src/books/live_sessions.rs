//! The live sessions by slot, readable from other threads, at eight bytes each.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use lastword_session::SessionId;

use crate::guard::lock;
use crate::player::{SessionIdentity, slot_of};

/// The sessions that joined and have not departed, by their slots in the table of connections.
///
/// A lock is held for one chunk at a time, and never during any other wait.
#[derive(Debug, Default)]
pub(crate) struct LiveSessions(RwLock<Vec<Arc<Chunk>>>);

type Chunk = Mutex<[Option<Arc<SessionIdentity>>; CHUNK]>;

impl LiveSessions {
    /// Adds a session that joined.
    pub(crate) fn put(&self, identity: &Arc<SessionIdentity>) {
        let index = slot_index(identity.session);
        if let Some(chunk) = self.chunk(index / CHUNK) {
            if let Some(entry) = lock(&chunk).get_mut(index % CHUNK) {
                *entry = Some(Arc::clone(identity));
            }
        }
    }

    /// Removes a session. If another session uses the slot by now, the other session stays.
    pub(crate) fn remove(&self, session: SessionId) {
        let index = slot_index(session);
        let chunk = self.chunk_at(index / CHUNK);
        let removed = chunk.and_then(|chunk| {
            let mut entries = lock(&chunk);
            let entry = entries.get_mut(index % CHUNK)?;
            entry.take_if(|identity| identity.session == session)
        });
        drop(removed);
    }

    /// The identity of a session, if it is live.
    pub(crate) fn find(&self, session: SessionId) -> Option<Arc<SessionIdentity>> {
        let index = slot_index(session);
        let chunk = self.chunk_at(index / CHUNK)?;
        let identity = lock(&chunk).get(index % CHUNK)?.clone();
        identity.filter(|identity| identity.session == session)
    }

    /// The wanted sessions in the order of their slots, from `first` on. Each one is read when the iterator reaches its
    /// chunk.
    pub(crate) fn scan<'a>(
        &'a self,
        first: usize,
        wanted: impl Fn(&SessionIdentity) -> bool + 'a,
    ) -> impl Iterator<Item = Arc<SessionIdentity>> + 'a {
        let mut next = first;
        let chunks = std::iter::from_fn(move || {
            let chunk = self.chunk_at(next / CHUNK)?;
            let entries = lock(&chunk);
            let entries = entries.iter().skip(next % CHUNK).flatten();
            let sessions: Vec<_> = entries
                .filter(|identity| wanted(identity))
                .cloned()
                .collect();
            next = (next / CHUNK + 1) * CHUNK;
            Some(sessions)
        });
        chunks.flatten()
    }

    fn chunk_at(&self, index: usize) -> Option<Arc<Chunk>> {
        let chunks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        chunks.get(index).cloned()
    }

    /// The chunk at this index, which is made if it does not exist.
    fn chunk(&self, index: usize) -> Option<Arc<Chunk>> {
        self.chunk_at(index).or_else(|| {
            let mut chunks = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let len = chunks.len().max(index + 1);
            chunks.resize_with(len, || Arc::new(Mutex::new([const { None }; CHUNK])));
            chunks.get(index).cloned()
        })
    }
}

/// The session's slot, as an index.
pub(crate) fn slot_index(session: SessionId) -> usize {
    usize::try_from(slot_of(session)).unwrap_or(usize::MAX)
}

const CHUNK: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(slot: u32) -> Arc<SessionIdentity> {
        SessionIdentity::of(slot, Some(&format!("player {slot}")))
    }

    fn slots(sessions: &LiveSessions, first: usize) -> Vec<u32> {
        let found = sessions.scan(first, |_| true);
        found.map(|identity| slot_of(identity.session)).collect()
    }

    #[test]
    fn sessions_are_found_in_slot_order_whichever_joined_first() {
        let sessions = LiveSessions::default();
        for slot in [700, 0, 255, 256, 3] {
            sessions.put(&identity(slot));
        }
        assert_eq!(slots(&sessions, 0), [0, 3, 255, 256, 700]);
        assert_eq!(slots(&sessions, 4), [255, 256, 700]);
        assert_eq!(slots(&sessions, 256), [256, 700]);
        assert!(slots(&sessions, 701).is_empty());
        assert!(slots(&sessions, usize::MAX).is_empty());
        let mut of_player = sessions.scan(0, |identity| identity.is_of("player 3"));
        assert_eq!(slot_of(of_player.next().unwrap().session), 3);
        assert!(of_player.next().is_none());
    }

    #[test]
    fn a_departure_removes_its_own_session_and_not_the_next_one_in_the_slot() {
        let sessions = LiveSessions::default();
        let [ann, bob] = [identity(5), identity(5)];
        sessions.remove(ann.session);
        sessions.put(&ann);
        sessions.put(&bob);
        sessions.remove(ann.session);
        assert_eq!(slots(&sessions, 0), [5]);
        sessions.remove(bob.session);
        assert!(slots(&sessions, 0).is_empty());
        assert_eq!(Arc::strong_count(&bob), 1);
    }

    #[test]
    fn a_scan_sees_what_stays_once_while_others_come_and_go() {
        let sessions = LiveSessions::default();
        let here: Vec<_> = (0..600).map(identity).collect();
        here.iter().for_each(|identity| sessions.put(identity));
        let mut scan = sessions.scan(0, |_| true);
        let mut seen = vec![slot_of(scan.next().unwrap().session)];
        for gone in [0, 300, 599] {
            sessions.remove(here[gone].session);
        }
        sessions.put(&identity(900));
        seen.extend(scan.map(|identity| slot_of(identity.session)));
        let stayed: Vec<u32> = (0..600).filter(|slot| ![300, 599].contains(slot)).collect();
        assert_eq!(seen, [&stayed[..], &[900]].concat());
    }
}
