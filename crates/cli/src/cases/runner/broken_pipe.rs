//! Whether `SIGPIPE` was raised in this process. Without a handler the signal kills the process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::consts::SIGPIPE;

/// Watches for the signal until it is dropped.
#[derive(Debug)]
pub(super) struct BrokenPipe {
    raised: Arc<AtomicBool>,
    handler: SigId,
}

impl BrokenPipe {
    pub(super) fn watched() -> io::Result<Self> {
        let raised = Arc::new(AtomicBool::new(false));
        let handler = signal_hook::flag::register(SIGPIPE, Arc::clone(&raised))?;
        Ok(Self { raised, handler })
    }

    pub(super) fn was_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }
}

impl Drop for BrokenPipe {
    fn drop(&mut self) {
        signal_hook::low_level::unregister(self.handler);
    }
}
