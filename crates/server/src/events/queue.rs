//! The queue between all connections and one tick loop: bounded, in order per session, drained by one exchange.
//!
//! Every drain begins a new *epoch*. Whatever a session pushed in an earlier one is taken, so its account needs no
//! upkeep: it counts for the epoch that it was opened in, and is empty in every later one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::batch::{Batch, Cursor};
use crate::SessionId;

/// How much may wait for the next tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    /// Payload bytes of one session; a frame is taken whole once there is any room.
    pub(crate) session_bytes: usize,
    /// Frames of one session.
    pub(crate) session_frames: usize,
    /// Payload bytes of all sessions.
    pub(crate) bytes: usize,
    /// Frames of all sessions.
    pub(crate) frames: usize,
    /// Joined, link, left and draining: beyond it nobody is let in until the next tick.
    pub(crate) reserved: usize,
}

/// A connection's memory of having asked to be woken at the next drain: once is enough. Dropped, it is forgotten:
/// those who come and go while a tick stalls leave nothing behind.
#[derive(Debug, Default)]
pub(crate) struct Asked(Option<Ticket>);

#[derive(Debug)]
struct Ticket {
    queue: Arc<Queue>,
    epoch: u64,
    number: u64,
}

/// The events of one server.
#[derive(Debug)]
pub(crate) struct Queue {
    caps: Caps,
    /// Changes under the lock only, as all of these; read without it.
    epoch: AtomicU64,
    full: AtomicBool,
    len: AtomicUsize,
    inside: Mutex<Inside>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    batch: Batch,
    frames: usize,
    /// Connections that wait for the next epoch, by the number of their ticket.
    waiting: BTreeMap<u64, Waker>,
    tickets: u64,
    /// The game sleeps until something comes.
    asleep: bool,
    /// Nothing comes any more.
    over: bool,
    /// Nobody drains any more.
    closed: bool,
    /// Frames, and their bytes, of each session that nobody had taken then.
    untaken: BTreeMap<SessionId, (u64, u64)>,
}

impl Queue {
    pub(crate) fn new(caps: Caps) -> Self {
        Self {
            caps,
            epoch: AtomicU64::new(0),
            full: AtomicBool::new(false),
            len: AtomicUsize::new(0),
            inside: Mutex::default(),
            filled: Condvar::new(),
        }
    }

    pub(super) fn caps(&self) -> &Caps {
        &self.caps
    }

    /// Drains so far.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Whether the frames of all sessions together are at their cap.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Whether there is room for who is to be let in.
    pub(super) fn admits(&self) -> bool {
        self.len() < self.caps.reserved + self.caps.frames
    }

