//! The faults of this host's own network, as the system itself reports them.

/// A fault of this host's own network that keeps one connection's packets here.
///
/// The driver asks the system for it when a verdict would blame the path (`lastword_sys::own_fault`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnFault {
    /// No interface of this host has the connection's local address now.
    AddressGone,
    /// No route leads from the local address to the peer, or the route discards all packets.
    NoRoute,
    /// The interface of the route has no carrier: an unplugged cable, a switch that is off.
    NoCarrier,
}

impl OwnFault {
    /// Returns the stable label used in the trail of an end.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AddressGone => "own_address_gone",
            Self::NoRoute => "no_own_route",
            Self::NoCarrier => "no_own_carrier",
        }
    }
}
