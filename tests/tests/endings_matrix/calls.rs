//! The first call that meets an end: only this call gets the error from the kernel.

use std::future::poll_fn;

use lastword_session::Input;
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
    /// Makes the call, and passes its result to the session as the driver does.
    pub(crate) async fn call(&mut self, first: First) {
        let mut buffer = [0; 1024];
        match first {
            First::Read => {
                let read = poll_fn(|cx| self.tap.poll_read(cx, &mut buffer)).await;
                self.feed(&buffer[..read.unwrap_or(0)]);
            }
            First::Write => {
                self.send(b"late");
                if self.write().await.is_err() {
                    let readings = self.tap.readings();
                    self.connection
                        .handle(self.clock.now(), Input::WriteFailed(readings));
                }
            }
            First::Shutdown => {
                let input = match self.tap.shutdown() {
                    Ok(()) => Input::Shut,
                    Err(_) => Input::WriteFailed(self.tap.readings()),
                };
                self.connection.handle(self.clock.now(), input);
            }
            First::Poll => {
                let any = Interest::READABLE | Interest::WRITABLE | Interest::ERROR;
                self.watch.ready(any).await.expect("readiness");
            }
        }
    }
}
