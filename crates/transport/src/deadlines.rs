//! The dense table of connections: one deadline and one mailbox each, swept every 100 ms. There is no timer per
//! session.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use lastword_session::Time;

use crate::stalls::Stalls;
use crate::{Clock, Mailbox};

/// The connections of one server or client.
///
/// A slot's deadline is a number of sweep steps, so a sweep of 100,000 connections reads 400 KB in order.
#[derive(Debug)]
pub struct Table {
    clock: Clock,
    stalls: Stalls,
    chunks: RwLock<Vec<Arc<Chunk>>>,
    free: Mutex<Vec<u32>>,
}

/// One connection's place in a [`Table`]; dropping it frees the place.
#[derive(Debug)]
pub struct Slot {
    chunk: Arc<Chunk>,
    index: u32,
    /// The step at which the connection is due to be woken, by its last deadline.
    due: u32,
}

#[derive(Debug)]
struct Chunk {
    table: Weak<Table>,
    /// The last step that was swept.
    swept: AtomicU32,
    steps: [AtomicU32; CHUNK],
    mailboxes: Mutex<[Option<Arc<Mailbox>>; CHUNK]>,
}

impl Table {
    /// Creates an empty table and starts its sweep on the current tokio runtime; the sweep ends with the table.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(clock: Clock) -> Arc<Self> {
        let first = next_step(clock.now());
        let table = Arc::new(Self {
            clock,
            stalls: Stalls::new(time_of(first)),
            chunks: RwLock::default(),
            free: Mutex::default(),
        });
        tokio::spawn(sweep(Arc::downgrade(&table), clock, first));
        table
    }

    /// Returns the clock of the deadlines.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Gives a connection its place in the table.
    #[must_use]
    pub fn insert(self: &Arc<Self>, mailbox: Arc<Mailbox>) -> Slot {
        let (index, chunk) = self.take_free();
        if let Some(place) = chunk.lock().get_mut(offset(index)) {
            *place = Some(mailbox);
        }
        Slot {
            chunk,
            index,
            due: NEVER,
        }
    }

    /// Returns for how long in all this process itself was late: starved, stopped (SIGSTOP), or its machine paused.
    ///
    /// A sweep is late if it comes 20 ms or more after its step. A connection's task is late if it comes that long
    /// after the sweep that should have woken it, where its peer was silent. A stall counts once it is over.
    #[must_use]
    pub fn stalled_total(&self) -> Duration {
        self.stalls.total()
    }

    /// Returns the greatest lateness of a sweep in the last 30 to 60 s: how long due work waits for a worker.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.stalls.lag()
    }

    /// Returns the mailbox in a place, of the connection that has the place now.
    #[must_use]
    pub fn find(&self, index: u32) -> Option<Arc<Mailbox>> {
        let chunks = read(&self.chunks);
        let mailboxes = chunks.get(chunk_of(index))?.lock();
        mailboxes.get(offset(index))?.clone()
    }

    /// Calls `each` for every connection in the table.
    pub fn for_each(&self, mut each: impl FnMut(&Arc<Mailbox>)) {
        let chunks = read(&self.chunks).clone();
        for chunk in chunks {
            // The lock is held while `each` runs: no connection leaves or joins this chunk, and nothing is cloned.
            chunk.lock().iter().flatten().for_each(&mut each);
        }
    }

    /// Wakes every connection whose deadline has come.
    fn wake_due(&self, step: u32) {
        let chunks = read(&self.chunks).clone();
        for chunk in chunks {
            chunk.wake_due(step);
        }
    }

    fn take_free(self: &Arc<Self>) -> (u32, Arc<Chunk>) {
        let mut free = lock(&self.free);
        let spare = free.pop().and_then(|index| {
            let chunk = read(&self.chunks).get(chunk_of(index)).cloned();
            Some((index, chunk?))
        });
        if let Some(place) = spare {
            return place;
        }
        let swept = step_before(self.clock.now());
        let chunk = Arc::new(Chunk::new(Arc::downgrade(self), swept));
        let mut chunks = self.chunks.write().unwrap_or_else(PoisonError::into_inner);
        let first = u32::try_from(chunks.len() * CHUNK).unwrap_or(u32::MAX);
        chunks.push(Arc::clone(&chunk));
        let more: Vec<u32> = (first..).take(CHUNK).skip(1).collect();
        free.extend(more.into_iter().rev());
        (first, chunk)
    }
}

