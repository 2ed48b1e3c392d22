//! The two framings, written by hand for the client's side. The client shares no code with `lastword`, which it
//! measures.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};

/// How frames are delimited on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Framing {
    /// A payload length of 4 bytes, big-endian.
    U32,
    /// `length: u24`, `kind: u8`: the wire of `lastword`, version 1.
    Lastword,
}

/// One frame as it lies in a read buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The kind; always [`kind::DATA`] where the framing has none.
    pub kind: u8,
    /// The content.
    pub payload: &'a [u8],
}

/// The frame kinds of `lastword`'s wire, version 1.
pub mod kind {
    /// A frame of the game.
    pub const DATA: u8 = 0;
    /// The first frame of a client.
    pub const HELLO: u8 = 1;
    /// The first frame of a server.
    pub const WELCOME: u8 = 2;
    /// A heartbeat.
    pub const PING: u8 = 3;
    /// Its answer.
    pub const PONG: u8 = 4;
    /// A count of the frames received.
    pub const ACK: u8 = 5;
    /// The last frame.
    pub const GOODBYE: u8 = 6;
    /// A notice: something is about to happen.
    pub const NOTICE: u8 = 7;
}

/// The length of a header in bytes, the same in both framings.
pub const HEADER_BYTES: usize = 4;

impl Framing {
    /// Appends a header for a data frame of `len` payload bytes.
    ///
    /// # Errors
    /// When the length does not fit the framing.
    pub fn put_header(self, len: usize, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::U32 => out.extend_from_slice(&u32::try_from(len)?.to_be_bytes()),
            Self::Lastword => put_header(kind::DATA, len, out)?,
        }
        Ok(())
    }

    /// Splits the first complete frame off `bytes`.
    #[must_use]
    pub fn split(self, bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let (kind, len) = self.header(*header);
        let (payload, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        Some((Frame { kind, payload }, rest))
    }

    /// Returns how many bytes at the start of `bytes` are complete frames.
    #[must_use]
    pub fn complete_len(self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while let Some((_, after)) = self.split(rest) {
            rest = after;
        }
        bytes.len() - rest.len()
    }

    /// Reads a header: the kind and the payload's length.
    #[must_use]
    pub fn header(self, header: [u8; HEADER_BYTES]) -> (u8, u32) {
        let word = u32::from_be_bytes(header);
        match self {
            Self::U32 => (kind::DATA, word),
            Self::Lastword => {
                let [_, _, _, kind] = header;
                (kind, word >> 8)
            }
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::U32 => "u32",
            Self::Lastword => "lastword",
        })
    }
}

/// Whether a client asks for a session that can be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// The client declines in its hello.
    Off,
    /// The client does not decline. It then owes acks.
    On,
}

/// Appends a hello that gives `name` as credentials.
///
/// # Errors
/// When the name is longer than a frame may be.
pub fn put_hello(name: &str, resume: Resume, out: &mut Vec<u8>) -> Result<()> {
    const NO_RESUME_WANTED: u8 = 0b10;
    let flags = match resume {
        Resume::Off => NO_RESUME_WANTED,
        Resume::On => 0,
    };
    const FRAME_BYTES_MAX: u32 = 1 << 20;
    const FIXED_BYTES: usize = 37;
    put_header(kind::HELLO, FIXED_BYTES + name.len(), out)?;
    out.extend_from_slice(b"LW");
    out.extend_from_slice(&[1, 1, flags]);
    out.extend_from_slice(&FRAME_BYTES_MAX.to_be_bytes());
    out.extend_from_slice(&[0; 16]); // session id
    out.extend_from_slice(&[0; 8]); // received
    out.extend_from_slice(&[0; 2]); // no token
    out.extend_from_slice(&[0; 2]); // no extensions
    out.extend_from_slice(name.as_bytes());
    Ok(())
}

/// Appends a ping.
///
/// # Errors
/// Never in practice: the payload's length is fixed.
pub fn put_ping(clock_us: u64, received: u64, out: &mut Vec<u8>) -> Result<()> {
    put_header(kind::PING, 16, out)?;
    out.extend_from_slice(&clock_us.to_be_bytes());
    out.extend_from_slice(&received.to_be_bytes());
    Ok(())
}

/// Appends an ack of all frames that were received.
///
/// # Errors
/// Never in practice: the payload's length is fixed.
pub fn put_ack(received: u64, out: &mut Vec<u8>) -> Result<()> {
    put_header(kind::ACK, 8, out)?;
    out.extend_from_slice(&received.to_be_bytes());
    Ok(())
}

/// Appends the pong that answers `ping` at once.
///
/// # Errors
/// When the ping is shorter than its layout.
pub fn put_pong(ping: &[u8], clock_us: u64, received: u64, out: &mut Vec<u8>) -> Result<()> {
    let theirs = ping.first_chunk::<8>().context("a ping without a clock")?;
    put_header(kind::PONG, 28, out)?;
    out.extend_from_slice(theirs);
    out.extend_from_slice(&clock_us.to_be_bytes());
    out.extend_from_slice(&0_u32.to_be_bytes());
    out.extend_from_slice(&received.to_be_bytes());
    Ok(())
}

