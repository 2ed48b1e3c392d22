//! The first call that meets an end: only this call gets the error from the kernel.

use std::future::poll_fn;

use tokio::io::Interest;

use crate::rig::Rig;

/// A call that can be the first to meet an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    Read,
    Write,
    Shutdown,
    Poll,
}

impl First {
    pub(crate) const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Shutdown, Self::Poll];
}

impl Rig {
    /// Makes the call, and passes what it read or wrote to the connection.
    pub(crate) async fn call(&mut self, first: First) {
        let mut buffer = [0; 1024];
        match first {
            First::Read => {
                let read = poll_fn(|cx| self.tap.poll_read(cx, &mut buffer)).await;
                self.feed(&buffer[..read.unwrap_or(0)]).await;
            }
            First::Write => {
                self.send(b"late");
                // The connection has heard of an error, and the tap keeps it.
                drop(self.write().await);
            }
            // No driver shuts a live connection, so the connection does not hear of it. The tap keeps an error.
            First::Shutdown => drop(self.tap.shutdown()),
            First::Poll => {
                let any = Interest::READABLE | Interest::WRITABLE | Interest::ERROR;
                self.watch.ready(any).await.expect("readiness");
            }
        }
    }
}
