//! The server-wide view of ends: every connection's record, every session's departure.

use std::sync::Arc;
use std::time::Instant;

use crate::books::{Departure, Disconnect, PeerTold};
use crate::guard::guarded;

/// Receives every end of a server, also of sessions whose own handler is gone. It is called on the connection's task,
/// and for a drain on the thread that begins the drain. So it must be quick and must not block. A panic is caught and
/// logged, and other calls still happen.
pub trait Observer: Send + Sync + 'static {
    /// Called when a drain began. Clients are told after this, and sessions that are still open at the deadline are cut
    /// off.
    fn draining(&self, deadline: Instant) {
        let _ = deadline;
    }

    /// Called once for each connection that ended, in any phase, after its session departed and its linger was over.
    /// Keeping the record costs a clone of the pointer.
    ///
    /// Ends of different connections may arrive in another order than [`Disconnect::seq`], if their tasks overlap.
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        let _ = disconnect;
    }

    /// Called when a client that came back to its session told how an earlier connection had ended for it: at most once for
    /// each connection, after [`Observer::disconnected`] had its record. The server does not check what the client tells.
    fn peer_told(&self, peer_told: &PeerTold) {
        let _ = peer_told;
    }

    /// Called once for each session that joined, when it departed, after its handler's `left`. Its connection may stay
    /// open for the linger.
    fn left(&self, departure: &Departure) {
        let _ = departure;
    }
}

/// All observers of a server. The observers of extensions come first: when an observer of the game gets a record, the
/// extensions already have it.
pub(crate) struct Observers(pub(crate) Vec<Arc<dyn Observer>>);

impl Observers {
    pub(crate) fn tell(&self, call: impl Fn(&dyn Observer)) {
        for observer in &self.0 {
            guarded("an observer panicked", || call(&**observer));
        }
    }
}
