//! Where anybody, on any thread and without a runtime, leaves frames and decisions for a connection's owner.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use atomic_waker::AtomicWaker;
use lastword_session::wire::{HEADER_LEN, Notice};
use lastword_session::{Cause, Close, Config, Framing, SendError, SendQueue, Time, encode_data};

use crate::{Clock, scratch};

/// The shared half of one connection.
#[derive(Debug)]
pub struct Mailbox {
    waker: AtomicWaker,
    /// Something lies inside; saves the owner the lock on most polls.
    full: AtomicBool,
    /// Bytes that the owner has taken over and not written yet.
    owned_bytes: AtomicUsize,
    /// The heartbeat's last round trip, µs; 0 before there was one.
    rtt_us: AtomicU32,
    config: Arc<Config>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    live: Option<Live>,
    queue: Option<Box<SendQueue>>,
    requests: Vec<Request>,
}

#[derive(Clone, Copy, Debug)]
struct Live {
    session: [u8; 16],
    peer_frame_limit: u32,
}

/// A decision that somebody made about a connection.
#[derive(Clone, Debug)]
pub enum Request {
    /// End it.
    Close(Arc<Close>),
    /// End it at once, with a reset and without a word.
    Abort,
    /// Tell the peer that something is about to happen.
    Notice(Arc<Notice<'static>>),
    /// The drain is over: whoever is still here is cut off.
    DrainExpired,
}

/// What the owner finds in its mailbox.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    pub(crate) queue: Option<Box<SendQueue>>,
    pub(crate) requests: Vec<Request>,
}

impl Mailbox {
    /// Makes an empty mailbox; frames are refused until the session is live.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            waker: AtomicWaker::new(),
            full: AtomicBool::new(false),
            owned_bytes: AtomicUsize::new(0),
            rtt_us: AtomicU32::new(0),
            config,
            inside: Mutex::default(),
        }
    }

    /// Leaves a data frame for the peer. Never blocks, never waits.
    ///
    /// # Errors
    /// [`SendError::Closed`] before and after the session's life, [`SendError::TooLarge`], and
    /// [`SendError::QueueFull`], which in this very call fixes `send_queue_full` unless the peer is silent.
    pub fn send(&self, clock: Clock, payload: &[u8]) -> Result<(), SendError> {
        let framing = &self.config.framing;
        self.push(clock.now(), payload.len(), |out| {
            encode_data(framing, payload, out)
        })
    }

    /// The same with a frame that is encoded already, for broadcasts.
    ///
    /// # Errors
    /// As [`Mailbox::send`].
    pub fn send_encoded(
        &self,
        now: Time,
        payload_len: usize,
        frame: &[u8],
    ) -> Result<(), SendError> {
        self.push(now, payload_len, |out| out.extend_from_slice(frame))
    }

    /// Leaves a decision.
    pub fn request(&self, request: Request) {
        self.lock().requests.push(request);
        self.notify();
    }

    /// Whose session this is, while it is live.
    #[must_use]
    pub fn session(&self) -> Option<[u8; 16]> {
        self.lock().live.map(|live| live.session)
    }

    /// The heartbeat's last round trip, once there was one.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        let micros = self.rtt_us.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(u64::from(micros)))
    }

    /// How frames are cut on this connection.
    #[must_use]
    pub fn framing(&self) -> &Framing {
        &self.config.framing
    }

    /// Wakes the owner.
    pub fn wake(&self) {
        self.waker.wake();
    }

    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// The session is live: frames are taken from now on.
    pub(crate) fn open(&self, session: [u8; 16], peer_frame_limit: u32) {
        self.lock().live = Some(Live {
            session,
            peer_frame_limit,
        });
    }

    /// The session is over: frames are refused from now on. Returns the frames that were left inside.
    pub(crate) fn close(&self) -> Option<Box<SendQueue>> {
        let mut inside = self.lock();
        inside.live = None;
        inside.queue.take()
    }

    /// Takes what lies inside; cheap when nothing does.
    pub(crate) fn take(&self) -> Option<Mail> {
        // A load first: on most polls nobody left anything, and a swap would cost a locked instruction.
        if !self.full.load(Ordering::Acquire) || !self.full.swap(false, Ordering::AcqRel) {
            return None;
        }
        let mut inside = self.lock();
        let mail = Mail {
            queue: inside.queue.take(),
            requests: std::mem::take(&mut inside.requests),
        };
        let bytes = mail.queue.as_ref().map_or(0, |queue| queue.len());
        self.owned_bytes.fetch_add(bytes, Ordering::Relaxed);
        Some(mail)
    }

    /// Says how many bytes the owner still has to write.
    pub(crate) fn set_owned_bytes(&self, bytes: usize) {
        if self.owned_bytes.load(Ordering::Relaxed) != bytes {
            self.owned_bytes.store(bytes, Ordering::Relaxed);
        }
    }

    /// Says how long the last heartbeat took.
    pub(crate) fn set_rtt(&self, rtt: Option<Duration>) {
        let micros = rtt.map_or(0, |rtt| u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX));
        if self.rtt_us.load(Ordering::Relaxed) != micros {
            self.rtt_us.store(micros, Ordering::Relaxed);
        }
    }

    fn push(
        &self,
        now: Time,
        payload_len: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), SendError> {
        let mut inside = self.lock();
        let live = inside.live.ok_or(SendError::Closed)?;
        if u32::try_from(payload_len).map_or(true, |len| len > live.peer_frame_limit) {
            return Err(SendError::TooLarge);
        }
        let waiting = inside.queue.as_ref().map_or(0, |queue| queue.len());
        let queued = waiting + self.owned_bytes.load(Ordering::Relaxed);
        if queued + payload_len + HEADER_LEN > self.config.limits.outbound_bytes_max {
            let close = Request::Close(Arc::new(Close::new(Cause::SendQueueFull)));
            if !inside.requests.iter().any(Request::is_queue_full) {
                inside.requests.push(close);
            }
            drop(inside);
            self.notify();
            return Err(SendError::QueueFull);
        }
        inside
            .queue
            .get_or_insert_with(scratch::take_queue)
            .push_data(now, encode);
        drop(inside);
        self.notify();
        Ok(())
    }

    /// The owner is woken once for all that is left until it looks.
    fn notify(&self) {
        if !self.full.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Request {
    /// Asks to end a connection.
    #[must_use]
    pub fn close(close: Close) -> Self {
        Self::Close(Arc::new(close))
    }

    fn is_queue_full(&self) -> bool {
        matches!(self, Self::Close(close) if close.cause == Cause::SendQueueFull)
    }
}
