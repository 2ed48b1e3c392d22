//! The server-wide view of ends: every connection's record, every session's departure.

use std::sync::Arc;
use std::time::Instant;

use crate::{Departure, Disconnect};

/// Sees every end of a server, also of sessions whose own handler is gone. Called on the connection's task, and of
/// a drain on the thread that begins it: it must be quick and must not block. A panic is caught, logged, and costs
/// nobody else the call.
pub trait Observer: Send + Sync + 'static {
    /// A drain began: clients are told after this, and whoever is still here at the deadline is cut off.
    fn draining(&self, deadline: Instant) {
        let _ = deadline;
    }

    /// A connection ended; called once for each, in any phase. Keeping the record is a clone of the pointer.
    ///
    /// Ends of different connections may be told out of the order of [`Disconnect::seq`], by as little as their tasks
    /// overlap.
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        let _ = disconnect;
    }

    /// A session departed; called once for each that joined, after its handler's `left`.
    fn left(&self, departure: &Departure) {
        let _ = departure;
    }
}
