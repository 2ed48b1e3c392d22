//! The interface for extensions, which run next to a server. The admin port is one.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use crate::config::Config;
use crate::core::Observer;
use crate::handle::ServerHandle;

/// Starts with a server and ends with it.
pub trait Extension: Send + 'static {
    /// Reads the server's configuration. Called once, after the configuration was found valid and before any other
    /// method.
    fn configure(&mut self, config: &Config) {
        let _ = config;
    }

    /// Returns whether the extension serves the admin port of [`Config::admin`]. A server whose configuration asks for
    /// an admin port does not start without such an extension.
    fn serves_admin(&self) -> bool {
        false
    }

    /// Returns the recorder with which the server makes its metric handles, unless the game or an earlier extension has
    /// a recorder. `None`: this extension has no recorder.
    ///
    /// An extension with a recorder publishes the counts with [`ServerHandle::publish`] whenever it shows them. It
    /// calls this outside of the runtime's workers.
    fn recorder(&self) -> Option<&(dyn metrics::Recorder + Sync)> {
        None
    }

    /// Returns the extension's observer, which is told of every end before the game's own observer. `None`: it
    /// has no observer.
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }

    /// Starts next to the server, once the server is bound. Returns the addresses on which it listens, if any.
    ///
    /// # Errors
    /// The reason why it cannot start; the server then does not start either.
    fn start(self: Box<Self>, server: ServerHandle) -> Starting;
}

/// The future of a starting extension.
pub type Starting = Pin<Box<dyn Future<Output = io::Result<Started>> + Send>>;

/// The addresses on which an extension listens, if any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Started {
    /// The address for operators: [`ServerHandle::admin_addr`].
    pub admin: Option<SocketAddr>,
    /// The separate address for scrapers, if there is one: [`ServerHandle::metrics_addr`].
    pub metrics: Option<SocketAddr>,
}
