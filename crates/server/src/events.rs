//! The tick shape: everything that happens to every session, in one bounded queue that the game drains once a tick.
//!
//! The game's thread needs no runtime. A tick that stalls pauses the reading of each session at its own cap, and of
//! all of them at the queue's; what has reserved room (joined, link, left, draining) is never held back nor lost.

mod batch;
mod lane;
mod queue;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lastword_session::Link;

pub(crate) use lane::EventShape;
pub(crate) use queue::{Asked, Caps, Queue};

use crate::core::Core;
use crate::runtime::OwnRuntime;
use crate::{Departure, Player, SessionId};
use batch::{Batch, Cursor};

/// Something that happened to a session, or to the server. For each session: one `Joined`, then its frames and
/// changes of its link in the order in which they came, then one `Left`, and nothing after it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A player was let in.
    Joined {
        /// The new session.
        session: SessionId,
        /// Who it is, as the authenticator said.
        player: &'a Player,
        /// Where the peer is.
        remote: SocketAddr,
    },
    /// A frame came.
    Frame {
        /// Whose it is.
        session: SessionId,
        /// What it carries.
        payload: &'a [u8],
    },
    /// A session's link became suspect, or healthy again.
    Link {
        /// Whose it is.
        session: SessionId,
        /// The change.
        link: Link,
    },
    /// A session departed, after every frame that came across.
    Left(&'a Departure),
    /// A drain began: clients are told after this, and whoever is still here at the deadline is cut off.
    Draining {
        /// When that is.
        deadline: Instant,
    },
}

/// Where a tick loop finds its events, on whatever thread it runs, with or without a runtime.
///
/// Dropping it ends every session, and whoever joins later, as `closed_by_game`; frames that were not drained, also of a
/// drain that stopped half-way, are their sessions' undelivered ones. The listener lives on: end a
/// server by [`ServerHandle::begin_drain`](crate::ServerHandle::begin_drain) or
/// [`ServerHandle::expire`](crate::ServerHandle::expire). A server with a runtime of its own ends with its events.
pub struct Events {
    queue: Arc<Queue>,
    core: Arc<Core>,
    /// What was taken from the queue, and how far the game has come in it.
    batch: Batch,
    cursor: Cursor,
    /// Stopped last, once every session could say its goodbye.
    _runtime: Option<OwnRuntime>,
}

impl Events {
    pub(crate) fn new(core: Arc<Core>, queue: Arc<Queue>) -> Self {
        Self {
            queue,
            core,
            batch: Batch::default(),
            cursor: Cursor::default(),
            _runtime: None,
        }
    }

    pub(crate) fn with_runtime(mut self, runtime: OwnRuntime) -> Self {
        self._runtime = Some(runtime);
        self
    }

    /// Takes what has happened since the last call. Never blocks, and allocates nothing in steady traffic: payloads
    /// lie in one buffer, lent until the next call.
    ///
    /// A session's end waits for the call after the one that handed over its last frames, of this method or of
    /// [`Events::wait`], so that the answers to them still reach the peer. A drain that is dropped half-way loses
    /// nothing: the next call goes on from there.
    pub fn drain(&mut self) -> Drain<'_> {
        if self.cursor.is_at_end(&self.batch) {
            self.cursor = Cursor::default();
            self.queue.swap(&mut self.batch);
        }
        Drain {
            batch: &self.batch,
            cursor: &mut self.cursor,
        }
    }

    /// Blocks the calling thread until there is something to drain, until the server has ended, or until `timeout`
    /// has passed. Returns whether there is. For loops without a fixed step; not for an async task.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        !self.cursor.is_at_end(&self.batch) || self.queue.wait(timeout)
    }

    /// Whether the server has ended, every session departed and everything was drained: nothing comes any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        // In this order: everything was pushed before the end, or by a connection that outlived it.
        let is_over = self.core.closed.is_set() && self.core.ledger.is_empty();
        is_over && self.cursor.is_at_end(&self.batch) && self.queue.is_empty()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.queue.close(self.cursor.frames_left(&self.batch));
        self.core.close_every_session();
    }
}

/// The events of one tick; see [`Events::drain`].
#[derive(Debug)]
pub struct Drain<'a> {
    batch: &'a Batch,
    cursor: &'a mut Cursor,
}

impl<'a> Iterator for Drain<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        self.cursor.next(self.batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.cursor.left(self.batch);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Drain<'_> {}
