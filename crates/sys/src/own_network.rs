//! Whether this host's own network can carry a connection: its local address, its route, and the carrier behind that.

use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};

use lastword_keepalive::OwnFault;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::{Borrowed, Ends, borrow, canonical};

/// `namespace` is the network namespace of the connection.
pub(crate) fn ends(fd: Borrowed<'_>, namespace: u64) -> Option<Ends> {
    let socket = SockRef::from(&fd);
    let [local, peer] =
        [socket.local_addr(), socket.peer_addr()].map(|addr| addr.ok()?.as_socket());
    let [mut local, peer] = [local?, peer?].map(canonical);
    // A mark or a device may choose another route than the address, and a transparent socket has a foreign address.
    let is_plain = socket.mark().ok()? == 0
        && socket.device().ok()?.is_none()
        && !socket.ip_transparent_v4().ok()?;
    local.set_port(0);
    (is_plain && !local.ip().is_loopback()).then_some(Ends {
        local,
        peer,
        namespace,
    })
}

/// `namespace` tells the network namespace of a socket.
pub(crate) fn own_fault(
    ends: &Ends,
    namespace: impl FnOnce(Borrowed<'_>) -> Option<u64>,
) -> Option<OwnFault> {
    let family = Domain::for_address(ends.local);
    let socket = Socket::new(family, Type::DGRAM, Some(Protocol::UDP)).ok()?;
    // A listener may come from another process, and then its connections may lie in a network that this one cannot see.
    if namespace(borrow(&socket)) != Some(ends.namespace) {
        return None;
    }
    if let Err(error) = socket.bind(&ends.local.into()) {
        let is_gone = error.raw_os_error() == Some(libc::EADDRNOTAVAIL);
        return is_gone.then_some(OwnFault::AddressGone);
    }
    // This call looks up the route, and sends nothing.
    match socket.connect(&ends.peer.into()) {
        Ok(()) => lacks_carrier(ends)?.then_some(OwnFault::NoCarrier),
        Err(error) => {
            let code = error.raw_os_error()?;
            NO_ROUTE.contains(&code).then_some(OwnFault::NoRoute)
        }
    }
}

/// Whether the interface of the route to the peer has no carrier; `None` where the kernel does not say, as for a route
/// over several interfaces.
fn lacks_carrier(ends: &Ends) -> Option<bool> {
    let netlink = Protocol::from(libc::NETLINK_ROUTE);
    let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(netlink)).ok()?;
    // The kernel has answered when `send` returns.
    socket.set_nonblocking(true).ok()?;
    socket.send(&route_request(ends)).ok()?;
    let mut answer = [0; ANSWER_BYTES_MAX];
    let len = (&socket).read(&mut answer).ok()?;
    let flags = route_flags(answer.get(..len)?)?;
    Some(flags & RTNH_F_LINKDOWN != 0)
}

/// `RTM_GETROUTE` of `rtnetlink(7)`: the route from the local address to the peer, as it stands in the table.
fn route_request(ends: &Ends) -> Vec<u8> {
    let (family, scope) = match ends.local {
        SocketAddr::V4(_) => (libc::AF_INET, 0),
        SocketAddr::V6(local) => (libc::AF_INET6, local.scope_id()),
    };
    let [from, to] = [ends.local, ends.peer].map(|addr| octets(addr.ip()));
    let bits = |octets: &[u8]| u8::try_from(octets.len() * 8).unwrap_or(u8::MAX);
    // `struct rtmsg`: family, lengths of both addresses, then five fields that are 0 in a question, and the flags.
    let family = u8::try_from(family).unwrap_or_default();
    let mut body = vec![family, bits(&to), bits(&from), 0, 0, 0, 0, 0];
    body.extend(RTM_F_FIB_MATCH.to_ne_bytes());
    for (kind, value) in [
        (libc::RTA_DST, to),
        (libc::RTA_SRC, from),
        (libc::RTA_OIF, scope.to_ne_bytes().to_vec()),
    ] {
        let len = u16::try_from(4 + value.len()).unwrap_or_default();
        body.extend(len.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(value);
    }
    let len = u32::try_from(HEADER_LEN + body.len()).unwrap_or_default();
    let flags = u16::try_from(libc::NLM_F_REQUEST).unwrap_or_default();
    // `struct nlmsghdr`; the last two fields, sequence and port, stay 0.
    let mut request = len.to_ne_bytes().to_vec();
    request.extend(libc::RTM_GETROUTE.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    request.extend([0; 8]);
    request.extend(body);
    request
}

/// Returns `rtm_flags` of a route that the kernel found.
fn route_flags(answer: &[u8]) -> Option<u32> {
    let kind = answer.get(4..6)?.try_into().ok()?;
    let flags = answer
        .get(HEADER_LEN + 8..HEADER_LEN + 12)?
        .try_into()
        .ok()?;
    (u16::from_ne_bytes(kind) == libc::RTM_NEWROUTE).then(|| u32::from_ne_bytes(flags))
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// The answers of Linux for a route that is missing, down, `unreachable` or a `blackhole`. The error of a `prohibit`
/// route (`EACCES`) is not among them, since a security module that forbids the question returns it, too.
const NO_ROUTE: [i32; 4] = [
    libc::ENETUNREACH,
    libc::EHOSTUNREACH,
    libc::EINVAL,
    libc::ENETDOWN,
];
/// `RTM_F_FIB_MATCH` of `linux/rtnetlink.h` (Linux 4.13): answer with the entry of the table. Older kernels ignore the
/// flag, and do not show the carrier.
const RTM_F_FIB_MATCH: u32 = 0x2000;
/// `RTNH_F_LINKDOWN` of `linux/rtnetlink.h`.
const RTNH_F_LINKDOWN: u32 = 16;
/// `sizeof(struct nlmsghdr)`.
const HEADER_LEN: usize = 16;
const ANSWER_BYTES_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// The namespace of these tests.
    const HERE: u64 = 1;

    fn fault(ends: &Ends) -> Option<OwnFault> {
        own_fault(ends, |_| Some(HERE))
    }

    fn at(ip: &str) -> Ends {
        Ends {
            local: SocketAddr::new(ip.parse().unwrap(), 0),
            peer: SocketAddr::new(ip.parse().unwrap(), 9),
            namespace: HERE,
        }
    }

    #[test]
    fn a_connection_within_this_host_has_no_network_to_ask_about() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(ends(borrow(&stream), HERE), None);
    }

    #[test]
    fn an_address_that_this_host_has_carries_and_another_does_not() {
        assert_eq!(fault(&at("127.0.0.1")), None);
        assert_eq!(lacks_carrier(&at("127.0.0.1")), Some(false));
        // Reserved for documentation (RFC 5737): no host has it.
        let gone = at("192.0.2.1");
        assert_eq!(fault(&gone), Some(OwnFault::AddressGone));
    }

    #[test]
    fn a_connection_in_another_network_namespace_has_no_answer() {
        let gone = at("192.0.2.1");
        for there in [None, Some(HERE + 1)] {
            assert_eq!(own_fault(&gone, |_| there), None);
        }
    }

    #[test]
    fn an_error_is_no_route() {
        let mut answer = [0; HEADER_LEN + 12];
        assert_eq!(route_flags(&answer), None);
        answer[4..6].copy_from_slice(&libc::RTM_NEWROUTE.to_ne_bytes());
        answer[24..28].copy_from_slice(&RTNH_F_LINKDOWN.to_ne_bytes());
        assert_eq!(route_flags(&answer), Some(RTNH_F_LINKDOWN));
        assert_eq!(route_flags(&answer[..27]), None);
    }
}
