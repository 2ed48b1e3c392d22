//! The queue between all connections and one tick loop: bounded, in order per session, drained by swapping batches.
//!
//! Every drain begins a new *epoch*. Everything that a session pushed in an earlier epoch is taken. So a session's
//! account needs no update: it is valid for the epoch in which it was opened, and counts as empty in every later
//! epoch.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use lastword_session::SessionId;

use super::batch::{Batch, Cursor};
use crate::guard::lock;

/// How much may wait for the next tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    /// Payload bytes of one session. If there is any room, a whole frame is taken.
    pub(crate) session_bytes: usize,
    /// Frames of one session.
    pub(crate) session_frames: usize,
    /// Payload bytes of all sessions.
    pub(crate) bytes: usize,
    /// Frames of all sessions.
    pub(crate) frames: usize,
    /// Joined, link, left and draining events. Beyond it, no player is let in until the next tick.
    pub(crate) reserved: usize,
}

/// Remembers that a connection asked to be woken at the next drain, since one request is enough. Dropping this
/// withdraws the request, so connections that come and go while a tick stalls leave nothing in the queue.
#[derive(Debug, Default)]
pub(crate) struct WakeRequest(Option<WakeTicket>);

#[derive(Debug)]
struct WakeTicket {
    queue: Arc<Queue>,
    epoch: u64,
    number: u64,
}

/// The events of one server.
#[derive(Debug)]
pub(crate) struct Queue {
    caps: Caps,
    /// These three change only under the lock, and are read without it.
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
    /// Connections that wait for the next epoch, by their ticket numbers.
    waiting: BTreeMap<u64, Waker>,
    tickets: u64,
    /// The game sleeps until an event comes.
    asleep: bool,
    /// No further event will come.
    over: bool,
    /// The game has stopped draining for good.
    closed: bool,
    /// For each session, the number and the bytes of the frames that were not taken when draining
    /// stopped.
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

    /// The number of drains so far.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Whether the frames of all sessions together are at their cap.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Whether there is room to let another player in.
    pub(super) fn admits(&self) -> bool {
        self.len() < self.caps.reserved + self.caps.frames
    }

    /// The number of waiting events.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.inside).batch.len() == 0
    }

    /// Marks the end of the events, and wakes a waiting game.
    pub(crate) fn end(&self) {
        let mut inside = lock(&self.inside);
        inside.over = true;
        self.pushed(inside);
    }

    /// Adds the event that a drain began.
    pub(crate) fn draining(&self, deadline: Instant) {
        self.push(|batch, _| batch.draining(deadline));
    }

    /// Frames of this session, and their bytes, that will never be taken; `None` as long as the game may drain.
    pub(crate) fn untaken(&self, session: SessionId) -> Option<(u64, u64)> {
        let inside = lock(&self.inside);
        let untaken = || inside.untaken.get(&session).copied().unwrap_or_default();
        inside.closed.then(untaken)
    }

    /// Whether the game has stopped draining for good.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.inside).closed
    }

    /// Adds an event with reserved room; `add` gets the epoch of the event. Returns `None` once draining has stopped
    /// for good.
    pub(super) fn push<R>(&self, add: impl FnOnce(&mut Batch, u64) -> R) -> Option<R> {
        let mut inside = lock(&self.inside);
        if inside.closed {
            return None;
        }
        let added = add(&mut inside.batch, self.epoch.load(Ordering::Relaxed));
        self.pushed(inside);
        Some(added)
    }

    /// Adds a frame and returns its epoch; `None` once draining has stopped for good.
    pub(super) fn push_frame(&self, session: SessionId, payload: &[u8]) -> Option<u64> {
        let mut inside = lock(&self.inside);
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

    /// Ready from this epoch on, and once draining has stopped for good.
    pub(super) fn poll_epoch(
        self: &Arc<Self>,
        from: u64,
        cx: &mut Context<'_>,
        wake: &mut WakeRequest,
    ) -> Poll<()> {
        let mut inside = lock(&self.inside);
        let epoch = self.epoch.load(Ordering::Relaxed);
        if inside.closed || epoch >= from {
            return Poll::Ready(());
        }
        if wake.0.as_ref().is_some_and(|ticket| ticket.epoch == epoch) {
            return Poll::Pending;
        }
        inside.tickets += 1;
        let number = inside.tickets;
        inside.waiting.insert(number, cx.waker().clone());
        drop(inside);
        wake.0 = Some(WakeTicket {
            queue: Arc::clone(self),
            epoch,
            number,
        });
        Poll::Pending
    }

    /// Takes all events in exchange for an old batch, and begins a new epoch.
    pub(crate) fn swap(&self, batch: &mut Batch) {
        batch.clear();
        let mut inside = lock(&self.inside);
        std::mem::swap(&mut inside.batch, batch);
        inside.frames = 0;
        self.full.store(false, Ordering::Relaxed);
        self.len.store(0, Ordering::Relaxed);
        self.begin_epoch(inside);
    }

    /// Waits for an event or for the end of the events. Returns whether there is an event. A call of this
    /// function means that the game has handled its previous events, as a drain does.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let mut inside = lock(&self.inside);
        if inside.batch.len() == 0 {
            self.begin_epoch(inside);
            inside = lock(&self.inside);
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

    /// Stops draining for good: connections that wait for room continue, and later events are not kept. The waiting
    /// frames count as not taken, and so do those in `lent`, which were lent to the game but not read.
    pub(crate) fn close(&self, lent: impl IntoIterator<Item = (SessionId, u64)>) {
        let mut inside = lock(&self.inside);
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

    fn forget(&self, ticket: &WakeTicket) {
        if self.epoch() == ticket.epoch {
            let waker = lock(&self.inside).waiting.remove(&ticket.number);
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
}

impl Drop for WakeTicket {
    fn drop(&mut self) {
        self.queue.forget(self);
    }
}

fn wake_all(mut inside: MutexGuard<'_, Inside>) {
    let waiting = std::mem::take(&mut inside.waiting);
    drop(inside);
    waiting.into_values().for_each(Waker::wake);
}
