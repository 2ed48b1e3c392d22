//! A client for a game without tokio: it brings a runtime of its own, on one thread.

use std::convert::Infallible;
use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;

use super::ReconnectingClient;
use super::builder::Reconnecting;
use crate::DialError;
use crate::app::Alive;

/// Builds a client for a game without tokio: the client brings a runtime, on one thread. The thread ends when the client
/// was dropped and has said goodbye, at the latest after twice the linger timeout.
#[derive(Debug)]
pub struct Standalone {
    client: Reconnecting,
}

impl Reconnecting {
    /// Gives the client a runtime of its own, on one thread: for a game without tokio.
    #[must_use]
    pub fn own_runtime(self) -> Standalone {
        Standalone { client: self }
    }
}

impl Standalone {
    /// Begins the attempts, and returns at once. [`ReconnectingClient::drain`] reports each attempt.
    ///
    /// # Errors
    /// [`DialError::Runtime`]: the system gave no thread or no descriptor.
    pub fn start(self) -> Result<ReconnectingClient, DialError> {
        let (runtime, alive) = runtime().map_err(DialError::Runtime)?;
        Ok(self.client.start_on(runtime, Some(alive)))
    }

    /// Blocks the calling thread until the first session has begun, as [`Reconnecting::connect`] waits for it.
    ///
    /// # Errors
    /// As [`Reconnecting::connect`]; [`DialError::Runtime`]: the system gave no thread or no descriptor.
    ///
    /// # Panics
    /// On a thread of a tokio runtime. Use [`Reconnecting::connect`] there.
    pub fn connect_blocking(self) -> Result<ReconnectingClient, DialError> {
        let client = self.start()?;
        let runtime = client.runtime.clone();
        runtime.block_on(client.connected())
    }
}

/// Starts a runtime on a thread of its own.
fn runtime() -> io::Result<(Handle, Alive)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (alive, mut dropped) = mpsc::channel(1);
    let run = move || {
        // Nothing is ever sent: it ends when the last sender is dropped.
        let _: Option<Infallible> = runtime.block_on(dropped.recv());
        // A lookup of a name may block its thread for long, and no client waits for it any longer.
        runtime.shutdown_background();
    };
    let thread = thread::Builder::new().name("lastword-client".to_owned());
    thread.spawn(run)?;
    Ok((handle, alive))
}
