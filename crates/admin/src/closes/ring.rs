//! The last closes by their number. The ends of sessions are kept apart from those of other connections: strangers that
//! knock and leave push no player out. Connections end at the same moment on different threads, so a record may come in
//! behind its successor. It has its place all the same, and a follower waits for it.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lastword_server::Disconnect;
use tokio::time::Instant;

/// The last closes.
#[derive(Debug, Default)]
pub(crate) struct Ring(Mutex<Kept>);

/// What a follower is told.
#[derive(Debug)]
pub(crate) struct Found {
    /// Oldest first.
    pub(crate) closes: Vec<Arc<Disconnect>>,
    /// Records of those asked for that are gone, or that never came.
    pub(crate) missed: u64,
    /// The last record that was looked at: where to go on.
    pub(crate) last: u64,
}

/// Nothing with this number was ever recorded here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BeyondTheLast {
    pub(crate) last: u64,
}

#[derive(Debug, Default)]
struct Kept {
    /// By number: of sessions.
    sessions: BTreeMap<u64, Arc<Disconnect>>,
    /// By number: of connections that never became a session.
    others: BTreeMap<u64, Arc<Disconnect>>,
    /// Those that are still on their way, since their successor came.
    awaited: BTreeMap<u64, Instant>,
    /// The number of the newest one; 0 where there is none. It is always kept.
    last: u64,
}

impl Ring {
    /// Takes a record in.
    pub(crate) fn push(&self, disconnect: Arc<Disconnect>) {
        let gone = self.lock().push(disconnect);
        // Freed outside of the lock.
        drop(gone);
    }

    /// The newest ones that are asked for, newest first.
    pub(crate) fn newest(
        &self,
        limit: usize,
        asks_for: impl Fn(&Disconnect) -> bool,
    ) -> Vec<Arc<Disconnect>> {
        let mut found = Vec::new();
        let mut end = u64::MAX;
        while found.len() < limit {
            let some = self.before(end);
            let Some(oldest) = some.last() else { break };
            end = oldest.seq;
            found.extend(some.into_iter().filter(|close| asks_for(close)));
        }
        found.truncate(limit);
        found
    }

    /// The oldest ones behind this number that are asked for, oldest first, up to `until` and to the first that is
    /// still on its way.
    ///
    /// # Errors
    /// When there was none with this number yet.
    pub(crate) fn after(
        &self,
        after: u64,
        until: u64,
        limit: usize,
        asks_for: impl Fn(&Disconnect) -> bool,
    ) -> Result<Found, BeyondTheLast> {
        let last = self.last();
        if after > last {
            return Err(BeyondTheLast { last });
        }
        let mut found = Found {
            closes: Vec::new(),
            missed: 0,
            last: after,
        };
        loop {
            let (some, awaited) = self.behind(found.last);
            if some.is_empty() {
                return Ok(found);
            }
            let end = awaited.min(until.saturating_add(1));
            for close in some {
                if close.seq >= end {
                    found.skip_before(end);
                    return Ok(found);
                }
                if found.closes.len() >= limit {
                    return Ok(found);
                }
                found.skip_before(close.seq);
                found.last = close.seq;
                if asks_for(&close) {
                    found.closes.push(close);
                }
            }
        }
    }

    /// The newest of sessions and of other connections, so many of each, up to `until` and to the first that is still
    /// on its way; oldest first.
    pub(crate) fn recent(&self, until: u64, of_each: usize) -> Found {
        let kept = self.lock();
        let last = until.min(kept.last).min(kept.awaited_behind(0) - 1);
        let newest = |kept: &BTreeMap<u64, Arc<Disconnect>>| {
            let newest = kept.range(..=last).rev().take(of_each);
            newest.map(|(_, close)| Arc::clone(close)).collect()
        };
        let mut closes: Vec<_> = newest(&kept.sessions);
        closes.append(&mut newest(&kept.others));
        drop(kept);
        closes.sort_unstable_by_key(|close| close.seq);
        Found {
            closes,
            missed: 0,
            last,
        }
    }

