//! What lies between a connection and an async session: frames in order, bounded in bytes and number.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use lastword_transport::Mailbox;

use crate::Departure;
use crate::events::Lane;
use crate::shape::Game;

/// Frames received and not yet taken, and the departure once it is known.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes_max: usize,
    frames_max: usize,
    /// The connection's owner, to be woken when there is room again.
    owner: Arc<Mailbox>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    frames: VecDeque<Bytes>,
    bytes: usize,
    taken: u64,
    departure: Option<Box<Departure>>,
    reader: Option<Waker>,
    /// The owner found no room, or waits for the game to have taken everything.
    owner_waits: bool,
    /// The game asked for a frame when there was none: whatever came before is handled.
    hungry: bool,
    /// Nobody will ask again.
    abandoned: bool,
    /// Frames and payload bytes that came after that.
    late: (u64, u64),
    /// A tick loop has taken over.
    handed_over: bool,
    /// Where to go on, until the owner has followed.
    lane: Option<Box<Lane>>,
}

impl Inbox {
    pub(crate) fn new(bytes_max: usize, frames_max: usize, owner: Arc<Mailbox>) -> Self {
        Self {
            bytes_max,
            frames_max,
            owner,
            inside: Mutex::default(),
        }
    }

    /// Adds a frame. Returns whether it belongs here.
    pub(crate) fn push(&self, payload: &[u8]) -> bool {
        let mut inside = self.lock();
        if inside.handed_over {
            return false;
        }
        if inside.abandoned {
            inside.late.0 += 1;
            inside.late.1 += as_u64(payload.len());
            return true;
        }
        inside.hungry = false;
        inside.bytes += payload.len();
        inside.frames.push_back(Bytes::copy_from_slice(payload));
        let reader = inside.reader.take();
        drop(inside);
        wake(reader);
        true
    }

    /// Ready while there is room; frames over the cap are taken when nothing else lies inside.
    pub(crate) fn poll_room(&self) -> Poll<()> {
        let mut inside = self.lock();
        let full = inside.bytes >= self.bytes_max || inside.frames.len() >= self.frames_max;
        // Nobody waits for what comes: it is not kept, and the end behind it is found.
        let full = full && !inside.abandoned;
        inside.owner_waits = full;
        if full { Poll::Pending } else { Poll::Ready(()) }
    }

    pub(crate) fn poll_delivered(&self) -> Poll<()> {
        let mut inside = self.lock();
        let delivered = inside.abandoned || (inside.frames.is_empty() && inside.hungry);
        inside.owner_waits = !delivered;
        if delivered {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    pub(crate) fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// Frames and payload bytes that nobody took.
    pub(crate) fn left(&self) -> (u64, u64) {
        let inside = self.lock();
        let (late_frames, late_bytes) = inside.late;
        let frames = as_u64(inside.frames.len()) + late_frames;
        let bytes = as_u64(inside.bytes) + late_bytes;
        let lane = inside
            .lane
            .as_ref()
            .map_or((0, 0), |lane| lane.undelivered());
        (frames + lane.0, bytes + lane.1)
    }

    /// Whether the session departed.
    pub(crate) fn has_departed(&self) -> bool {
        self.lock().departure.is_some()
    }

    /// The end. Returns whether it belongs here.
    pub(crate) fn depart(&self, departure: &Departure) -> bool {
        let mut inside = self.lock();
        if inside.handed_over {
            return false;
        }
        inside.departure = Some(Box::new(departure.clone()));
        let reader = inside.reader.take();
        drop(inside);
        wake(reader);
        true
    }

    /// A tick loop takes over: what lies inside goes its way, and the owner follows.
    pub(crate) fn hand_over(&self, mut lane: Box<Lane>) {
        let mut inside = self.lock();
        inside.handed_over = true;
        inside.bytes = 0;
        for frame in std::mem::take(&mut inside.frames) {
            lane.push(&frame);
        }
        match &inside.departure {
            Some(departure) => lane.leave(departure),
            None => inside.lane = Some(lane),
        }
        drop(inside);
        self.owner.wake();
    }

    /// Where the owner goes on, once a tick loop has taken over.
    pub(crate) fn lane(&self) -> Option<Box<Lane>> {
        self.lock().lane.take()
    }

    /// The next frame; `None` once the session departed and everything was taken.
    pub(crate) fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut inside = self.lock();
        if let Some(frame) = inside.frames.pop_front() {
            inside.bytes -= frame.len();
            inside.taken += 1;
            // Half of the room at least, so that the owner is not woken for each frame.
            let roomy =
                inside.bytes <= self.bytes_max / 2 && inside.frames.len() <= self.frames_max / 2;
            if inside.owner_waits && roomy {
                inside.owner_waits = false;
                drop(inside);
                self.owner.wake();
            }
            return Poll::Ready(Some(frame));
        }
        if inside.departure.is_some() {
            return Poll::Ready(None);
        }
        inside.reader = Some(cx.waker().clone());
        let wake_owner = !inside.hungry && inside.owner_waits;
        inside.hungry = true;
        drop(inside);
        if wake_owner {
            self.owner.wake();
        }
        Poll::Pending
    }

    pub(crate) fn poll_departure(&self, cx: &mut Context<'_>) -> Poll<Departure> {
        let mut inside = self.lock();
        match &inside.departure {
            Some(departure) => Poll::Ready(Departure::clone(departure)),
            None => {
                inside.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The game asks no more. Returns whether a session of its own is still to depart.
    pub(crate) fn abandon(&self) -> bool {
        let mut inside = self.lock();
        inside.abandoned = true;
        let is_over = inside.departure.is_some() || inside.handed_over;
        drop(inside);
        self.owner.wake();
        !is_over
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn as_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
