//! Welcome, the server's answer to an accepted hello: the session, its limits and its clocks.

use std::fmt;

use super::fields::{FrameWriter, Hidden, Reader, flag};
use super::{Extensions, Kind, Malformed};

const RESUMED: u8 = 0b01;

/// The server's answer to an accepted hello.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Welcome<'a> {
    /// The highest version that both ends speak.
    pub version: u8,
    /// Whether the session named in hello continues.
    pub resumed: bool,
    /// The session's id.
    pub session: [u8; 16],
    /// The connection's number in the session: 1 at first, then one more at each resume.
    pub connection: u32,
    /// The number of data frames that the server received in the session.
    pub received: u64,
    /// The heartbeat interval in milliseconds; 0 for none.
    pub heartbeat_ms: u32,
    /// The dead limit in milliseconds; 0 for never.
    pub dead_ms: u32,
    /// The resume window in milliseconds; 0 where resume is off.
    pub resume_window_ms: u32,
    /// The longest payload of a data frame that the server accepts, in bytes. It is read and written within
    /// [`FRAME_LIMIT_MIN`](super::FRAME_LIMIT_MIN) and [`FRAME_LIMIT_MAX`](super::FRAME_LIMIT_MAX).
    pub frame_limit: u32,
    /// The credential of the next resume, at most 65,535 bytes; empty where resume is off.
    pub token: &'a [u8],
    /// The extensions, all of them unknown to this version.
    pub extensions: Extensions<'a>,
}

impl<'a> Welcome<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// The first layout rule that it breaks, in the order of its bytes.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let welcome = Self {
            version: reader.u8("version")?,
            resumed: reader.u8("flags")? & RESUMED != 0,
            session: reader.array("session id")?,
            connection: reader.u32("connection")?,
            received: reader.u64("received")?,
            heartbeat_ms: reader.u32("heartbeat interval")?,
            dead_ms: reader.u32("dead limit")?,
            resume_window_ms: reader.u32("resume window")?,
            frame_limit: reader.frame_limit()?,
            token: reader.bytes_u16("token")?,
            extensions: Extensions::read(&mut reader)?,
        };
        reader.finish().map(|()| welcome)
    }

    /// Appends the whole frame, header included; a token over 65,535 bytes is cut.
    ///
    /// Token and extensions together must keep the payload within [`WELCOME_LIMIT`](super::WELCOME_LIMIT); otherwise
    /// the client refuses it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut frame = FrameWriter::begin(Kind::Welcome, out);
        frame.u8(self.version);
        frame.u8(flag(self.resumed, RESUMED));
        frame.bytes(&self.session);
        frame.u32(self.connection);
        frame.u64(self.received);
        frame.u32(self.heartbeat_ms);
        frame.u32(self.dead_ms);
        frame.u32(self.resume_window_ms);
        frame.frame_limit(self.frame_limit);
        frame.bytes_u16(self.token);
        frame.bytes_u16(self.extensions.as_bytes());
        frame.finish();
    }
}

impl fmt::Debug for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Welcome")
            .field("version", &self.version)
            .field("resumed", &self.resumed)
            .field("session", &self.session)
            .field("connection", &self.connection)
            .field("received", &self.received)
            .field("heartbeat_ms", &self.heartbeat_ms)
            .field("dead_ms", &self.dead_ms)
            .field("resume_window_ms", &self.resume_window_ms)
            .field("frame_limit", &self.frame_limit)
            .field("token", &Hidden(self.token))
            .field("extensions", &self.extensions)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::HEADER_LEN;
    use super::*;

    fn welcome() -> Welcome<'static> {
        Welcome {
            version: 1,
            resumed: false,
            session: [7; 16],
            connection: 1,
            received: 0,
            heartbeat_ms: 5000,
            dead_ms: 15_000,
            resume_window_ms: 60_000,
            frame_limit: 65_536,
            token: b"the token",
            extensions: Extensions::EMPTY,
        }
    }

    #[test]
    fn a_welcome_never_shows_its_token() {
        let shown = format!("{:?}", welcome());
        assert!(shown.contains("token: <9 bytes>"), "{shown}");
    }

    #[test]
    fn bytes_after_the_extensions_are_malformed() {
        let mut out = Vec::new();
        welcome().encode(&mut out);
        out.push(0);
        let decoded = Welcome::decode(&out[HEADER_LEN..]);
        assert_eq!(decoded, Err(Malformed::TrailingBytes { extra: 1 }));
    }
}
