//! A running server whose game takes sessions one by one, or the events of all of them once a tick.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::events::{Events, bridge};
use crate::runtime::OwnRuntime;
use crate::session::{Arrivals, Session};
use crate::{Builder, ServerHandle};

/// A running server: its sessions are taken one by one ([`Server::accept`]), or it becomes a queue of events
/// ([`Server::into_events`]).
///
/// Dropping it ends sessions that nobody took, and whoever joins later, as `closed_by_game`; those that were taken
/// live on, and so does the listener: end a server by [`ServerHandle::drain`] or [`ServerHandle::expire`]. One with
/// a runtime of its own ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    handle: ServerHandle,
    arrivals: Arc<Arrivals>,
    /// Stopped last.
    runtime: Option<OwnRuntime>,
}

impl Server {
    /// Begins to put a server together.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(handle: ServerHandle, arrivals: Arc<Arrivals>) -> Self {
        Self {
            handle,
            arrivals,
            runtime: None,
        }
    }

    pub(crate) fn with_runtime(mut self, runtime: OwnRuntime) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Takes the next session that joined; `None` once the server has ended. Needs no runtime of tokio's.
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped takes no session.
    pub async fn accept(&mut self) -> Option<Session> {
        self.arrivals.next(&self.handle.core).await
    }

    /// Makes a queue of events of it, for a game that ticks, on any thread, and the way to its sessions. Nothing that
    /// went before is lost: a drain that began, and sessions that joined and were not taken yet.
    #[must_use]
    pub fn into_events(mut self) -> (Events, ServerHandle) {
        let core = Arc::clone(&self.handle.core);
        // Who joins from here on goes into the queue at once.
        let queue = core.begin_events();
        for early in self.arrivals.hand_over(&queue) {
            bridge(&queue, early);
        }
        let events = Events::new(core, queue, self.runtime.take());
        (events, self.handle.clone())
    }

    /// The way to the server from elsewhere.
    #[must_use]
    pub fn handle(&self) -> &ServerHandle {
        &self.handle
    }

    /// The address that clients connect to, with the port that was bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.handle.local_addr()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.arrivals.close();
    }
}
