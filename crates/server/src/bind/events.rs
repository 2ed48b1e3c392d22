//! A running server whose game ticks: the game's end of the queue.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lastword_transport::Request;

use super::runtime::OwnRuntime;
use crate::core::Core;
use crate::player::Kick;
use crate::shape::events::{Batch, Cursor, Event, Queue};

/// Gives a tick loop its events, on any thread, with or without a runtime.
///
/// Dropping it ends every session as `closed_by_game`, and every later session, too. Frames that were not drained count
/// as undelivered, also the rest of a drain that was dropped half-way. The listener stays open: end a server by
/// [`ServerHandle::begin_drain`](crate::ServerHandle::begin_drain) or
/// [`ServerHandle::expire`](crate::ServerHandle::expire). A server with its own runtime ends with its events.
pub struct Events {
    queue: Arc<Queue>,
    core: Arc<Core>,
    /// The events taken from the queue, and the game's position in them.
    batch: Batch,
    cursor: Cursor,
    /// Dropped last, so that every session can still say goodbye.
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

    /// Takes everything that happened since the last call. It never blocks, and allocates nothing in steady traffic:
    /// payloads lie in one buffer, lent until the next call.
    ///
    /// A session's end waits until its last frames were handed over and this method or [`Events::wait`] is called
    /// again, at most for `timeouts.delivery_ms`. So the answers to these frames still reach the peer. If no drain has
    /// taken a frame of the session, the end waits for 150 ms only. After a kick or a close by the game it does not
    /// wait. A drain that is dropped half-way loses nothing: the next call continues there.
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

    /// Blocks the calling thread until there is something to drain, the server has ended, or `timeout` has passed.
    /// Returns whether there is something to drain. For loops without a fixed step; not for an async task.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        !self.cursor.is_at_end(&self.batch) || self.queue.wait(timeout)
    }

    /// Returns whether the events are over: the server has ended, every session has departed and everything was
    /// drained.
    #[must_use]
    pub fn is_over(&self) -> bool {
        // The order of the checks matters: all events are pushed before the end, or by a connection that outlives the
        // end.
        let is_over = self.core.shutdown.closed.is_set() && self.core.books.ledger.is_empty();
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
        let close = Request::close(Kick::default().into_orderly_close());
        self.core
            .mailboxes
            .request_all(&close, |mailbox| mailbox.session().is_some());
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
