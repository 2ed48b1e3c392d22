//! The faults of a scene.

use std::io;

use lastword_netlab::{Host, Lab, Route, Share};

/// A fault that happens to all clients of a scene at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No fault.
    Nothing,
    /// The clients' cable loses a share of the packets, each way.
    Lossy(Share),
    /// The clients' cable is cut in the router: no link goes down, and neither end is notified.
    Cut,
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
}

impl Fault {
    /// Applies the fault to the network. The scene itself stops a process.
    pub(crate) fn strike(self, lab: &Lab) -> io::Result<()> {
        match self {
            Self::Nothing | Self::Frozen => Ok(()),
            Self::Lossy(share) => lab.lose(Host::Client, share),
            Self::Cut => lab.cut(Host::Client),
            Self::OursLost => lab.drop_from(Host::Server),
            Self::TheirsLost => lab.drop_from(Host::Client),
            Self::OwnLinkDown => lab.own_link_down(Host::Server),
            Self::OwnBlackhole => lab.set_route(Host::Server, Route::Blackhole),
            Self::OwnFilter => lab.block_output(Host::Server),
        }
    }
}
