//! A running server from which the game takes sessions one by one.

use std::net::SocketAddr;
use std::sync::Arc;

use super::runtime::OwnRuntime;
use crate::handle::ServerHandle;
use crate::shape::{Arrivals, Session};

/// Runs a server from which the game takes sessions one by one ([`Server::accept`]).
///
/// Dropping it ends the sessions that were not taken, and every later session, as `closed_by_game`. Sessions that were
/// taken stay open, and so does the listener: end a server by [`ServerHandle::drain`] or [`ServerHandle::expire`]. A
/// server with its own runtime ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    handle: ServerHandle,
    arrivals: Arc<Arrivals>,
    /// Dropped last.
    _runtime: Option<OwnRuntime>,
}

impl Server {
    pub(crate) fn new(handle: ServerHandle, arrivals: Arc<Arrivals>) -> Self {
        Self {
            handle,
            arrivals,
            _runtime: None,
        }
    }

    pub(crate) fn with_runtime(mut self, runtime: OwnRuntime) -> Self {
        self._runtime = Some(runtime);
        self
    }

    /// Takes the next session that joined; `None` once the server has ended. Needs no tokio runtime.
    ///
    /// # Cancel safety
    /// Cancel safe: a dropped call takes no session.
    pub async fn accept(&mut self) -> Option<Session> {
        let closed = self.handle.core.shutdown.closed.wait();
        self.arrivals.next(closed).await
    }

    /// Returns the handle, which gives access to the server from other tasks and threads.
    #[must_use]
    pub fn handle(&self) -> &ServerHandle {
        &self.handle
    }

    /// Returns the address that clients connect to, with the port that was bound.
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
