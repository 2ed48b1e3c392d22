//! A runtime that the server brings, for engines without one.

use std::convert::Infallible;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use super::builder::Builder;
use super::error::BindError;
use super::events::Events;
use super::server::Server;
use crate::core::{Core, drain};
use crate::handle::ServerHandle;

/// Builds a server for an engine without tokio: the server brings a runtime with its own threads.
#[derive(Debug)]
pub struct Standalone {
    builder: Builder,
    threads: usize,
}

impl Standalone {
    pub(crate) fn new(builder: Builder, threads: usize) -> Self {
        Self { builder, threads }
    }

    /// Binds as [`Builder::bind`] does, on any thread that belongs to no runtime. After the server is dropped, the
    /// runtime stops when every session has said goodbye, at the latest after the linger timeout plus a second.
    ///
    /// # Errors
    /// [`BindError`]; nothing is left bound or running.
    ///
    /// # Panics
    /// On a thread of a tokio runtime: [`Builder::bind`] is for those.
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
    /// On a thread of a tokio runtime: [`Builder::bind_events`] is for those.
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

/// Ends the server and stops its runtime when this is dropped, on any thread. The stopping thread waits from the
/// beginning, so the engine's thread that drops this need not start one, nor wait for goodbyes.
#[derive(Debug)]
pub(crate) struct OwnRuntime {
    _alive: mpsc::Sender<Infallible>,
}

impl OwnRuntime {
    /// Starts the stopping thread.
    ///
    /// # Errors
    /// No thread can be started. The runtime is then stopped here, which is not possible on a thread of a runtime.
    fn start(runtime: Runtime, server: &ServerHandle) -> Result<Self, BindError> {
        let core = Arc::clone(&server.core);
        let (alive, dropped) = mpsc::channel();
        let end = move || {
            let Err(mpsc::RecvError) = dropped.recv();
            runtime.block_on(finish(&core));
            runtime.shutdown_timeout(LAST_MOMENT);
        };
        let thread = thread::Builder::new().name("lastword-end".to_owned());
        thread.spawn(end).map_err(BindError::Runtime)?;
        Ok(Self { _alive: alive })
    }
}

/// Refuses new connections, and gives open sessions time to say goodbye.
async fn finish(core: &Core) {
    drain::finish(core, core.session.limits.linger_timeout + LAST_MOMENT).await;
    core.closed.wait().await;
}

const LAST_MOMENT: Duration = Duration::from_secs(1);
