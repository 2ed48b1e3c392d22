//! The clients' local addresses. On loopback each client has its own address, so that a reused port cannot mix up two
//! clients.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The addresses of the clients of one storm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddrs {
    count: Option<u32>,
}

impl ClientAddrs {
    /// Makes the addresses of clients 0 to `count`, including `count`.
    pub(crate) fn towards(server: SocketAddr, count: u32) -> Self {
        // On other systems the loopback interface has one address.
        let is_roomy = cfg!(target_os = "linux") && server.is_ipv4() && server.ip().is_loopback();
        Self {
            count: is_roomy.then_some(count),
        }
    }

    /// Returns the address of client `n`; `None` leaves the choice to the system.
    pub(crate) fn of(self, n: u32) -> Option<IpAddr> {
        self.count?;
        let addr = Ipv4Addr::from_bits(FIRST.to_bits().saturating_add(n));
        Some(addr.into())
    }

    /// Whether the address belongs to one of these clients, and to no other program.
    pub(crate) fn have(self, ip: IpAddr) -> bool {
        let (Some(count), IpAddr::V4(ip)) = (self.count, ip) else {
            return false;
        };
        let n = ip.to_bits().checked_sub(FIRST.to_bits());
        n.is_some_and(|n| n <= count)
    }
}

/// The address of client 10,000,000 is 127.153.150.128.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_an_address_of_its_own_on_loopback_only() {
        let client_addrs = ClientAddrs::towards("127.0.0.1:7000".parse().unwrap(), 300);
        assert_eq!(client_addrs.of(257), Some([127, 1, 1, 1].into()));
        assert!(
            client_addrs.have([127, 1, 1, 1].into()) && client_addrs.have([127, 1, 1, 44].into())
        );
        for elsewhere in [[127, 0, 0, 1], [127, 1, 1, 45], [10, 0, 0, 1]] {
            assert!(!client_addrs.have(elsewhere.into()));
        }
        let far = ClientAddrs::towards("10.0.0.1:7000".parse().unwrap(), 300);
        assert_eq!(far.of(1), None);
    }
}
