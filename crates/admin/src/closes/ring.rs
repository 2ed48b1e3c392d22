//! The last closes by their number. The ends of sessions are kept apart from the ends of other connections, so that
//! unknown clients displace no player's record. Connections end at the same moment on different threads, so a record
//! may arrive after a record with a higher number. It still gets its place, and a follower waits for it.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lastword_server::{Disconnect, Told};
use tokio::time::Instant;

/// The last closes.
#[derive(Debug, Default)]
pub(crate) struct Ring(Mutex<Records>);

/// The answer to a follower.
#[derive(Debug)]
pub(crate) struct Found {
    /// Oldest first.
    pub(crate) closes: Vec<Arc<Disconnect>>,
    /// Matching records that are gone, or that never came.
    pub(crate) missed: u64,
    /// The last record that was checked: the next request continues after it.
    pub(crate) last: u64,
}

/// The error for a number that was never recorded here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BeyondTheLast {
    pub(crate) last: u64,
}

#[derive(Debug, Default)]
struct Records {
    /// The ends of sessions, by number.
    sessions: BTreeMap<u64, Arc<Disconnect>>,
    /// The ends of connections that never became a session, by number.
    others: BTreeMap<u64, Arc<Disconnect>>,
    /// Numbers whose record has not come although a later record has, and since when.
    awaited: BTreeMap<u64, Instant>,
    /// The number of the newest record; 0 if there is none. The newest record is always kept.
    last: u64,
}

impl Ring {
    /// Adds a record.
    pub(crate) fn push(&self, disconnect: Arc<Disconnect>) {
        let gone = self.lock().push(disconnect);
        // Freed after the lock is released.
        drop(gone);
    }

    /// Adds the client's account to a record of a session. A record that has left the ring stays away.
    pub(crate) fn told(&self, seq: u64, told: Told) {
        let mut kept = self.lock();
        if let Some(record) = kept.sessions.get_mut(&seq) {
            // Readers may hold the record: they go on with what they have.
            Arc::make_mut(record).told = Some(told);
        }
    }

    /// The newest matching records, newest first.
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

    /// The oldest matching records after this number, oldest first, up to `until` and to the first record that is still
    /// awaited.
    ///
    /// # Errors
    /// This number was never recorded here.
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

    /// The newest ends of sessions and of other connections, at most `of_each` of both, oldest first. They reach up to
    /// `until` and to the first record that is still awaited.
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

    /// The number of the newest record.
    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// The oldest records after this number, and the first awaited number after it.
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

    /// The newest records before this number, newest first.
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

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    /// Skips to just before this number: the records in between have left the ring, or never came.
    fn skip_before(&mut self, seq: u64) {
        self.missed += seq.saturating_sub(self.last + 1);
        self.last = self.last.max(seq.saturating_sub(1));
    }
}

impl Records {
    /// Adds a record. Returns the record that it displaced.
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

    /// The first awaited number after this one, or `u64::MAX` if there is none.
    fn awaited_behind(&self, after: u64) -> u64 {
        let mut behind = self.awaited.range((Excluded(after), Unbounded));
        let on_its_way = behind.find(|(_, since)| since.elapsed() < AWAITED_MAX);
        on_its_way.map_or(u64::MAX, |(seq, _)| *seq)
    }

    /// Stops waiting for old records: a record that was lost with its thread must not delay the followers forever.
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

/// The most records of sessions, and the most of other connections.
const RECORDS_MAX: usize = 10_000;
/// The most records that are copied while the lock is held once.
const AT_A_TIME: usize = 256;
/// The longest wait for a record after its successor came.
const AWAITED_MAX: Duration = Duration::from_secs(5);
/// The most records that are awaited.
const AWAITED_RECORDS_MAX: u64 = 10_000;

#[cfg(test)]
pub(super) mod tests;
