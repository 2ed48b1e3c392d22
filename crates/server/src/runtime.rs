//! A runtime of the server's own, for engines that have none.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use crate::core::Core;
use crate::{BindError, Builder, Server, drain};

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

    /// Binds, on any thread that is not a runtime's. The runtime stops some moments after the server, or the
    /// [`Events`](crate::Events) made of it, is dropped: when every session said its goodbye, at the latest after
    /// the linger timeout and a second.
    ///
    /// # Errors
    /// [`BindError`]; nothing is left bound or running.
    ///
    /// # Panics
    /// On a thread of a tokio runtime: [`Builder::bind`] is for those.
    pub fn bind_blocking(self) -> Result<Server, BindError> {
        let runtime = RuntimeBuilder::new_multi_thread()
            .worker_threads(self.threads.max(1))
            .thread_name("lastword")
            .enable_all()
            .build()
            .map_err(BindError::Runtime)?;
        let server = runtime.block_on(self.builder.bind())?;
        Ok(server.with_runtime(runtime))
    }
}

/// Stops a runtime when the server that it belongs to is dropped.
#[derive(Debug)]
pub(crate) struct OwnRuntime {
    runtime: Option<Runtime>,
    core: Arc<Core>,
}

impl OwnRuntime {
    pub(crate) fn new(runtime: Runtime, core: Arc<Core>) -> Self {
        Self {
            runtime: Some(runtime),
            core,
        }
    }
}

impl Drop for OwnRuntime {
    /// The dropping thread is the engine's: it does not wait for goodbyes.
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        let core = Arc::clone(&self.core);
        let end = move || {
            runtime.block_on(finish(&core));
            runtime.shutdown_timeout(LAST_MOMENT);
        };
        let thread = thread::Builder::new().name("lastword-end".to_owned());
        if let Err(error) = thread.spawn(end) {
            tracing::error!(%error, "no thread to end the server's runtime gracefully");
        }
    }
}

/// Lets nobody in any more, and gives whoever is here the time of a goodbye.
async fn finish(core: &Core) {
    drain::finish(core, core.session.limits.linger_timeout + LAST_MOMENT).await;
    core.closed.wait().await;
}

const LAST_MOMENT: Duration = Duration::from_secs(1);
