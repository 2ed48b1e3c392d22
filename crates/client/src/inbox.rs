//! What lies between a connection's task and its client: events in order, bounded in bytes and number, and how
//! it began and ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use lastword_session::Admission;
use lastword_transport::Mailbox;

use crate::{Ended, Event};

/// How much may wait to be received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    pub(crate) bytes: usize,
    pub(crate) frames: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            frames: 256,
        }
    }
}

/// Events received and not yet taken, and the end once it is known.
#[derive(Debug)]
pub(crate) struct Inbox {
    caps: Caps,
    /// The connection's owner, to be woken when there is room again.
    owner: Arc<Mailbox>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    welcome: Option<Admission>,
    events: VecDeque<Event>,
    bytes: usize,
    taken: u64,
    ended: Option<Ended>,
    reader: Option<Waker>,
    /// The owner found no room, or waits for the game to have taken everything.
    owner_waits: bool,
    /// The game asked for more when there was nothing: whatever came before is handled.
    hungry: bool,
    /// Nobody will ask again.
    abandoned: bool,
}

impl Inbox {
    pub(crate) fn new(caps: Caps, owner: Arc<Mailbox>) -> Self {
        Self {
            caps,
            owner,
            inside: Mutex::default(),
        }
    }

    pub(crate) fn welcome(&self, admission: Admission) {
        self.change(|inside| inside.welcome = Some(admission));
    }

    pub(crate) fn push(&self, event: Event) {
        self.change(|inside| {
            if !inside.abandoned {
                inside.hungry = false;
                inside.bytes += event.len();
                inside.events.push_back(event);
            }
        });
    }

    pub(crate) fn end(&self, ended: Ended) {
        self.change(|inside| inside.ended = Some(ended));
    }

    /// Ready while there is room; a frame over the cap is taken when nothing else lies inside.
    pub(crate) fn poll_room(&self) -> Poll<()> {
        let mut inside = self.lock();
        let full = inside.bytes >= self.caps.bytes || inside.events.len() >= self.caps.frames;
        inside.owner_waits = full && !inside.abandoned;
        if inside.owner_waits {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    pub(crate) fn poll_delivered(&self) -> Poll<()> {
        let mut inside = self.lock();
        let delivered = inside.abandoned || (inside.events.is_empty() && inside.hungry);
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

    pub(crate) fn poll_welcome(&self, cx: &mut Context<'_>) -> Poll<Result<Admission, Ended>> {
        let mut inside = self.lock();
        match (inside.welcome, &inside.ended) {
            (Some(admission), _) => Poll::Ready(Ok(admission)),
            (None, Some(ended)) => Poll::Ready(Err(ended.clone())),
            (None, None) => {
                inside.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The next event; `None` once the connection ended and everything was taken.
    pub(crate) fn poll_event(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut inside = self.lock();
        if let Some(event) = inside.events.pop_front() {
            inside.bytes -= event.len();
            inside.taken += 1;
            // Half of the room at least, so that the owner is not woken for each frame.
            let roomy =
                inside.bytes <= self.caps.bytes / 2 && inside.events.len() <= self.caps.frames / 2;
            if roomy && std::mem::take(&mut inside.owner_waits) {
                drop(inside);
                self.owner.wake();
            }
            return Poll::Ready(Some(event));
        }
        if inside.ended.is_some() {
            return Poll::Ready(None);
        }
        self.wait(inside, cx);
        Poll::Pending
    }

    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<Ended> {
        let inside = self.lock();
        if let Some(ended) = &inside.ended {
            return Poll::Ready(ended.clone());
        }
        self.wait(inside, cx);
        Poll::Pending
    }

    /// The game asks no more. Returns whether the connection is still to end.
    pub(crate) fn abandon(&self) -> bool {
        let mut inside = self.lock();
        inside.abandoned = true;
        inside.events = VecDeque::new();
        inside.bytes = 0;
        let to_end = inside.ended.is_none();
        drop(inside);
        self.owner.wake();
        to_end
    }

    /// Leaves the game to be woken. With nothing inside it has handled all that came, which the owner may wait
    /// for.
    fn wait(&self, mut inside: MutexGuard<'_, Inside>, cx: &Context<'_>) {
        inside.reader = Some(cx.waker().clone());
        if inside.events.is_empty() && !std::mem::replace(&mut inside.hungry, true) {
            let owner_waits = inside.owner_waits;
            drop(inside);
            if owner_waits {
                self.owner.wake();
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Inside)) {
        let mut inside = self.lock();
        change(&mut inside);
        let reader = inside.reader.take();
        drop(inside);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
