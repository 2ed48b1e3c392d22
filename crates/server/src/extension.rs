//! The seam for what runs beside a server: the admin port is one.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Config, Observer, ServerHandle};

/// Something that is started with a server and ends with it.
pub trait Extension: Send + 'static {
    /// Reads the server's configuration: once, after it was found valid and before anything else is asked.
    fn configure(&mut self, config: &Config) {
        let _ = config;
    }

    /// Whether it serves what [`Config::admin`] asks for. A server whose configuration asks for an admin port does not
    /// start without an extension that does.
    fn serves_admin(&self) -> bool {
        false
    }

    /// The recorder that the server makes its metric handles with, if nobody else has one before this extension;
    /// `None`: it has none.
    ///
    /// An extension that has one publishes the counts with [`ServerHandle::publish`] whenever it shows them.
    fn recorder(&self) -> Option<&(dyn metrics::Recorder + Sync)> {
        None
    }

    /// Who is told of every end on behalf of the extension, before the game's own observer is; `None`: nobody.
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }

    /// Starts beside the server, once it is bound. Returns the addresses it listens on, if it does.
    ///
    /// # Errors
    /// What keeps it from starting; the server then does not start either.
    fn start(self: Box<Self>, server: ServerHandle) -> Starting;
}

/// An extension on its way up.
pub type Starting = Pin<Box<dyn Future<Output = io::Result<Started>> + Send>>;

/// Where an extension listens, if it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Started {
    /// Its port for operators: [`ServerHandle::admin_addr`].
    pub admin: Option<SocketAddr>,
    /// Its port for scrapers, where they have one of their own: [`ServerHandle::metrics_addr`].
    pub metrics: Option<SocketAddr>,
}
