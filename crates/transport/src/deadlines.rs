//! The dense table of connections: one deadline and one mailbox each, swept every 100 ms. There is no timer per
//! session. It also wakes the connections that stand in line for their next turn.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use lastword_session::Time;
use lastword_sys::Ends;

use crate::inquiries::{Inquiries, Inquiry};
use crate::stalls::TOLERANCE;
use crate::turns::Turns;
use crate::{Clock, Mailbox};

/// The connections of one server or client.
///
/// A slot's deadline is a number of sweep steps, so a sweep of 100,000 connections reads 400 KB in order.
#[derive(Debug)]
pub struct Table {
    clock: Clock,
    inquiries: Arc<Inquiries>,
    turns: Arc<Turns>,
    chunks: RwLock<Vec<Arc<Chunk>>>,
    free: Mutex<Vec<u32>>,
}

/// One connection's place in a [`Table`]; dropping it frees the place.
#[derive(Debug)]
pub struct Slot {
    chunk: Arc<Chunk>,
    index: u32,
    /// The step at which the connection must be woken for its current deadline.
    due: u32,
    /// The step at which that deadline was set.
    set_at: u32,
    /// How far this connection's clock is behind the clock of the table: its task was late although the sweep was in
    /// time.
    late_ms: u32,
}

#[derive(Debug)]
struct Chunk {
    table: Weak<Table>,
    clock: Clock,
    inquiries: Arc<Inquiries>,
    turns: Arc<Turns>,
    /// The last step that was swept.
    swept: AtomicU32,
    steps: [AtomicU32; CHUNK],
    /// The places that stand in line. One that is freed stays in line, and its next connection is woken once for nothing.
    in_line: [AtomicBool; CHUNK],
    mailboxes: Mutex<[Option<Arc<Mailbox>>; CHUNK]>,
}

