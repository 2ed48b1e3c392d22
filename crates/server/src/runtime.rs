//! A runtime of the server's own, for engines that have none.

use std::convert::Infallible;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use crate::core::Core;
use crate::{BindError, Builder, Events, Server, ServerHandle, drain};

/// A server that is put together for an engine without tokio: it brings a runtime with threads of its own.
#[derive(Debug)]
pub struct Standalone {
    builder: Builder,
    threads: usize,
}

impl Standalone {
    pub(crate) fn new(builder: Builder, threads: usize) -> Self {
        Self { builder, threads }
    }

    /// Binds as [`Builder::bind`], on any thread that is not a runtime's. The runtime stops some moments after the server is
    /// dropped: when every session said its goodbye, at the latest after the linger timeout and a second.
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

    /// Binds as [`Builder::bind_events`], on any thread that is not a runtime's. The runtime stops some moments after the
    /// [`Events`] are dropped, as that of [`Standalone::bind_blocking`].
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

/// Ends the server and stops its runtime when it is dropped, wherever that is: the thread that does it waits from the
/// beginning, so that the dropping one, which is the engine's, neither needs to start one nor waits for goodbyes.
#[derive(Debug)]
pub(crate) struct OwnRuntime {
    _alive: mpsc::Sender<Infallible>,
}

impl OwnRuntime {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there is none to be had: then the runtime is stopped, which is not possible on a thread of a runtime's.
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

/// Lets nobody in any more, and gives whoever is here the time of a goodbye.
async fn finish(core: &Core) {
    drain::finish(core, core.session.limits.linger_timeout + LAST_MOMENT).await;
    core.closed.wait().await;
}

const LAST_MOMENT: Duration = Duration::from_secs(1);
