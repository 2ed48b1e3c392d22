//! The live sessions by id, readable from other threads, at 9 to 18 bytes each.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, Mutex};

use lastword_session::SessionId;

use crate::guard::lock;
use crate::player::SessionIdentity;

/// The sessions that joined and have not departed.
///
/// They are found by their ids and not by their place in this process, since a session may move to another one. The table
/// is cut into shards by the first byte of the id. A lock is held for one shard at a time, and never during any other wait.
#[derive(Debug)]
pub(crate) struct LiveSessions(Vec<Shard>);

type Shard = Mutex<HashSet<ById, BuildHasherDefault<IdHasher>>>;

impl Default for LiveSessions {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Shard::default()).collect())
    }
}

impl LiveSessions {
    /// Adds a session that joined.
    pub(crate) fn put(&self, identity: &Arc<SessionIdentity>) {
        if let Some(shard) = self.shard(identity.session) {
            lock(shard).insert(ById(Arc::clone(identity)));
        }
    }

    /// Removes a session.
    pub(crate) fn remove(&self, session: SessionId) {
        let removed = self
            .shard(session)
            .and_then(|shard| lock(shard).take(&session));
        drop(removed);
    }

    /// The identity of a session, if it is live.
    pub(crate) fn find(&self, session: SessionId) -> Option<Arc<SessionIdentity>> {
        let shard = lock(self.shard(session)?);
        let found = shard.get(&session)?;
        Some(Arc::clone(&found.0))
    }

    /// The slot of a live session in the table of connections.
    pub(crate) fn slot_of(&self, session: SessionId) -> Option<u32> {
        let shard = lock(self.shard(session)?);
        Some(shard.get(&session)?.0.slot)
    }

    /// The wanted sessions behind this one, in the order of their ids; `None` begins with the first. Each one is read when
    /// the iterator reaches its shard.
    pub(crate) fn scan<'a>(
        &'a self,
        after: Option<SessionId>,
        wanted: impl Fn(&SessionIdentity) -> bool + 'a,
    ) -> impl Iterator<Item = Arc<SessionIdentity>> + 'a {
        let first = after.map_or(0, shard_of);
        let shards = self.0.iter().skip(first).map(move |shard| {
            let shard = lock(shard);
            let behind = shard
                .iter()
                .filter(|each| after.is_none_or(|after| each.0.session > after));
            let mut sessions: Vec<_> = behind
                .filter(|each| wanted(&each.0))
                .map(|each| Arc::clone(&each.0))
                .collect();
            drop(shard);
            sessions.sort_unstable_by_key(|identity| identity.session);
            sessions
        });
        shards.flatten()
    }

    fn shard(&self, session: SessionId) -> Option<&Shard> {
        self.0.get(shard_of(session))
    }
}

fn shard_of(session: SessionId) -> usize {
    let [first, ..] = *session.as_bytes();
    first.into()
}

/// A session that is found by its id.
#[derive(Debug)]
struct ById(Arc<SessionIdentity>);

impl Borrow<SessionId> for ById {
    fn borrow(&self) -> &SessionId {
        &self.0.session
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.session == other.0.session
    }
}

impl Eq for ById {}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.session.hash(state);
    }
}

/// The last eight bytes of an id, which are random: this server made every id that is in the table, and a stranger's id only
/// looks for one.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_le_bytes(*last);
        }
    }

    /// The length of the id, which is the same for all.
    fn write_usize(&mut self, _: usize) {}
}

/// One for each first byte of an id.
const SHARDS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(n: u32) -> Arc<SessionIdentity> {
        SessionIdentity::of(n, Some(&format!("player {n}")))
    }

    fn ids(sessions: &LiveSessions, after: Option<SessionId>) -> Vec<SessionId> {
        let found = sessions.scan(after, |_| true);
        found.map(|identity| identity.session).collect()
    }

    fn some(count: u32) -> (LiveSessions, Vec<Arc<SessionIdentity>>) {
        let sessions = LiveSessions::default();
        let mut here: Vec<_> = (0..count).map(identity).collect();
        here.iter().for_each(|identity| sessions.put(identity));
        here.sort_unstable_by_key(|identity| identity.session);
        (sessions, here)
    }

    #[test]
    fn sessions_are_found_by_id_and_listed_in_its_order_whichever_joined_first() {
        let (sessions, here) = some(2_000);
        let all: Vec<_> = here.iter().map(|identity| identity.session).collect();
        assert_eq!(ids(&sessions, None), all);
        for n in [0, 1, 999, 1_998, 1_999] {
            assert_eq!(ids(&sessions, Some(all[n])), all[n + 1..]);
            assert_eq!(sessions.find(all[n]).unwrap().session, all[n]);
            assert_eq!(sessions.slot_of(all[n]), Some(here[n].slot));
        }
        let mut of_player = sessions.scan(None, |identity| identity.is_of("player 3"));
        assert_eq!(of_player.next().unwrap().slot, 3);
        assert!(of_player.next().is_none());
        let stranger = identity(3).session;
        assert!(sessions.find(stranger).is_none() && sessions.slot_of(stranger).is_none());
    }

    #[test]
    fn a_departure_removes_its_own_session_and_not_the_next_one_in_the_slot() {
        let sessions = LiveSessions::default();
        let [ann, bob] = [identity(5), identity(5)];
        sessions.remove(ann.session);
        sessions.put(&ann);
        sessions.put(&bob);
        sessions.remove(ann.session);
        assert_eq!(ids(&sessions, None), [bob.session]);
        sessions.remove(bob.session);
        assert!(ids(&sessions, None).is_empty());
        assert_eq!(Arc::strong_count(&bob), 1);
    }

    /// Page by page, as the admin port reads them. The last session of a page may be gone.
    #[test]
    fn a_list_in_pages_has_each_session_that_stays_once_while_others_come_and_go() {
        let (sessions, here) = some(600);
        let mut seen = Vec::new();
        let mut after = None;
        for n in 0.. {
            let page: Vec<_> = sessions.scan(after, |_| true).take(7).collect();
            let Some(last) = page.last() else { break };
            after = Some(last.session);
            seen.extend(page.iter().map(|identity| identity.session));
            if n % 3 == 0 {
                sessions.remove(last.session);
            }
            sessions.put(&identity(n + 1_000));
        }
        assert!(seen.is_sorted());
        for identity in &here {
            let times = seen
                .iter()
                .filter(|seen| **seen == identity.session)
                .count();
            assert_eq!(times, 1);
        }
    }

    #[test]
    fn threads_that_join_leave_and_read_find_what_stays() {
        let (sessions, here) = some(300);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for n in 0..3_000 {
                        let identity = identity(n);
                        sessions.put(&identity);
                        sessions.remove(identity.session);
                    }
                });
            }
            for _ in 0..20 {
                let all = ids(&sessions, None);
                assert!(all.is_sorted());
                for identity in &here {
                    assert!(all.binary_search(&identity.session).is_ok());
                    assert!(sessions.find(identity.session).is_some());
                }
            }
        });
        assert_eq!(ids(&sessions, None).len(), 300);
    }
}
