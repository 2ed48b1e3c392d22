//! The faults of a scene.

use std::time::Duration;

use lastword_netlab::Refusal;

/// A fault that happens to all clients of a scene at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No fault.
    Nothing,
    /// The clients' cable is cut in the router: no link goes down, and neither end is notified.
    Cut,
    /// The same, and the cable is mended after this time.
    Outage(Duration),
    /// All packets from the clients are lost on the way for this time.
    TheirsOutage(Duration),
    /// The clients' cable is cut and mended again and again.
    Flapping {
        /// How long it is cut.
        down: Duration,
        /// How long it is whole.
        up: Duration,
    },
    /// The clients' cable stands still again and again.
    Stalls(Stalls),
    /// The same, and then it is cut.
    StallsThenCut(Stalls),
    /// All packets from the server are lost on the way.
    OursLost,
    /// All packets from the clients are lost on the way.
    TheirsLost,
    /// All packets from the clients of more than this many bytes are lost on the way, without an ICMP message.
    TheirLargeLost(u16),
    /// The router has forgotten the connections, as a NAT does, and answers their packets.
    Refused(Refusal),
    /// New processes of the proxy take over its listener.
    ProxyReloaded,
    /// The clients' cable is pulled: the router has no way to them, and tells the server so.
    FarLinkDown,
    /// The server's own interface goes down.
    OwnLinkDown,
    /// The server's own interface loses its carrier: the cable is pulled at the other end.
    OwnCarrierLost,
    /// The server's own addresses are removed.
    OwnAddressesGone,
    /// The server's own route leads nowhere.
    OwnBlackhole,
    /// The server's own firewall discards what it sends.
    OwnFilter,
    /// The server's own queue discards what it sends.
    OwnQueueChoked,
    /// The clients' process is stopped; their kernel continues.
    Frozen,
    /// The clients' process is stopped for this time, and then killed.
    StoppedAndKilled(Duration),
    /// The server's process is stopped for this time; its kernel continues.
    ServerStopped(Duration),
}

/// How a cable stands still; no packet is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stalls {
    /// How long it stands still each time.
    pub(crate) length: Duration,
    /// How long it carries packets between two stalls.
    pub(crate) apart: Duration,
    /// How often it stands still.
    pub(crate) count: u32,
}

impl Fault {
    /// Returns whether only the server's own timer may end a silence: no router tells a kernel, and the kernel's own
    /// give-up lies behind the dead limit.
    pub(crate) const fn is_ours_to_find(self) -> bool {
        !matches!(self, Self::Refused(_) | Self::FarLinkDown) && !self.is_our_own()
    }

    /// Returns whether the fault is in the server's own host.
    pub(crate) const fn is_our_own(self) -> bool {
        match self {
            Self::OwnLinkDown
            | Self::OwnCarrierLost
            | Self::OwnAddressesGone
            | Self::OwnBlackhole
            | Self::OwnFilter
            | Self::OwnQueueChoked => true,
            Self::Nothing
            | Self::Cut
            | Self::Outage(_)
            | Self::TheirsOutage(_)
            | Self::Flapping { .. }
            | Self::Stalls(_)
            | Self::StallsThenCut(_)
            | Self::OursLost
            | Self::TheirsLost
            | Self::TheirLargeLost(_)
            | Self::Refused(_)
            | Self::ProxyReloaded
            | Self::FarLinkDown
            | Self::Frozen
            | Self::StoppedAndKilled(_)
            | Self::ServerStopped(_) => false,
        }
    }
}
