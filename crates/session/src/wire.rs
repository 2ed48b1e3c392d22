//! The wire, version 1: the byte layout of each frame, and which bytes are not a frame.
//!
//! Decoders borrow from the payload that they are given, and check only its layout. The stream parser and the session
//! cut a stream into frames, apply the limits of a phase, and check which end may send what. `docs/wire.md` is the
//! normative text.

mod extensions;
mod fields;
mod goodbye;
mod heartbeat;
mod hello;
mod previous;
mod server_saw;
mod welcome;

pub(crate) use fields::cut_reason;

pub use extensions::{ExtensionIter, Extensions, ExtensionsBuf, ExtensionsFull};
pub use goodbye::{Goodbye, Notice};
pub use heartbeat::{Ack, Ping, Pong};
pub use hello::Hello;
pub use previous::Previous;
pub use server_saw::ServerSaw;
pub use welcome::Welcome;

/// The version of the wire that this crate speaks.
pub const VERSION: u8 = 1;
/// The bytes before each payload: its length in 24 bits, then its kind.
pub const HEADER_LEN: usize = 4;
/// The first bytes of a hello's payload.
pub const MAGIC: [u8; 2] = *b"LW";
/// The smallest frame limit, in bytes of a data frame's payload: every peer accepts this much.
pub const FRAME_LIMIT_MIN: u32 = 1024;
/// The largest frame limit, in bytes, which is also the longest payload that a header can announce.
pub const FRAME_LIMIT_MAX: u32 = 16_777_215;
/// The longest payload, in bytes, of a control frame or of a kind with the top bit set.
pub const CONTROL_LIMIT: u32 = 4096;
/// The longest payload of a welcome, in bytes.
pub const WELCOME_LIMIT: u32 = 65_536;
/// The longest reason of a goodbye or notice, in bytes of UTF-8.
pub const REASON_LIMIT: usize = 512;
/// The longest address of a goodbye or notice, in bytes of UTF-8.
pub const ADDRESS_LIMIT: usize = 255;
/// The first code that belongs to games; those below are the layer's.
pub const GAME_CODE_MIN: u16 = 4096;

/// The kind of a frame, from the last byte of its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The game's own bytes, counted by both ends.
    Data,
    /// The client's first frame.
    Hello,
    /// The server's answer to an accepted hello.
    Welcome,
    /// A request for a sign of life.
    Ping,
    /// The answer to a ping.
    Pong,
    /// A count of the data frames received.
    Ack,
    /// The last frame that an end sends.
    Goodbye,
    /// A warning that something is about to happen.
    Notice,
    /// A kind with its top bit set, ignored by an end that does not know it; holds the whole byte.
    Extension(u8),
}

impl Kind {
    const EXTENSION_BIT: u8 = 0x80;

    /// Reads a header's kind; `None` for the kinds that are a protocol violation in this version.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Data,
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Ping,
            4 => Self::Pong,
            5 => Self::Ack,
            6 => Self::Goodbye,
            7 => Self::Notice,
            Self::EXTENSION_BIT.. => Self::Extension(byte),
            _ => return None,
        })
    }

    /// Returns the byte in a header; an extension's top bit is always set.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Data => 0,
            Self::Hello => 1,
            Self::Welcome => 2,
            Self::Ping => 3,
            Self::Pong => 4,
            Self::Ack => 5,
            Self::Goodbye => 6,
            Self::Notice => 7,
            Self::Extension(byte) => byte | Self::EXTENSION_BIT,
        }
    }
}

/// The four bytes before each payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The bytes of payload that follow, at most [`FRAME_LIMIT_MAX`].
    pub len: u32,
    /// The kind's byte on the wire; [`Kind::from_byte`] reads it.
    pub kind: u8,
}

impl Header {
    /// Reads a header; any four bytes are a header.
    #[must_use]
    pub const fn decode(bytes: [u8; HEADER_LEN]) -> Self {
        let [high, middle, low, kind] = bytes;
        Self {
            len: u32::from_be_bytes([0, high, middle, low]),
            kind,
        }
    }

    /// Writes a header; a `len` that 24 bits cannot hold is written as [`FRAME_LIMIT_MAX`].
    #[must_use]
    pub const fn encode(self) -> [u8; HEADER_LEN] {
        let len = if self.len > FRAME_LIMIT_MAX {
            FRAME_LIMIT_MAX
        } else {
            self.len
        };
        let [_, high, middle, low] = len.to_be_bytes();
        [high, middle, low, self.kind]
    }
}

/// The layout rule that a payload broke; each rule ends the connection as `frame_malformed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The payload ended inside a field.
    #[error("the payload ends inside `{field}`")]
    Truncated {
        /// The field, as `docs/wire.md` names it.
        field: &'static str,
    },
    /// Bytes follow the last field of a layout with a fixed end.
    #[error("{extra} bytes follow the last field")]
    TrailingBytes {
        /// The number of those bytes.
        extra: usize,
    },
    /// A hello does not begin with [`MAGIC`].
    #[error("the magic is not `LW`")]
    Magic,
    /// A hello sets both `resume` and `no_resume`.
    #[error("`resume` and `no resume` are both set")]
    BothResumeBits,
    /// A hello's lowest version is above its highest.
    #[error("version_min {min} is above version_max {max}")]
    VersionsReversed {
        /// The lowest version offered.
        min: u8,
        /// The highest version offered.
        max: u8,
    },
    /// The extensions do not fit into the payload, or one of them does not fit into the extensions.
    #[error("an extension is longer than the space for it")]
    ExtensionOverruns,
    /// A reason is longer than [`REASON_LIMIT`].
    #[error("the reason has {len} bytes, over {REASON_LIMIT}")]
    ReasonTooLong {
        /// Its length in bytes.
        len: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_kind_that_writes_the_same_byte_or_none() {
        for byte in 0..=u8::MAX {
            match Kind::from_byte(byte) {
                Some(kind) => assert_eq!(kind.to_byte(), byte),
                None => assert!((8..0x80).contains(&byte), "{byte} has no kind"),
            }
        }
    }

    #[test]
    fn an_extension_never_writes_the_byte_of_another_kind() {
        assert_eq!(Kind::Extension(1).to_byte(), 0x81);
    }

    #[test]
    fn a_header_is_a_big_endian_length_and_a_kind() {
        let header = Header {
            len: 0x01_02_03,
            kind: 4,
        };
        assert_eq!(header.encode(), [1, 2, 3, 4]);
        assert_eq!(Header::decode([1, 2, 3, 4]), header);
    }

    #[test]
    fn a_length_over_24_bits_is_written_as_the_largest_and_not_cut() {
        let header = Header {
            len: FRAME_LIMIT_MAX + 2,
            kind: 0,
        };
        assert_eq!(header.encode(), [0xff, 0xff, 0xff, 0]);
    }
}
