//! The server-wide view of ends: every connection's record, every session's departure.

use crate::{Departure, Disconnect};

/// Sees every end of a server, also of sessions whose own handler is gone. Called on the connection's task:
/// it must be quick and must not block.
pub trait Observer: Send + Sync + 'static {
    /// A connection ended; called once for each, in any phase.
    fn disconnected(&self, disconnect: &Disconnect) {
        let _ = disconnect;
    }

    /// A session departed; called once for each that joined, after its handler's `left`.
    fn left(&self, departure: &Departure) {
        let _ = departure;
    }
}

/// Looks the other way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoObserver;

impl Observer for NoObserver {}
