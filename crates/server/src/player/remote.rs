//! The address of a peer, and where it is known from.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Mutex;

use crate::guard::lock;

/// Where the address of a peer is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemoteSource {
    /// It is the socket's: the listener takes no PROXY headers.
    Socket,
    /// A PROXY header named it.
    ProxyHeader,
    /// It is the socket's, and so the proxy's: the PROXY header named no address, or there was none.
    Proxy,
}

impl RemoteSource {
    /// Returns the stable label used in records and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::ProxyHeader => "proxy_header",
            Self::Proxy => "proxy",
        }
    }
}

/// The address of a peer, with its source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote {
    pub(crate) addr: SocketAddr,
    pub(crate) source: RemoteSource,
}

/// The address of a session's peer now: it changes when the session goes on over another connection.
#[derive(Debug)]
pub(crate) struct Address(Mutex<Packed>);

impl Address {
    pub(crate) fn new(remote: Remote) -> Self {
        Self(Mutex::new(Packed::of(remote)))
    }

    pub(crate) fn read(&self) -> Remote {
        lock(&self.0).remote()
    }

    pub(crate) fn set(&self, remote: Remote) {
        *lock(&self.0) = Packed::of(remote);
    }
}

/// An address in 19 bytes instead of 33, because every session keeps one. It has no flow label: `accept` reports none.
#[derive(Clone, Copy, Debug)]
struct Packed {
    /// An IPv4 address as a mapped one. [`canonical`](lastword_transport::canonical) addresses have no other use of those.
    ip: [u8; 16],
    port: [u8; 2],
    source: RemoteSource,
}

impl Packed {
    fn of(Remote { addr, source }: Remote) -> Self {
        let mut ip = match addr {
            SocketAddr::V4(addr) => addr.ip().to_ipv6_mapped(),
            SocketAddr::V6(addr) => *addr.ip(),
        }
        .octets();
        if let (SocketAddr::V6(addr), Some(scope)) = (addr, scope_mut(&mut ip)) {
            *scope = addr.scope_id().to_be_bytes();
        }
        Self {
            ip,
            port: addr.port().to_be_bytes(),
            source,
        }
    }

    fn remote(self) -> Remote {
        let mut ip = self.ip;
        let scope = scope_mut(&mut ip).map(std::mem::take);
        let scope = scope.map_or(0, u32::from_be_bytes);
        let ip = Ipv6Addr::from(ip);
        let port = u16::from_be_bytes(self.port);
        let addr = match ip.to_ipv4_mapped() {
            Some(ip) => SocketAddrV4::new(ip, port).into(),
            None => SocketAddrV6::new(ip, port, 0, scope).into(),
        };
        Remote {
            addr,
            source: self.source,
        }
    }
}

/// Where the interface of a link-local address is kept: these bytes of it are zero (RFC 4291, section 2.5.6). Only such an
/// address has a meaning on one interface alone.
fn scope_mut(ip: &mut [u8; 16]) -> Option<&mut [u8; 4]> {
    let is_local = Ipv6Addr::from(*ip).is_unicast_link_local();
    ip.get_mut(4..8)?.first_chunk_mut().filter(|_| is_local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_was_set() {
        let address = Address::new(Remote {
            addr: ([127, 0, 0, 1], 1).into(),
            source: RemoteSource::Socket,
        });
        let local = SocketAddrV6::new("fe80::1:2:3:4".parse().unwrap(), 7, 0, 0x0102_0304);
        for (addr, source) in [
            ("192.0.2.1:65535".parse().unwrap(), RemoteSource::Proxy),
            (
                "[2001:db8:1:2:3:4:5:6]:7000".parse().unwrap(),
                RemoteSource::ProxyHeader,
            ),
            ("[::]:0".parse().unwrap(), RemoteSource::Socket),
            (local.into(), RemoteSource::Socket),
        ] {
            address.set(Remote { addr, source });
            let read = address.read();
            assert_eq!((read.addr, read.source), (addr, source));
        }
    }
}