/// Reads the heartbeat interval from the server's first frame; 0 means no heartbeats.
///
/// # Errors
/// When the frame is not a welcome of version 1 that starts a new session, or when resume is not what the client asked
/// for.
pub fn heartbeat_interval_ms(first: Frame<'_>, resume: Resume) -> Result<u32> {
    match first.kind {
        kind::WELCOME => {}
        kind::GOODBYE => bail!("the server refused us: {}", goodbye(first.payload)),
        other => bail!("the server's first frame has kind {other}"),
    }
    let (version_and_flags, _) = first
        .payload
        .split_first_chunk()
        .context("a short welcome")?;
    ensure!(
        *version_and_flags == [1, 0],
        "a welcome of another version, or to a resumed session"
    );
    let interval_ms = u32_at(first.payload, 30)?;
    let resume_window_ms = u32_at(first.payload, 38)?;
    ensure!(
        (resume_window_ms > 0) == (resume == Resume::On),
        "a resume window of {resume_window_ms} ms, with resume {resume:?}"
    );
    Ok(interval_ms)
}

fn u32_at(payload: &[u8], offset: usize) -> Result<u32> {
    let field = payload.get(offset..).and_then(<[u8]>::first_chunk);
    Ok(u32::from_be_bytes(*field.context("a short welcome")?))
}

/// Describes a goodbye for an error message.
#[must_use]
pub fn goodbye(payload: &[u8]) -> String {
    let code = payload.get(1..3).and_then(<[u8]>::first_chunk);
    let address_len = payload.get(8).map_or(0, |len| usize::from(*len));
    let reason = payload.get(9 + address_len..).unwrap_or_default();
    format!(
        "goodbye, code {}, reason {:?}",
        code.map_or(0, |code| u16::from_be_bytes(*code)),
        String::from_utf8_lossy(reason),
    )
}

fn put_header(kind: u8, len: usize, out: &mut Vec<u8>) -> Result<()> {
    let [top, length @ ..] = u32::try_from(len)?.to_be_bytes();
    ensure!(top == 0, "a payload of {len} bytes does not fit a frame");
    out.extend_from_slice(&length);
    out.push(kind);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_frame_splits_off_again_in_both_framings() -> Result<()> {
        for framing in [Framing::U32, Framing::Lastword] {
            let mut bytes = Vec::new();
            framing.put_header(3, &mut bytes)?;
            bytes.extend_from_slice(b"abcrest");
            let (frame, rest) = framing.split(&bytes).context("a complete frame")?;
            assert_eq!(
                frame,
                Frame {
                    kind: kind::DATA,
                    payload: b"abc"
                }
            );
            assert_eq!(rest, b"rest");
            assert_eq!(framing.split(&bytes[..6]), None);
        }
        Ok(())
    }

    #[test]
    fn the_complete_prefix_stops_before_a_partial_frame() {
        let bytes = [0, 0, 0, 1, 7, 0, 0, 0, 2, 8];
        assert_eq!(Framing::U32.complete_len(&bytes), 5);
        assert_eq!(Framing::U32.complete_len(&bytes[5..]), 0);
        assert_eq!(Framing::U32.complete_len(&[]), 0);
    }

    #[test]
    fn a_hello_has_the_layout_of_version_1() -> Result<()> {
        let mut bytes = Vec::new();
        put_hello("bot", Resume::Off, &mut bytes)?;
        let (hello, rest) = Framing::Lastword
            .split(&bytes)
            .context("a complete frame")?;
        assert_eq!(
            (hello.kind, hello.payload.len(), rest),
            (kind::HELLO, 40, &[][..])
        );
        assert_eq!(hello.payload[..9], [b'L', b'W', 1, 1, 2, 0, 16, 0, 0]);
        assert_eq!(&hello.payload[37..], b"bot");
        bytes.clear();
        put_hello("bot", Resume::On, &mut bytes)?;
        assert_eq!(bytes[HEADER_BYTES + 4], 0);
        Ok(())
    }

    #[test]
    fn the_heartbeat_interval_is_found_behind_the_session_and_its_counts() -> Result<()> {
        let mut payload = vec![1, 0];
        payload.extend_from_slice(&[9; 16 + 4 + 8]);
        payload.extend_from_slice(&15_000_u32.to_be_bytes());
        payload.extend_from_slice(&[0; 4]);
        payload.extend_from_slice(&60_000_u32.to_be_bytes());
        let interval_ms = |kind, resume| {
            let payload = &payload;
            heartbeat_interval_ms(Frame { kind, payload }, resume)
        };
        assert_eq!(interval_ms(kind::WELCOME, Resume::On)?, 15_000);
        assert!(interval_ms(kind::WELCOME, Resume::Off).is_err());
        assert!(interval_ms(kind::DATA, Resume::On).is_err());
        Ok(())
    }

    #[test]
    fn a_payload_over_24_bits_of_length_is_refused() {
        assert!(
            Framing::Lastword
                .put_header(1 << 24, &mut Vec::new())
                .is_err()
        );
        assert!(Framing::U32.put_header(1 << 24, &mut Vec::new()).is_ok());
    }
}
