//! The path between the clients and the server, apart from any fault.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use lastword_netlab::{Delay, Host, Lab, Proxying, Share};

/// The family of the addresses, and what the clients' cable does to packets in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) is_ipv6: bool,
    pub(crate) delay: Delay,
    /// The share that is lost of the packets in each direction.
    pub(crate) loss: Share,
    /// Whether only the clients' packets are lost.
    pub(crate) loses_only_theirs: bool,
    pub(crate) proxy: Option<Proxying>,
}

impl Path {
    /// IPv4, as fast as the machine.
    pub(crate) const PLAIN: Self = Self {
        is_ipv6: false,
        delay: Delay::NONE,
        loss: Share::NONE,
        loses_only_theirs: false,
        proxy: None,
    };

    /// The same over IPv6.
    pub(crate) const IPV6: Self = Self {
        is_ipv6: true,
        ..Self::PLAIN
    };

    /// Round trips that vary between these two in milliseconds, in order.
    pub(crate) const fn round_trip(least_ms: u64, most_ms: u64) -> Self {
        Self::delayed(Delay::between(
            Duration::from_millis(least_ms / 2),
            Duration::from_millis(most_ms / 2),
        ))
    }

    pub(crate) const fn delayed(delay: Delay) -> Self {
        Self {
            delay,
            ..Self::PLAIN
        }
    }

    /// Leads through a proxy.
    pub(crate) const fn through(proxying: Proxying) -> Self {
        Self {
            proxy: Some(proxying),
            ..Self::PLAIN
        }
    }

    /// Loses a share of the packets.
    pub(crate) const fn losing(self, loss: Share) -> Self {
        Self { loss, ..self }
    }

    /// Loses a share of the clients' packets only.
    pub(crate) const fn losing_theirs(self, loss: Share) -> Self {
        Self {
            loss,
            loses_only_theirs: true,
            ..self
        }
    }

    /// Returns a host's address.
    pub(crate) fn addr(self, lab: &Lab, host: Host) -> io::Result<IpAddr> {
        if self.is_ipv6 {
            lab.addr_v6(host)
        } else {
            Ok(lab.addr(host))
        }
    }

    /// Lays the path; what it does not ask for stays as it is.
    pub(crate) fn lay(self, lab: &Lab) -> io::Result<()> {
        if self.delay != Delay::NONE {
            lab.delay(Host::Client, self.delay)?;
        }
        if self.loses_only_theirs {
            lab.lose_from(Host::Client, self.loss)?;
        } else if self.loss != Share::NONE {
            lab.lose(Host::Client, self.loss)?;
        }
        Ok(())
    }

    /// Returns the longest time from a packet to its answer. A lost answer comes with the peer's next retries.
    pub(crate) fn round_trip_max(self) -> Duration {
        let retries = match self.loss == Share::NONE {
            true => Duration::ZERO,
            false => RETRIES,
        };
        2 * self.delay.most() + retries
    }
}

/// The time of two retries where a second is the longest time between two.
const RETRIES: Duration = Duration::from_secs(2);