    /// The number of the newest one.
    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// The oldest ones behind this number, and the first number behind it that is on its way.
    fn behind(&self, after: u64) -> (Vec<Arc<Disconnect>>, u64) {
        let kept = self.lock();
        let behind = |kept: &BTreeMap<u64, Arc<Disconnect>>| {
            let behind = kept.range((Excluded(after), Unbounded)).take(AT_A_TIME);
            behind.map(|(_, close)| Arc::clone(close)).collect()
        };
        let mut some: Vec<_> = behind(&kept.sessions);
        some.append(&mut behind(&kept.others));
        let awaited = kept.awaited_behind(after);
        drop(kept);
        some.sort_unstable_by_key(|close| close.seq);
        some.truncate(AT_A_TIME);
        (some, awaited)
    }

    /// The newest ones before this number, newest first.
    fn before(&self, end: u64) -> Vec<Arc<Disconnect>> {
        let kept = self.lock();
        let before = |kept: &BTreeMap<u64, Arc<Disconnect>>| {
            let before = kept.range(..end).rev().take(AT_A_TIME);
            before.map(|(_, close)| Arc::clone(close)).collect()
        };
        let mut some: Vec<_> = before(&kept.sessions);
        some.append(&mut before(&kept.others));
        drop(kept);
        some.sort_unstable_by_key(|close| std::cmp::Reverse(close.seq));
        some.truncate(AT_A_TIME);
        some
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    /// Goes on to right before this number: the records between have left the ring, or never came.
    fn skip_before(&mut self, seq: u64) {
        self.missed += seq.saturating_sub(self.last + 1);
        self.last = self.last.max(seq.saturating_sub(1));
    }
}

impl Kept {
    /// Returns the record that no longer has a place.
    fn push(&mut self, disconnect: Arc<Disconnect>) -> Option<Arc<Disconnect>> {
        let (seq, now) = (disconnect.seq, Instant::now());
        let overtaken = (self.last + 1).max(seq.saturating_sub(AWAITED_RECORDS_MAX));
        self.awaited.extend((overtaken..seq).map(|seq| (seq, now)));
        self.awaited.remove(&seq);
        self.forget_lost(now);
        self.last = self.last.max(seq);
        let kept = if disconnect.has_joined() {
            &mut self.sessions
        } else {
            &mut self.others
        };
        kept.insert(seq, disconnect);
        let oldest = (kept.len() > RECORDS_MAX).then(|| kept.pop_first());
        oldest.flatten().map(|(_, gone)| gone)
    }

    /// The first number behind this one whose record is on its way; one that no record has where there is none.
    fn awaited_behind(&self, after: u64) -> u64 {
        let mut behind = self.awaited.range((Excluded(after), Unbounded));
        let on_its_way = behind.find(|(_, since)| since.elapsed() < AWAITED_MAX);
        on_its_way.map_or(u64::MAX, |(seq, _)| *seq)
    }

    /// Not for ever: a record that was lost with its thread must not hold up the followers.
    fn forget_lost(&mut self, now: Instant) {
        while let Some(oldest) = self.awaited.first_entry() {
            let is_lost = now.duration_since(*oldest.get()) >= AWAITED_MAX;
            if !is_lost {
                return;
            }
            oldest.remove();
        }
    }
}

/// How many records are kept of sessions, and how many of other connections.
const RECORDS_MAX: usize = 10_000;
/// How many are copied under one hold of the lock.
const AT_A_TIME: usize = 256;
/// How long a record that its successor overtook may take.
const AWAITED_MAX: Duration = Duration::from_secs(5);
/// How many such records are waited for.
const AWAITED_RECORDS_MAX: u64 = 10_000;

#[cfg(test)]
pub(super) mod tests;
