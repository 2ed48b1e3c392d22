//! Reads a header of the PROXY protocol, version 1 or 2, as its bytes arrive. It allocates nothing: of a header of any
//! length it keeps the part with the addresses.
//!
//! ```text
//!         "PROXY "                          CR LF
//!   read ──────────► line, at most 107 bytes ─────► Proxied
//!     │   signature             length            addresses             TLVs
//!     └────────────► 16 bytes ─────────► at most 216 ──────► at most 65,535 ─────► Proxied
//! ```
//! The specification is HAProxy's `doc/proxy-protocol.txt`.

#[cfg(test)]
mod tests;
mod tlvs;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tlvs::Tlvs;

/// The word of a PROXY header about the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxied {
    /// The proxy passes on the connection of a peer with this address.
    Peer(SocketAddr),
    /// The proxy passes on a connection and names no internet address: `UNKNOWN`, `UNSPEC` or `AF_UNIX`.
    Unnamed,
    /// The proxy connected of its own accord (`LOCAL`), as for a health check.
    Probe,
}

/// Why a connection has no valid PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    /// The connection comes from an address that is not a listed proxy's.
    #[error("the connection does not come from a listed proxy")]
    NotListed,
    /// The first bytes begin no PROXY header.
    #[error("the first bytes are not those of a PROXY header")]
    Missing,
    /// The header breaks a rule of the specification.
    #[error("the PROXY header is malformed")]
    Malformed,
    /// The header's CRC32C is not the one of its bytes.
    #[error("the checksum of the PROXY header is wrong")]
    WrongChecksum,
    /// The header was not complete by the deadline.
    #[error("the PROXY header was not complete in time")]
    Late,
}

impl ProxyFault {
    /// Returns the stable label that the record shows.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotListed => "not_listed",
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::WrongChecksum => "wrong_checksum",
            Self::Late => "late",
        }
    }
}

/// A header that is being read.
#[derive(Clone, Debug)]
pub struct ProxyHeader {
    /// The line of version 1, or the beginning of version 2 up to its internet addresses.
    kept: [u8; LINE_BYTES_MAX],
    read: usize,
    tlvs: Tlvs,
}

impl Default for ProxyHeader {
    fn default() -> Self {
        Self {
            kept: [0; LINE_BYTES_MAX],
            read: 0,
            tlvs: Tlvs::default(),
        }
    }
}

impl ProxyHeader {
    /// Reads on in `bytes`, the next ones of the connection. Returns the header's word once it is complete, and how many
    /// of these bytes belonged to it. The other bytes are the peer's.
    ///
    /// # Errors
    /// [`ProxyFault::Missing`], [`ProxyFault::Malformed`] or [`ProxyFault::WrongChecksum`], at the first byte that
    /// proves it.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Option<(Proxied, usize)>, ProxyFault> {
        for (before, byte) in bytes.iter().enumerate() {
            if let Some(proxied) = self.push(*byte)? {
                return Ok(Some((proxied, before + 1)));
            }
        }
        Ok(None)
    }

    fn push(&mut self, byte: u8) -> Result<Option<Proxied>, ProxyFault> {
        let at = self.read;
        if let Some(place) = self.kept.get_mut(at) {
            *place = byte;
        }
        self.read += 1;
        if self.kept.first() == SIGNATURE.first() {
            self.pushed_binary(at, byte)
        } else {
            self.pushed_text(at, byte)
        }
    }

    fn pushed_text(&self, at: usize, byte: u8) -> Result<Option<Proxied>, ProxyFault> {
        match GREETING.get(at) {
            Some(expected) if *expected != byte => Err(ProxyFault::Missing),
            None if byte == b'\n' => {
                let line = self.kept.get(GREETING.len()..self.read);
                let proxied = line.and_then(proxied_by_line);
                proxied.map(Some).ok_or(ProxyFault::Malformed)
            }
            _ if self.read == LINE_BYTES_MAX => Err(ProxyFault::Malformed),
            _ => Ok(None),
        }
    }

    fn pushed_binary(&mut self, at: usize, byte: u8) -> Result<Option<Proxied>, ProxyFault> {
        let block = self.block();
        match at {
            _ if SIGNATURE.get(at).is_some_and(|expected| *expected != byte) => {
                return Err(ProxyFault::Missing);
            }
            COMMAND if !matches!(byte, LOCAL | PROXY) => return Err(ProxyFault::Malformed),
            FAMILY if block == Block::Undefined => return Err(ProxyFault::Malformed),
            _ => {}
        }
        if at < FIXED_BYTES {
            self.tlvs.covers(byte);
            let is_fixed = self.read == FIXED_BYTES;
            if is_fixed && block.addresses_len() > self.block_len() {
                return Err(ProxyFault::Malformed);
            }
        } else if block.has_tlvs() && at >= FIXED_BYTES + block.addresses_len() {
            self.tlvs.push(byte)?;
        } else {
            self.tlvs.covers(byte);
        }
        if self.read < FIXED_BYTES || self.read < FIXED_BYTES + self.block_len() {
            return Ok(None);
        }
        self.tlvs.end()?;
        Ok(Some(self.proxied(block)))
    }

    fn block(&self) -> Block {
        match (self.kept.get(COMMAND), self.kept.get(FAMILY)) {
            (Some(&LOCAL), _) => Block::Local,
            (_, Some(0x00)) => Block::Unspecified,
            (_, Some(0x11 | 0x12)) => Block::Ipv4,
            (_, Some(0x21 | 0x22)) => Block::Ipv6,
            (_, Some(0x31 | 0x32)) => Block::Unix,
            _ => Block::Undefined,
        }
    }

    /// The announced length of the block.
    fn block_len(&self) -> usize {
        let len = self.kept.get(LENGTH..).and_then(<[u8]>::first_chunk);
        len.map_or(0, |len| usize::from(u16::from_be_bytes(*len)))
    }

    fn proxied(&self, block: Block) -> Proxied {
        let addresses = self.kept.get(FIXED_BYTES..).unwrap_or_default();
        let named = match block {
            Block::Local => return Proxied::Probe,
            Block::Ipv4 => source::<4>(addresses),
            Block::Ipv6 => source::<16>(addresses),
            Block::Unspecified | Block::Unix | Block::Undefined => None,
        };
        named.map_or(Proxied::Unnamed, Proxied::Peer)
    }
}

