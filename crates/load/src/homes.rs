//! Where clients connect from: on loopback each has an address of its own, so that no port used twice can mix up two.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The addresses of the clients of one storm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Homes {
    count: Option<u32>,
}

impl Homes {
    /// Homes for clients 0 to `count`, that one included.
    pub(crate) fn towards(server: SocketAddr, count: u32) -> Self {
        // Elsewhere the loopback interface has one address.
        let is_roomy = cfg!(target_os = "linux") && server.is_ipv4() && server.ip().is_loopback();
        Self {
            count: is_roomy.then_some(count),
        }
    }

    /// The home of client `n`; `None` leaves the choice to the system.
    pub(crate) fn of(self, n: u32) -> Option<IpAddr> {
        self.count?;
        let home = Ipv4Addr::from_bits(FIRST.to_bits().saturating_add(n));
        Some(home.into())
    }

    /// Whether a client lives there and nobody else.
    pub(crate) fn have(self, ip: IpAddr) -> bool {
        let (Some(count), IpAddr::V4(ip)) = (self.count, ip) else {
            return false;
        };
        let n = ip.to_bits().checked_sub(FIRST.to_bits());
        n.is_some_and(|n| n <= count)
    }
}

/// Ten million further is 127.153.150.128.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_home_on_loopback_and_none_elsewhere() {
        let homes = Homes::towards("127.0.0.1:7000".parse().unwrap(), 300);
        assert_eq!(homes.of(257), Some([127, 1, 1, 1].into()));
        assert!(homes.have([127, 1, 1, 1].into()) && homes.have([127, 1, 1, 44].into()));
        for elsewhere in [[127, 0, 0, 1], [127, 1, 1, 45], [10, 0, 0, 1]] {
            assert!(!homes.have(elsewhere.into()));
        }
        let far = Homes::towards("10.0.0.1:7000".parse().unwrap(), 300);
        assert_eq!(far.of(1), None);
    }
}
