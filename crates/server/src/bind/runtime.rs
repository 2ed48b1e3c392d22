//! The runtime that a server brings, and the thread that stops it.

use std::convert::Infallible;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::error::BindError;
use crate::core::{Core, drain};
use crate::handle::ServerHandle;

/// Ends the server and stops its runtime when this is dropped, on any thread. The thread that stops it exists
/// from the beginning. So the engine's thread, which drops this, need not start a thread or wait for goodbyes.
#[derive(Debug)]
pub(crate) struct OwnRuntime {
    _alive: mpsc::Sender<Infallible>,
}

impl OwnRuntime {
    /// Starts the stopping thread.
    ///
    /// # Errors
    /// No thread can be started. The runtime is then stopped here, which is not possible on a thread of a runtime.
    pub(super) fn start(runtime: Runtime, server: &ServerHandle) -> Result<Self, BindError> {
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
    let linger_timeout = core
        .settings
        .live()
        .listener(0)
        .session
        .limits
        .linger_timeout;
    drain::finish(core, linger_timeout + LAST_MOMENT).await;
    core.shutdown.closed.wait().await;
}

const LAST_MOMENT: Duration = Duration::from_secs(1);
