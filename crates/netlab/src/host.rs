//! The two hosts and their addresses.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// One of the two hosts of a lab; the router is between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// The host at 10.77.1.2 and fd77:1::2.
    Server,
    /// The host at 10.77.2.2 and fd77:2::2.
    Client,
}

impl Host {
    /// Both hosts.
    pub const ALL: [Self; 2] = [Self::Server, Self::Client];

    /// The host at the other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Server => Self::Client,
            Self::Client => Self::Server,
        }
    }

    pub(crate) const fn addr(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, self.side(), 2)
    }

    pub(crate) const fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, self.side(), 1)
    }

    pub(crate) const fn addr_v6(self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd77, self.side() as u16, 0, 0, 0, 0, 0, 2)
    }

    pub(crate) const fn gateway_v6(self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd77, self.side() as u16, 0, 0, 0, 0, 0, 1)
    }

    /// The name of the host's thread, and of the router's end of the host's cable.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    const fn side(self) -> u8 {
        match self {
            Self::Server => 1,
            Self::Client => 2,
        }
    }
}

/// Returns whether this kernel has IPv6; without it, a lab has IPv4 only.
pub(crate) fn has_ipv6() -> bool {
    Path::new(IPV6_SETTINGS).exists()
}

/// The kernel's settings of IPv6, in the namespace of the thread that opens a file there.
pub(crate) const IPV6_SETTINGS: &str = "/proc/sys/net/ipv6/conf";
/// The name of a host's end of its cable.
pub(crate) const OWN_LINK: &str = "eth0";