impl Slot {
    /// Returns this place's number, for [`Table::find`].
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Sets when the connection must be woken, rounded up to the next sweep.
    pub fn set(&mut self, deadline: Time) {
        let step = step_after(deadline);
        // The next sweep is the earliest that can wake the connection.
        let next = self.chunk.swept.load(Ordering::Relaxed).saturating_add(1);
        self.due = step.max(next);
        if let Some(place) = self.chunk.steps.get(offset(self.index)) {
            place.store(step, Ordering::Relaxed);
        }
    }

    /// Returns whether the deadline that was set last may have passed: it has, or it will before the next sweep.
    #[must_use]
    pub fn may_be_due(&self, now: Time) -> bool {
        step_after(now) >= self.due
    }

    /// Returns the time in `since..now` in which this process was late. It must be subtracted from a silence before the
    /// silence is judged.
    ///
    /// A stall that is not over yet counts. So does the lateness of the connection's own task, whose worker was blocked
    /// or which was busy itself.
    ///
    /// The result may be too long by a few per cent of its age where there were many stalls. It is never too short,
    /// except for stalls of less than 20 ms. It takes a lock, so use it only for suspicion and verdicts.
    #[must_use]
    pub fn stalled(&self, since: Time, now: Time) -> Duration {
        self.chunk.table.upgrade().map_or(Duration::ZERO, |table| {
            table.stalls.came(time_of(self.due), now);
            table.stalls.between(since, now)
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.set(Time::NEVER);
        if let Some(place) = self.chunk.lock().get_mut(offset(self.index)) {
            *place = None;
        }
        if let Some(table) = self.chunk.table.upgrade() {
            lock(&table.free).push(self.index);
        }
    }
}

impl Chunk {
    fn new(table: Weak<Table>, swept: u32) -> Self {
        Self {
            table,
            swept: AtomicU32::new(swept),
            steps: [const { AtomicU32::new(NEVER) }; CHUNK],
            mailboxes: Mutex::new([const { None }; CHUNK]),
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Arc<Mailbox>>; CHUNK]> {
        lock(&self.mailboxes)
    }

    /// Clears each deadline that has come, so that its owner is woken once; the owner sets the next one.
    fn wake_due(&self, now: u32) {
        self.swept.store(now, Ordering::Relaxed);
        for (offset, place) in self.steps.iter().enumerate() {
            let step = place.load(Ordering::Relaxed);
            let due = step <= now;
            if due
                && place
                    .compare_exchange(step, NEVER, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
            {
                let mailbox = self.lock().get(offset).cloned().flatten();
                if let Some(mailbox) = mailbox {
                    mailbox.wake();
                }
            }
        }
    }
}

/// Sweeps until the table is gone, just after each step of the clock. Sweeps with another phase would add it to every
/// deadline. The next sweep makes up for a late one; no connection is woken too early.
async fn sweep(table: Weak<Table>, clock: Clock, mut next: u32) {
    loop {
        tokio::time::sleep(time_of(next).since(clock.now())).await;
        let Some(table) = table.upgrade() else { return };
        let now = clock.now();
        next = next_step(now);
        // First, so that a woken connection finds the stall in the record.
        table.stalls.swept(now, time_of(next));
        table.wake_due(step_before(now));
    }
}

fn step_before(now: Time) -> u32 {
    u32::try_from(now.as_micros() / STEP_MICROS).unwrap_or(NEVER - 1)
}

fn next_step(now: Time) -> u32 {
    step_before(now).saturating_add(1)
}

fn time_of(step: u32) -> Time {
    match step {
        NEVER => Time::NEVER,
        step => Time::from_micros(u64::from(step) * STEP_MICROS),
    }
}

fn step_after(deadline: Time) -> u32 {
    u32::try_from(deadline.as_micros().div_ceil(STEP_MICROS)).unwrap_or(NEVER)
}

fn chunk_of(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX) / CHUNK
}

fn offset(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX) % CHUNK
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// The time between two sweeps: `lastword_keepalive::SWEEP`, part of every detection bound.
const STEP_MICROS: u64 = 100_000;
const _: () = assert!(lastword_keepalive::SWEEP.as_micros() == 100_000);
const CHUNK: usize = 256;
const NEVER: u32 = u32::MAX;