/// The kind of the block behind the fixed part of version 2.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// To be skipped, with a family of any kind.
    Local,
    /// To be skipped.
    Unspecified,
    Ipv4,
    Ipv6,
    Unix,
    Undefined,
}

impl Block {
    const fn addresses_len(self) -> usize {
        match self {
            Self::Local | Self::Unspecified | Self::Undefined => 0,
            Self::Ipv4 => 2 * (4 + 2),
            Self::Ipv6 => 2 * (16 + 2),
            Self::Unix => 2 * 108,
        }
    }

    const fn has_tlvs(self) -> bool {
        self.addresses_len() > 0
    }
}

/// Reads the line of version 1 behind its greeting.
fn proxied_by_line(line: &[u8]) -> Option<Proxied> {
    let line = line.strip_suffix(b"\r\n")?;
    if line == UNKNOWN || line.starts_with(b"UNKNOWN ") {
        return Some(Proxied::Unnamed);
    }
    let mut fields = std::str::from_utf8(line).ok()?.split(' ');
    let family = fields.next()?;
    let mut ip = || -> Option<IpAddr> {
        let field = fields.next()?;
        match family {
            "TCP4" => field.parse::<Ipv4Addr>().ok().map(IpAddr::from),
            "TCP6" => field.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            _ => None,
        }
    };
    let (source, _destination) = (ip()?, ip()?);
    let (port, _destination) = (port(fields.next()?)?, port(fields.next()?)?);
    let ends = fields.next().is_none();
    ends.then(|| Proxied::Peer(SocketAddr::new(source, port)))
}

/// A port in digits, without a sign and without a zero before them.
fn port(field: &str) -> Option<u16> {
    let is_plain = field.bytes().all(|byte| byte.is_ascii_digit())
        && (field == "0" || !field.starts_with('0'));
    field.parse().ok().filter(|_| is_plain)
}

/// The source in the addresses of version 2: both addresses, of `N` bytes each, and then both ports.
fn source<const N: usize>(addresses: &[u8]) -> Option<SocketAddr>
where
    IpAddr: From<[u8; N]>,
{
    let (ip, rest) = addresses.split_first_chunk::<N>()?;
    let port = rest.get(N..)?.first_chunk()?;
    Some(SocketAddr::new((*ip).into(), u16::from_be_bytes(*port)))
}

/// The longest line of version 1, with its end. The beginning of version 2 is shorter.
const LINE_BYTES_MAX: usize = 107;
const GREETING: &[u8] = b"PROXY ";
const UNKNOWN: &[u8] = b"UNKNOWN";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The places of the fields behind the signature of version 2.
const COMMAND: usize = 12;
const FAMILY: usize = 13;
const LENGTH: usize = 14;
const FIXED_BYTES: usize = 16;
/// Version 2 with each of its commands.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