impl Table {
    /// Creates an empty table and starts its two tasks on the current tokio runtime; they end with the table.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start() -> Arc<Self> {
        let clock = Clock::default();
        let first = next_step(clock.now());
        clock.0.expect(time_of(first));
        let table = Arc::new(Self {
            clock: clock.clone(),
            inquiries: Arc::default(),
            turns: Arc::default(),
            chunks: RwLock::default(),
            free: Mutex::default(),
        });
        tokio::spawn(sweep(Arc::downgrade(&table), clock, first));
        let workers = tokio::runtime::Handle::current().metrics().num_workers();
        let turns = Arc::clone(&table.turns);
        tokio::spawn(give_turns(
            Arc::downgrade(&table),
            turns,
            workers * TURNS_A_ROUND,
        ));
        table
    }

    /// Returns the clock of the deadlines.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
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
            set_at: 0,
            late_ms: 0,
        }
    }

    /// Returns for how long in all this process itself was late: starved, stopped (SIGSTOP), or its machine paused.
    ///
    /// A sweep is late if it comes more than 20 ms after its step. A connection's task is late if it comes more than 20
    /// ms after the sweep that should have woken it. A stall counts once it is over, and no time counts twice.
    #[must_use]
    pub fn stalled_total(&self) -> Duration {
        self.clock.0.total()
    }

    /// Returns the greatest lateness of a sweep in the last 30 to 60 s: how long due work waits for a worker.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.clock.0.lag()
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

    /// Wakes every connection whose deadline has come, a few at a time. In between the runtime looks at its sockets, so
    /// many deadlines that come together do not delay the other connections.
    async fn wake_due(&self, step: u32) {
        let chunks = read(&self.chunks).clone();
        let mut woken = 0;
        for chunk in chunks {
            chunk.swept.store(step, Ordering::Relaxed);
            for offset in 0..CHUNK {
                woken += u32::from(chunk.wake_if_due(step, offset));
                if woken == WAKES_A_TURN {
                    woken = 0;
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Wakes the first of the line, at most this many. Returns whether there was one.
    fn give_turns(&self, most: usize) -> bool {
        for woken in 0..most {
            let Some(index) = self.turns.pop() else {
                return woken > 0;
            };
            let chunk = read(&self.chunks).get(chunk_of(index)).cloned();
            if let Some(chunk) = chunk {
                chunk.give_turn(offset(index));
            }
        }
        true
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
        let chunk = Arc::new(Chunk::new(self, swept));
        let mut chunks = self.chunks.write().unwrap_or_else(PoisonError::into_inner);
        let first = u32::try_from(chunks.len() * CHUNK).unwrap_or(u32::MAX);
        chunks.push(Arc::clone(&chunk));
        let more: Vec<u32> = (first..).take(CHUNK).skip(1).collect();
        free.extend(more.into_iter().rev());
        (first, chunk)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.turns.close();
    }
}

impl Slot {
    /// Returns this place's number, for [`Table::find`].
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Reads the clock of this connection. It stands still while this process stands still. It also stands still while
    /// only the connection's own worker is blocked: from 20 ms after a deadline until the task runs.
    #[must_use]
    pub fn now(&self) -> Time {
        self.chunk.clock.now().before_ms(self.late_ms)
    }

    /// Reads the clock as [`Slot::now`] does, when the task is woken. Returns also how far it is behind the real
    /// clock.
    pub fn woken(&mut self) -> (Time, Duration) {
        let real = Clock::real();
        let table = self.chunk.clock.0.at(real);
        let late = table.since(time_of(self.due) + TOLERANCE);
        if late >= Duration::from_millis(1) {
            let late_ms = u32::try_from(late.as_millis()).unwrap_or(u32::MAX);
            self.late_ms = self.late_ms.saturating_add(late_ms);
            self.due = step_before(table);
            self.chunk.clock.0.task_was_late(late, table);
        }
        let now = table.before_ms(self.late_ms);
        (now, real.since(now))
    }

    /// Returns whether the deadline is still to come and was set within the last second.
    #[must_use]
    pub fn is_fresh(&self, now: Time) -> bool {
        let until = self.due.min(self.set_at.saturating_add(FRESH_STEPS));
        now.after_ms(self.late_ms) < time_of(until)
    }

    /// Sets when the connection must be woken, on its own clock, rounded up to the next sweep.
    pub fn set(&mut self, now: Time, deadline: Time) {
        self.set_at = step_before(now.after_ms(self.late_ms));
        let step = step_after(deadline.after_ms(self.late_ms));
        // The next sweep is the earliest that can wake the connection.
        let next = self.chunk.swept.load(Ordering::Relaxed).saturating_add(1);
        self.due = step.max(next);
        if let Some(place) = self.chunk.steps.get(offset(self.index)) {
            place.store(step, Ordering::Relaxed);
        }
    }

    /// Counts this connection among those under inquiry, until the result is dropped.
    pub(crate) fn inquire(&self, ends: Option<Ends>) -> Inquiry {
        Inquiries::add(&self.chunk.inquiries, ends)
    }

    /// Puts the connection into the line, unless it stands there: it is woken when its turn comes.
    pub(crate) fn stand_in_line(&self) {
        let in_line = self.chunk.in_line.get(offset(self.index));
        if in_line.is_some_and(|in_line| !in_line.swap(true, Ordering::Relaxed)) {
            self.chunk.turns.push(self.index);
        }
    }

    /// Returns whether the deadline that was set last has passed, or will pass before the next sweep.
    #[must_use]
    pub fn may_be_due(&self, now: Time) -> bool {
        now.after_ms(self.late_ms) > time_of(self.due.saturating_sub(1))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.set(Time::ORIGIN, Time::NEVER);
        let mut mailboxes = self.chunk.lock();
        let mailbox = mailboxes.get_mut(offset(self.index)).and_then(Option::take);
        drop(mailboxes);
        // Without the lock: the last mailbox drops the dialect, which is the game's code.
        drop(mailbox);
        if let Some(table) = self.chunk.table.upgrade() {
            lock(&table.free).push(self.index);
        }
    }
}

impl Chunk {
    fn new(table: &Arc<Table>, swept: u32) -> Self {
        Self {
            table: Arc::downgrade(table),
            clock: table.clock.clone(),
            inquiries: Arc::clone(&table.inquiries),
            turns: Arc::clone(&table.turns),
            swept: AtomicU32::new(swept),
            steps: [const { AtomicU32::new(NEVER) }; CHUNK],
            in_line: [const { AtomicBool::new(false) }; CHUNK],
            mailboxes: Mutex::new([const { None }; CHUNK]),
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Arc<Mailbox>>; CHUNK]> {
        lock(&self.mailboxes)
    }

    /// Clears a deadline that has come, so that its owner is woken once; the owner sets the next one. Returns whether it
    /// had come.
    fn wake_if_due(&self, now: u32, offset: usize) -> bool {
        let Some(place) = self.steps.get(offset) else {
            return false;
        };
        let step = place.load(Ordering::Relaxed);
        let is_due = step <= now
            && place
                .compare_exchange(step, NEVER, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_due {
            self.wake(offset);
        }
        is_due
    }

    /// Wakes a connection whose turn has come. The place is out of line before: a connection that has still more to do
    /// stands in line again.
    fn give_turn(&self, offset: usize) {
        if let Some(in_line) = self.in_line.get(offset) {
            in_line.store(false, Ordering::Relaxed);
        }
        self.wake(offset);
    }

    fn wake(&self, offset: usize) {
        let mailbox = self.lock().get(offset).cloned().flatten();
        if let Some(mailbox) = mailbox {
            mailbox.wake();
        }
    }
}

/// Sweeps until the table is gone, just after each step of the clock. Sweeps with a phase would delay every deadline
/// by that phase. The next sweep makes up for a late one; no connection is woken too early.
async fn sweep(table: Weak<Table>, clock: Clock, mut next: u32) {
    loop {
        tokio::time::sleep(time_of(next).since(clock.now())).await;
        let Some(table) = table.upgrade() else { return };
        let now = clock.0.swept(Clock::real());
        next = next_step(now);
        clock.0.expect(time_of(next));
        table.wake_due(step_before(now)).await;
    }
}

/// Wakes the connections that stand in line, `most` at a time. In between the runtime looks at its sockets and timers, and the
/// tasks that these wake run first.
async fn give_turns(table: Weak<Table>, turns: Arc<Turns>, most: usize) {
    loop {
        turns.changed().await;
        loop {
            tokio::task::yield_now().await;
            let Some(table) = table.upgrade() else { return };
            if !table.give_turns(most) {
                break;
            }
        }
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

/// The time between two sweeps: `lastword_keepalive::SWEEP`, part of every detection bound. A second. With a longer
/// time, deadlines that traffic has moved would wake many connections without need.
const FRESH_STEPS: u32 = 10;
const STEP_MICROS: u64 = 100_000;
const _: () = assert!(lastword_keepalive::SWEEP.as_micros() == 100_000);
const CHUNK: usize = 256;
/// A poll of a connection at its end takes some tens of microseconds.
const WAKES_A_TURN: u32 = 32;
/// For each worker. A poll of a connection that has much to do takes up to 200 µs.
const TURNS_A_ROUND: usize = 16;
const NEVER: u32 = u32::MAX;
