//! The last closes by their number. Connections end at the same moment on different threads, so that a record may come
//! in behind its successor: it has its place all the same, and whoever follows the ring waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lastword_server::Disconnect;
use tokio::time::Instant;

/// The last closes.
#[derive(Debug, Default)]
pub(crate) struct Ring(Mutex<Slots>);

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

#[derive(Debug)]
struct Slots {
    /// The number of the oldest one.
    first: u64,
    slots: VecDeque<Slot>,
}

#[derive(Clone, Debug)]
enum Slot {
    Kept(Arc<Disconnect>),
    /// Its successor is here since then, and it is still on its way.
    Awaited(Instant),
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
        let mut end = self.lock().end();
        loop {
            let some = self.copy(end.saturating_sub(AT_A_TIME), end);
            let Some((start, _)) = some.first() else {
                return found;
            };
            end = *start;
            let closes = some.into_iter().rev().filter_map(|(_, slot)| slot.kept());
            found.extend(closes.filter(|close| asks_for(close)));
            if found.len() >= limit {
                found.truncate(limit);
                return found;
            }
        }
    }

    /// The oldest ones behind this number that are asked for, oldest first, up to the first that is still on its way.
    ///
    /// # Errors
    /// When there was none with this number yet.
    pub(crate) fn after(
        &self,
        after: u64,
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
            let next = found.last + 1;
            let some = self.copy(next, next.saturating_add(AT_A_TIME));
            if some.is_empty() {
                return Ok(found);
            }
            for (seq, slot) in some {
                if found.closes.len() >= limit || slot.is_on_its_way() {
                    return Ok(found);
                }
                // What lies between has left the ring, also while we were looking.
                found.missed += seq - found.last - 1;
                found.last = seq;
                match slot.kept() {
                    Some(close) if asks_for(&close) => found.closes.push(close),
                    Some(_) => {}
                    None => found.missed += 1,
                }
            }
        }
    }

    /// The number of the newest one.
    pub(crate) fn last(&self) -> u64 {
        self.lock().end() - 1
    }

    /// Those from `start` on and before `end` that are here; few enough that nobody waits for the lock.
    fn copy(&self, start: u64, end: u64) -> Vec<(u64, Slot)> {
        let ring = self.lock();
        let start = start.max(ring.first);
        let len = end.min(ring.end()).saturating_sub(start).min(AT_A_TIME);
        let skip = usize::try_from(start - ring.first).unwrap_or(usize::MAX);
        let take = usize::try_from(len).unwrap_or(usize::MAX);
        let slots = ring.slots.iter().skip(skip).take(take);
        (start..).zip(slots.cloned()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// One behind the number of the newest one.
    fn end(&self) -> u64 {
        self.first + u64::try_from(self.slots.len()).unwrap_or(u64::MAX)
    }

    /// Returns what has no place any more.
    fn push(&mut self, disconnect: Arc<Disconnect>) -> Option<Slot> {
        let seq = disconnect.seq;
        while self.end() < seq {
            self.append(Slot::Awaited(Instant::now()));
        }
        let kept = Slot::Kept(disconnect);
        if self.end() == seq {
            return self.append(kept);
        }
        let index = seq.checked_sub(self.first);
        let index = index.and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| self.slots.get_mut(index)) {
            Some(slot) => Some(std::mem::replace(slot, kept)),
            None => Some(kept),
        }
    }

    fn append(&mut self, slot: Slot) -> Option<Slot> {
        self.slots.push_back(slot);
        if self.slots.len() <= RECORDS_MAX {
            return None;
        }
        self.first += 1;
        self.slots.pop_front()
    }
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            first: 1,
            slots: VecDeque::new(),
        }
    }
}

impl Slot {
    fn kept(self) -> Option<Arc<Disconnect>> {
        match self {
            Self::Kept(disconnect) => Some(disconnect),
            Self::Awaited(_) => None,
        }
    }

    /// Not for ever: what was lost with the thread that had it must not hold up who follows.
    fn is_on_its_way(&self) -> bool {
        match self {
            Self::Kept(_) => false,
            Self::Awaited(since) => since.elapsed() < AWAITED_MAX,
        }
    }
}

/// How many records are kept.
const RECORDS_MAX: usize = 10_000;
/// How many are copied under one hold of the lock.
const AT_A_TIME: u64 = 256;
/// How long a record that its successor overtook may take.
const AWAITED_MAX: Duration = Duration::from_secs(5);

#[cfg(test)]
pub(super) mod tests;
