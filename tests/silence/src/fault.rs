//! What befalls a scene.

use std::io;

use lastword_netlab::{Host, Lab, Route, Share};

/// What befalls all clients of a scene at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing does.
    Nothing,
    /// The clients' cable loses a share of the packets, each way.
    Lossy(Share),
    /// The clients' cable is cut in the router: nobody's link goes down, nobody is told.
    Cut,
    /// What the server sends is lost on the way.
    OursLost,
    /// What the clients send is lost on the way.
    TheirsLost,
    /// The server's own interface goes down.
    OwnLinkDown,
    /// The server's own route leads nowhere.
    OwnBlackhole,
    /// The server's own firewall discards what it sends.
    OwnFilter,
    /// The clients' process is stopped; their kernel goes on.
    Frozen,
}

impl Fault {
    /// Does it to the network; a process is the scene's to stop.
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
