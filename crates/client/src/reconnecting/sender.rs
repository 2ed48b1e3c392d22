//! Sends frames to the live session, from any thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lastword_session::SendError;
use lastword_transport::{Clock, Mailbox};

/// The way out of one connection.
pub(crate) type Outbound = (Arc<Mailbox>, Clock);

/// Sends frames for a [`ReconnectingClient`](crate::ReconnectingClient), from any thread and without a runtime. Clones
/// send to the same session: the one whose [`ReconnectEvent::Connected`](crate::ReconnectEvent::Connected) the game took
/// last.
#[derive(Clone, Debug, Default)]
pub struct Sender(Arc<Mutex<Option<Outbound>>>);

impl Sender {
    /// Queues a frame for the server. Never blocks.
    ///
    /// # Errors
    /// As [`Client::send`](crate::Client::send); [`SendError::Closed`] while there is no session.
    pub fn send(&self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        let outbound = self.lock();
        let (mailbox, clock) = outbound.as_ref().ok_or(SendError::Closed)?;
        mailbox.send(clock, None, payload.as_ref())
    }

    pub(super) fn set(&self, outbound: Outbound) {
        *self.lock() = Some(outbound);
    }

    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Outbound>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
