//! A PROXY header is read the same in any pieces, and without an allocation. Its length and its word follow from its bytes
//! alone, as HAProxy's specification has them; they are read once more here, by slices.

use std::net::{IpAddr, SocketAddr};

use lastword_session::{Proxied, ProxyFault, ProxyHeader};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const LINE_BYTES_MAX: usize = 107;
/// Of a longer input only some cuts are tried.
const ALL_CUTS_MAX: usize = 128;

/// Checks bytes as the first ones of a connection.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    let mut whole = Ok(None);
    let counted = allocation_counter::measure(|| whole = ProxyHeader::default().read(data));
    assert_eq!(counted.count_total, 0, "a header allocates nothing");
    for cut in cuts(data) {
        assert_eq!(in_two(data, cut), whole, "cut at {cut}");
    }
    match whole {
        Ok(Some((proxied, len))) => check_whole(data.get(..len).unwrap_or_default(), proxied),
        Ok(None) => assert!(may_go_on(data), "it waits for more of what cannot be one"),
        Err(ProxyFault::Missing) => assert!(!begins_well(data)),
        Err(_) => assert!(begins_well(data)),
    }
}

fn cuts(data: &[u8]) -> impl Iterator<Item = usize> {
    let step = data.len() / ALL_CUTS_MAX + 1;
    (0..=data.len()).step_by(step)
}

fn in_two(data: &[u8], cut: usize) -> Result<Option<(Proxied, usize)>, ProxyFault> {
    let (first, rest) = data.split_at(cut);
    let mut header = ProxyHeader::default();
    match header.read(first)? {
        Some(done) => Ok(Some(done)),
        None => Ok(header.read(rest)?.map(|(proxied, n)| (proxied, cut + n))),
    }
}

/// Whether the bytes are the beginning of a greeting or of a signature, or begin with one.
fn begins_well(data: &[u8]) -> bool {
    let fits = |whole: &[u8]| whole.iter().zip(data).all(|(one, other)| one == other);
    fits(b"PROXY ") || fits(SIGNATURE)
}

fn may_go_on(data: &[u8]) -> bool {
    let is_line = data.first().is_some_and(|first| *first == b'P');
    let len = announced(data).unwrap_or(usize::MAX);
    begins_well(data)
        && if is_line {
            data.len() < LINE_BYTES_MAX
        } else {
            data.len() < len
        }
}

/// The length of a header of version 2, once it is known.
fn announced(data: &[u8]) -> Option<usize> {
    let len = data.get(14..16)?.first_chunk()?;
    Some(16 + usize::from(u16::from_be_bytes(*len)))
}

fn check_whole(header: &[u8], proxied: Proxied) {
    if header.starts_with(b"PROXY ") {
        return check_line(header, proxied);
    }
    assert!(header.starts_with(SIGNATURE));
    assert_eq!(announced(header), Some(header.len()));
    let [command, family, ..] = header.get(12..).unwrap_or_default() else {
        panic!("a header without a command");
    };
    let ip = |from: usize, len: usize| header.get(from..from + len);
    let named = match (command, family) {
        (0x20, _) => return assert_eq!(proxied, Proxied::Probe),
        (0x21, 0x11 | 0x12) => ip(16, 4).and_then(v4).zip(port(header, 24)),
        (0x21, 0x21 | 0x22) => ip(16, 16).and_then(v6).zip(port(header, 48)),
        (0x21, 0x00 | 0x31 | 0x32) => None,
        other => panic!("accepted: {other:?}"),
    };
    let named = named.map(|(ip, port)| SocketAddr::new(ip, port));
    assert_eq!(proxied, named.map_or(Proxied::Unnamed, Proxied::Peer));
}

fn v4(bytes: &[u8]) -> Option<IpAddr> {
    bytes.first_chunk::<4>().map(|bytes| (*bytes).into())
}

fn v6(bytes: &[u8]) -> Option<IpAddr> {
    bytes.first_chunk::<16>().map(|bytes| (*bytes).into())
}

fn port(header: &[u8], at: usize) -> Option<u16> {
    let bytes = header.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bytes))
}

/// A line is short, and a peer in it is written as it is read.
fn check_line(line: &[u8], proxied: Proxied) {
    assert!(line.len() <= LINE_BYTES_MAX && line.ends_with(b"\r\n"));
    match proxied {
        Proxied::Peer(peer) => {
            let family = if peer.is_ipv4() { "TCP4" } else { "TCP6" };
            let (ip, port) = (peer.ip(), peer.port());
            let again = format!("PROXY {family} {ip} {ip} {port} {port}\r\n");
            let read = ProxyHeader::default().read(again.as_bytes());
            assert_eq!(read, Ok(Some((proxied, again.len()))));
        }
        Proxied::Unnamed => assert!(line.starts_with(b"PROXY UNKNOWN")),
        Proxied::Probe => panic!("a line says nothing of health checks"),
    }
}
