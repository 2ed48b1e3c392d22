//! The tombstones of sessions: how a session ended whose client may not have read that. A client with a token that was valid
//! then reads it instead of "unknown".

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use lastword_session::{Cause, Close, SessionId, Time};

use crate::guard::lock;

/// The tombstones of one server. Each takes about 200 bytes, and the words of its goodbye. There is no timer: those whose
/// window is over count as gone, and are removed when the next one comes.
#[derive(Debug, Default)]
pub(crate) struct Tombstones(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_session: HashMap<SessionId, Tombstone>,
    by_end: BTreeSet<(Time, [u8; 16])>,
}

/// The end of a session.
#[derive(Clone, Debug)]
pub(crate) struct Tombstone {
    /// The end of the session's resume window.
    pub(crate) until: Time,
    /// The generations of the tokens that were valid at its end; 0 stands for none.
    pub(crate) generations: [u32; 2],
    /// The decision that ended it.
    pub(crate) close: Arc<Close>,
}

impl Tombstones {
    /// Adds the tombstone of a session. If there are too many, the one whose window ends first goes.
    pub(crate) fn put(&self, now: Time, session: SessionId, tombstone: Tombstone) {
        let mut kept = lock(&self.0);
        kept.remove(session);
        while let Some(&(until, first)) = kept.by_end.first() {
            if until > now && kept.by_end.len() < KEPT_MAX {
                break;
            }
            kept.remove(SessionId::from_bytes(first));
        }
        kept.by_end.insert((tombstone.until, *session.as_bytes()));
        kept.by_session.insert(session, tombstone);
    }

    /// Returns the tombstone of a session within its window.
    pub(crate) fn find(&self, now: Time, session: SessionId) -> Option<Tombstone> {
        let kept = lock(&self.0);
        let tombstone = kept.by_session.get(&session);
        tombstone.filter(|tombstone| tombstone.until > now).cloned()
    }

    /// The client of this session has read that it ended for this cause.
    pub(crate) fn was_read(&self, session: SessionId, cause: Cause) {
        let mut kept = lock(&self.0);
        let tombstone = kept.by_session.get(&session);
        if tombstone.is_some_and(|tombstone| tombstone.close.cause == cause) {
            kept.remove(session);
        }
    }
}

impl Kept {
    fn remove(&mut self, session: SessionId) {
        if let Some(gone) = self.by_session.remove(&session) {
            self.by_end.remove(&(gone.until, *session.as_bytes()));
        }
    }
}

/// The most tombstones of one server.
const KEPT_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Time {
        Time::ORIGIN + Duration::from_millis(ms)
    }

    fn session(n: u32) -> SessionId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        SessionId::from_bytes(bytes)
    }

    fn tombstone(until: Time, cause: Cause) -> Tombstone {
        Tombstone {
            until,
            generations: [1, 0],
            close: Arc::new(Close::new(cause)),
        }
    }

    fn len(tombstones: &Tombstones) -> usize {
        let kept = lock(&tombstones.0);
        assert_eq!(kept.by_end.len(), kept.by_session.len());
        kept.by_end.len()
    }

    #[test]
    fn a_tombstone_is_found_until_its_window_is_over() {
        let tombstones = Tombstones::default();
        tombstones.put(at(0), session(1), tombstone(at(10), Cause::Kicked));
        assert!(tombstones.find(at(9), session(1)).is_some());
        assert!(tombstones.find(at(9), session(2)).is_none());
        assert!(tombstones.find(at(10), session(1)).is_none());
        tombstones.put(at(10), session(2), tombstone(at(20), Cause::Kicked));
        assert_eq!(len(&tombstones), 1, "the other one is removed");
    }

    #[test]
    fn no_more_than_so_many_are_kept_and_the_first_to_end_goes() {
        let tombstones = Tombstones::default();
        let max = u32::try_from(KEPT_MAX).unwrap();
        for n in 0..max + 10 {
            let until = at(1_000 + u64::from(n));
            tombstones.put(at(0), session(n), tombstone(until, Cause::Kicked));
        }
        assert_eq!(len(&tombstones), KEPT_MAX);
        assert!(tombstones.find(at(0), session(9)).is_none());
        assert!(tombstones.find(at(0), session(10)).is_some());
    }

    #[test]
    fn a_goodbye_that_was_read_needs_no_tombstone_and_one_of_another_cause_does() {
        let tombstones = Tombstones::default();
        tombstones.put(at(0), session(1), tombstone(at(10), Cause::Kicked));
        tombstones.was_read(session(1), Cause::SupersededByResume);
        assert_eq!(len(&tombstones), 1);
        tombstones.was_read(session(1), Cause::Kicked);
        assert_eq!(len(&tombstones), 0);
    }
}
