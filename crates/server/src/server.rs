//! A running server whose game takes sessions one by one.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::runtime::OwnRuntime;
use crate::session::{Arrivals, Session};
use crate::{Builder, ServerHandle};

/// A running server whose sessions are taken one by one ([`Server::accept`]).
///
/// Dropping it ends sessions that nobody took, and whoever joins later, as `closed_by_game`; those that were taken
/// live on, and so does the listener: end a server by [`ServerHandle::drain`] or [`ServerHandle::expire`]. One with
/// a runtime of its own ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    handle: ServerHandle,
    arrivals: Arc<Arrivals>,
    /// Stopped last.
    _runtime: Option<OwnRuntime>,
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
            _runtime: None,
        }
    }

    pub(crate) fn with_runtime(mut self, runtime: OwnRuntime) -> Self {
        self._runtime = Some(runtime);
        self
    }

    /// Takes the next session that joined; `None` once the server has ended. Needs no runtime of tokio's.
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped takes no session.
    pub async fn accept(&mut self) -> Option<Session> {
        self.arrivals.next(&self.handle.core).await
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
