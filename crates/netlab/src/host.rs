//! The two hosts and their addresses.

use std::net::Ipv4Addr;

/// One of the two hosts of a lab; the router is between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// The host at 10.77.1.2.
    Server,
    /// The host at 10.77.2.2.
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

/// The name of a host's end of its cable.
pub(crate) const OWN_LINK: &str = "eth0";
