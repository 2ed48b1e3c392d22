//! Sends frames to the live session, from any thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lastword_session::{Outbound, SendError};

use crate::way::Way;

/// Sends frames for a [`ReconnectingClient`](crate::ReconnectingClient), from any thread and without a runtime. Clones
/// send to the same session: the one whose [`ReconnectEvent::Connected`](crate::ReconnectEvent::Connected) the game took
/// last, over all its connections.
#[derive(Clone, Debug, Default)]
pub struct Sender(Arc<Mutex<Option<Arc<Way>>>>);

impl Sender {
    /// Queues a frame for the server. Never blocks. While the session has no connection, the frame waits for the next one.
    ///
    /// # Errors
    /// [`SendError::TooLarge`]; [`SendError::Closed`] while there is no session; or [`SendError::QueueFull`]: twice
    /// [`Connector::outbound_bytes_max`](crate::Connector::outbound_bytes_max) waits, and the frame was not taken.
    pub fn send(&self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.send_as(None, payload.as_ref())
    }

    /// Queues a frame that takes the place of an older one with the same key, if that one still waits: a state of which only
    /// the newest counts. So while the session has no connection, one frame waits for each key.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub fn send_latest(&self, key: u64, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.send_as(Some(Outbound::Latest(key)), payload.as_ref())
    }

    fn send_as(&self, how: Option<Outbound>, payload: &[u8]) -> Result<(), SendError> {
        let way = self.lock().clone().ok_or(SendError::Closed)?;
        way.send(how, payload)
    }

    pub(super) fn set(&self, way: &Arc<Way>) {
        *self.lock() = Some(Arc::clone(way));
    }

    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Way>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
