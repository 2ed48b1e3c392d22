//! The faults of a scene.

use std::time::Duration;

use lastword_netlab::Share;

/// A fault that happens to all clients of a scene at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No fault.
    Nothing,
    /// The clients' cable loses a share of the packets, each way.
    Lossy(Share),
    /// The clients' cable is cut in the router: no link goes down, and neither end is notified.
    Cut,
    /// The same, and the cable is mended after this time.
    Outage(Duration),
    /// All packets from the server are lost on the way.
    OursLost,
    /// All packets from the clients are lost on the way.
    TheirsLost,
    /// The server's own interface goes down.
    OwnLinkDown,
    /// The server's own route leads nowhere.
    OwnBlackhole,
    /// The server's own firewall discards what it sends.
    OwnFilter,
    /// The clients' process is stopped; their kernel continues.
    Frozen,
    /// The server's process is stopped for this time; its kernel continues.
    ServerStopped(Duration),
}
