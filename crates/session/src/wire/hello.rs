//! Hello, the client's first frame: its credentials, its versions, and whether to resume.

use std::fmt;

use super::fields::{FrameWriter, Hidden, Reader, flag};
use super::{Extensions, Kind, MAGIC, Malformed, VERSION};

const RESUME: u8 = 0b01;
const NO_RESUME: u8 = 0b10;

/// The client's first frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The lowest version the client speaks.
    pub version_min: u8,
    /// The highest version the client speaks.
    pub version_max: u8,
    /// The client wants to continue `session`; never together with `no_resume`.
    pub resume: bool,
    /// The client will not resume, so the server need not keep anything for it.
    pub no_resume: bool,
    /// The longest payload of a data frame that the client accepts, in bytes. It is read and written within
    /// [`FRAME_LIMIT_MIN`](super::FRAME_LIMIT_MIN) and [`FRAME_LIMIT_MAX`](super::FRAME_LIMIT_MAX).
    pub frame_limit: u32,
    /// The session to resume; zero and ignored without `resume`.
    pub session: [u8; 16],
    /// The number of data frames that the client received in that session; zero and ignored without `resume`.
    pub received: u64,
    /// The credential of a resume, at most 65,535 bytes; empty and ignored without `resume`.
    pub token: &'a [u8],
    /// The extensions, all of them unknown to this version.
    pub extensions: Extensions<'a>,
    /// The rest of the frame, for the authenticator.
    pub credentials: &'a [u8],
}

impl<'a> Hello<'a> {
    /// Creates a hello of this version without extensions that does not resume, now or later.
    #[must_use]
    pub const fn new(credentials: &'a [u8], frame_limit: u32) -> Self {
        Self {
            version_min: VERSION,
            version_max: VERSION,
            resume: false,
            no_resume: true,
            frame_limit,
            session: [0; 16],
            received: 0,
            token: &[],
            extensions: Extensions::EMPTY,
            credentials,
        }
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// The first layout rule that it breaks, in the order of its bytes.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        read_magic(&mut reader)?;
        let (version_min, version_max) = read_versions(&mut reader)?;
        let flags = read_flags(&mut reader)?;
        Ok(Self {
            version_min,
            version_max,
            resume: flags & RESUME != 0,
            no_resume: flags & NO_RESUME != 0,
            frame_limit: reader.frame_limit()?,
            session: reader.array("session id")?,
            received: reader.u64("received")?,
            token: reader.bytes_u16("token")?,
            extensions: Extensions::read(&mut reader)?,
            credentials: reader.rest(),
        })
    }

    /// Appends the whole frame, header included.
    ///
    /// A token over 65,535 bytes is cut, and so are credentials that are too long for a header. If both resume bits are
    /// set, which no server accepts, only `resume` is sent.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut frame = FrameWriter::begin(Kind::Hello, out);
        frame.bytes(&MAGIC);
        frame.u8(self.version_min);
        frame.u8(self.version_max);
        frame.u8(flag(self.resume, RESUME) | flag(self.no_resume && !self.resume, NO_RESUME));
        frame.frame_limit(self.frame_limit);
        frame.bytes(&self.session);
        frame.u64(self.received);
        frame.bytes_u16(self.token);
        frame.bytes_u16(self.extensions.as_bytes());
        frame.bytes(self.credentials);
        frame.finish();
    }
}

impl fmt::Debug for Hello<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hello")
            .field("version_min", &self.version_min)
            .field("version_max", &self.version_max)
            .field("resume", &self.resume)
            .field("no_resume", &self.no_resume)
            .field("frame_limit", &self.frame_limit)
            .field("session", &self.session)
            .field("received", &self.received)
            .field("token", &Hidden(self.token))
            .field("extensions", &self.extensions)
            .field("credentials", &Hidden(self.credentials))
            .finish()
    }
}

/// A wrong first byte is [`Malformed::Magic`], even if the second byte is missing.
fn read_magic(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    for expected in MAGIC {
        if reader.u8("magic")? != expected {
            return Err(Malformed::Magic);
        }
    }
    Ok(())
}

fn read_versions(reader: &mut Reader<'_>) -> Result<(u8, u8), Malformed> {
    let min = reader.u8("version_min")?;
    let max = reader.u8("version_max")?;
    if min > max {
        return Err(Malformed::VersionsReversed { min, max });
    }
    Ok((min, max))
}

fn read_flags(reader: &mut Reader<'_>) -> Result<u8, Malformed> {
    let flags = reader.u8("flags")?;
    if flags & RESUME != 0 && flags & NO_RESUME != 0 {
        return Err(Malformed::BothResumeBits);
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::super::{FRAME_LIMIT_MAX, FRAME_LIMIT_MIN, HEADER_LEN};
    use super::*;

    fn hello() -> Hello<'static> {
        Hello {
            version_min: 1,
            version_max: 1,
            resume: true,
            no_resume: false,
            frame_limit: FRAME_LIMIT_MIN,
            session: [7; 16],
            received: 3,
            token: b"the token",
            extensions: Extensions::EMPTY,
            credentials: b"the credentials",
        }
    }

    #[test]
    fn a_hello_never_shows_its_secrets() {
        let shown = format!("{:?}", hello());
        assert!(
            shown.contains("token: <9 bytes>") && shown.contains("credentials: <15 bytes>"),
            "{shown}"
        );
    }

    #[test]
    fn both_resume_bits_are_never_sent() {
        let mut out = Vec::new();
        Hello {
            no_resume: true,
            ..hello()
        }
        .encode(&mut out);
        assert_eq!(Hello::decode(&out[HEADER_LEN..]), Ok(hello()));
    }

    #[test]
    fn a_frame_limit_out_of_range_is_read_as_the_nearest_in_it() {
        for (sent, read) in [
            (0, FRAME_LIMIT_MIN),
            (u32::MAX, FRAME_LIMIT_MAX),
            (5000, 5000),
        ] {
            let mut out = Vec::new();
            hello().encode(&mut out);
            out[HEADER_LEN + 5..HEADER_LEN + 9].copy_from_slice(&sent.to_be_bytes());
            let decoded = Hello::decode(&out[HEADER_LEN..]).expect("it is well-formed");
            assert_eq!(decoded.frame_limit, read);
        }
    }

    #[test]
    fn each_byte_of_the_magic_is_looked_at_before_the_next_is_missed() {
        let cases = [
            (&b"X"[..], Malformed::Magic),
            (b"LX", Malformed::Magic),
            (b"XW", Malformed::Magic),
            (b"L", Malformed::Truncated { field: "magic" }),
            (
                b"LW",
                Malformed::Truncated {
                    field: "version_min",
                },
            ),
        ];
        for (payload, error) in cases {
            assert_eq!(Hello::decode(payload), Err(error), "{payload:?}");
        }
    }
}