    /// Events that wait.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().batch.len() == 0
    }

    /// Wakes a game that waits: nothing comes any more.
    pub(crate) fn end(&self) {
        let mut inside = self.lock();
        inside.over = true;
        self.pushed(inside);
    }

    /// Says that a drain began.
    pub(crate) fn draining(&self, deadline: Instant) {
        self.push(|batch, _| batch.draining(deadline));
    }

    /// Frames of this session, and their bytes, that will never be taken; `None` as long as the game may drain.
    pub(crate) fn untaken(&self, session: SessionId) -> Option<(u64, u64)> {
        let inside = self.lock();
        let untaken = || inside.untaken.get(&session).copied().unwrap_or_default();
        inside.closed.then(untaken)
    }

    /// Whether nobody drains any more.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Adds what has reserved room; `add` gets the epoch that it goes into. Returns `None` once nobody drains any
    /// more.
    pub(super) fn push<R>(&self, add: impl FnOnce(&mut Batch, u64) -> R) -> Option<R> {
        let mut inside = self.lock();
        if inside.closed {
            return None;
        }
        let added = add(&mut inside.batch, self.epoch.load(Ordering::Relaxed));
        self.pushed(inside);
        Some(added)
    }

    /// Adds a frame. Returns the epoch that it went into; `None` once nobody drains any more.
    pub(super) fn push_frame(&self, session: SessionId, payload: &[u8]) -> Option<u64> {
        let mut inside = self.lock();
        if inside.closed {
            return None;
        }
        inside.batch.frame(session, payload);
        inside.frames += 1;
        if inside.frames >= self.caps.frames || inside.batch.payload_bytes() >= self.caps.bytes {
            self.full.store(true, Ordering::Relaxed);
        }
        let epoch = self.epoch.load(Ordering::Relaxed);
        self.pushed(inside);
        Some(epoch)
    }

    /// Ready from this epoch on, and when nobody drains any more.
    pub(super) fn poll_epoch(
        self: &Arc<Self>,
        from: u64,
        cx: &mut Context<'_>,
        asked: &mut Asked,
    ) -> Poll<()> {
        let mut inside = self.lock();
        let epoch = self.epoch.load(Ordering::Relaxed);
        if inside.closed || epoch >= from {
            return Poll::Ready(());
        }
        if asked.0.as_ref().is_some_and(|ticket| ticket.epoch == epoch) {
            return Poll::Pending;
        }
        inside.tickets += 1;
        let number = inside.tickets;
        inside.waiting.insert(number, cx.waker().clone());
        drop(inside);
        asked.0 = Some(Ticket {
            queue: Arc::clone(self),
            epoch,
            number,
        });
        Poll::Pending
    }

    /// Takes everything in exchange for an old batch, and begins a new epoch.
    pub(super) fn swap(&self, batch: &mut Batch) {
        batch.clear();
        let mut inside = self.lock();
        std::mem::swap(&mut inside.batch, batch);
        inside.frames = 0;
        self.full.store(false, Ordering::Relaxed);
        self.len.store(0, Ordering::Relaxed);
        self.begin_epoch(inside);
    }

    /// Waits until there is something, or nothing comes any more. Returns whether there is. A game that waits has
    /// come back, as one that drains: what it took before is handled.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let mut inside = self.lock();
        if inside.batch.len() == 0 {
            self.begin_epoch(inside);
            inside = self.lock();
        }
        let (mut inside, _) = self
            .filled
            .wait_timeout_while(inside, timeout, |inside| {
                inside.asleep = inside.batch.len() == 0 && !inside.over;
                inside.asleep
            })
            .unwrap_or_else(PoisonError::into_inner);
        inside.asleep = false;
        inside.batch.len() > 0
    }

    /// Nobody drains any more: whoever waits for room goes on, and what comes is not kept. What waits was not taken, nor
    /// were these frames, which were lent and not looked at.
    pub(super) fn close(&self, lent: impl IntoIterator<Item = (SessionId, u64)>) {
        let mut inside = self.lock();
        inside.closed = true;
        let batch = std::mem::take(&mut inside.batch);
        let waited = Cursor::default();
        for (session, bytes) in lent.into_iter().chain(waited.frames_left(&batch)) {
            let untaken = inside.untaken.entry(session).or_default();
            untaken.0 += 1;
            untaken.1 += bytes;
        }
        self.full.store(false, Ordering::Relaxed);
        self.len.store(0, Ordering::Relaxed);
        wake_all(inside);
    }

    fn begin_epoch(&self, inside: MutexGuard<'_, Inside>) {
        self.epoch.fetch_add(1, Ordering::Release);
        wake_all(inside);
    }

    fn forget(&self, ticket: &Ticket) {
        if self.epoch() == ticket.epoch {
            let waker = self.lock().waiting.remove(&ticket.number);
            drop(waker);
        }
    }

    fn pushed(&self, mut inside: MutexGuard<'_, Inside>) {
        self.len.store(inside.batch.len(), Ordering::Relaxed);
        let wakes = std::mem::take(&mut inside.asleep);
        drop(inside);
        if wakes {
            self.filled.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.forget(self);
    }
}

fn wake_all(mut inside: MutexGuard<'_, Inside>) {
    let waiting = std::mem::take(&mut inside.waiting);
    drop(inside);
    waiting.into_values().for_each(Waker::wake);
}
