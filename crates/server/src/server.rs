//! A running server of the session shape.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::session::{Arrivals, Session};
use crate::{Builder, ServerHandle};

/// A running server whose sessions are taken one by one.
///
/// Dropping it ends sessions that nobody took, and whoever joins later, as `closed_by_game`; those that were taken
/// live on, and so does the listener: end a server by [`ServerHandle::drain`] or [`ServerHandle::expire`].
#[derive(Debug)]
pub struct Server {
    handle: ServerHandle,
    arrivals: Arc<Arrivals>,
}

impl Server {
    /// Begins to put a server together.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(handle: ServerHandle, arrivals: Arc<Arrivals>) -> Self {
        Self { handle, arrivals }
    }

    /// Takes the next session that joined; `None` once the server has ended.
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
