//! A server for an engine without tokio: it brings a runtime of its own.

use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use super::builder::Builder;
use super::error::BindError;
use super::events::Events;
use super::runtime::OwnRuntime;
use super::server::Server;
use crate::handle::ServerHandle;

/// Builds a server for an engine without tokio: the server brings a runtime with its own threads.
#[derive(Debug)]
pub struct Standalone {
    builder: Builder,
    threads: usize,
}

impl Builder {
    /// Gives the server a runtime of its own with this many threads, at least one: for engines without a
    /// runtime.
    #[must_use]
    pub fn own_runtime(self, threads: usize) -> Standalone {
        Standalone {
            builder: self,
            threads,
        }
    }
}

impl Standalone {
    /// Binds as [`Builder::bind`] does, on any thread that belongs to no runtime. After the server is dropped, the
    /// runtime stops when every session has said goodbye, at the latest after the linger timeout plus a second.
    ///
    /// # Errors
    /// [`BindError`]; nothing is left bound or running.
    ///
    /// # Panics
    /// On a thread of a tokio runtime. Use [`Builder::bind`] there.
    pub fn bind_blocking(self) -> Result<Server, BindError> {
        let runtime = self.runtime()?;
        let server = runtime.block_on(self.builder.bind())?;
        let runtime = OwnRuntime::start(runtime, server.handle())?;
        Ok(server.with_runtime(runtime))
    }

    /// Binds as [`Builder::bind_events`] does, on any thread that belongs to no runtime. The runtime stops a little
    /// after the [`Events`] are dropped, as with [`Standalone::bind_blocking`].
    ///
    /// # Errors
    /// [`BindError`]; nothing is left bound or running.
    ///
    /// # Panics
    /// On a thread of a tokio runtime. Use [`Builder::bind_events`] there.
    pub fn bind_events_blocking(self) -> Result<(Events, ServerHandle), BindError> {
        let runtime = self.runtime()?;
        let (events, handle) = runtime.block_on(self.builder.bind_events())?;
        let runtime = OwnRuntime::start(runtime, &handle)?;
        Ok((events.with_runtime(runtime), handle))
    }

    fn runtime(&self) -> Result<Runtime, BindError> {
        RuntimeBuilder::new_multi_thread()
            .worker_threads(self.threads.max(1))
            .thread_name("lastword")
            .enable_all()
            .build()
            .map_err(BindError::Runtime)
    }
}
