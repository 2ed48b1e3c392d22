//! The seam for what runs beside a server: the admin port is one.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use crate::ServerHandle;

/// Something that is started with a server and ends with it.
pub trait Extension: Send + 'static {
    /// The recorder that the server makes its metric handles with; `None`: the process's global one.
    fn recorder(&self) -> Option<&(dyn metrics::Recorder + Sync)> {
        None
    }

    /// Starts beside the server, once it is bound. Returns the address it listens on, if it does.
    ///
    /// # Errors
    /// What keeps it from starting; the server then does not start either.
    fn start(self: Box<Self>, server: ServerHandle) -> Starting;
}

/// An extension on its way up.
pub type Starting = Pin<Box<dyn Future<Output = io::Result<Option<SocketAddr>>> + Send>>;
