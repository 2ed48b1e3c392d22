//! Frames built by hand, so that the tests do not depend on the encoder under test.

/// The kinds of frames, as they are on the wire.
pub mod kind {
    /// A frame of the game.
    pub const DATA: u8 = 0;
    /// The client's first frame.
    pub const HELLO: u8 = 1;
    /// The server's first frame.
    pub const WELCOME: u8 = 2;
    /// A ping.
    pub const PING: u8 = 3;
    /// The answer to a ping.
    pub const PONG: u8 = 4;
    /// An ack: a count of the frames received.
    pub const ACK: u8 = 5;
    /// The last frame.
    pub const GOODBYE: u8 = 6;
    /// A notice: something is about to happen.
    pub const NOTICE: u8 = 7;
}

/// One frame: length, kind, payload.
#[must_use]
pub fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a payload of a test is short");
    let mut frame = (len << 8 | u32::from(kind)).to_be_bytes().to_vec();
    frame.extend_from_slice(payload);
    frame
}

/// A data frame.
#[must_use]
pub fn data(payload: &[u8]) -> Vec<u8> {
    frame(kind::DATA, payload)
}

/// A hello of version 1 without resume.
#[must_use]
pub fn hello(credentials: &[u8]) -> Vec<u8> {
    let mut payload = b"LW\x01\x01\x02".to_vec();
    payload.extend_from_slice(&65_536_u32.to_be_bytes());
    payload.extend_from_slice(&[0; 16 + 8 + 2 + 2]);
    payload.extend_from_slice(credentials);
    frame(kind::HELLO, &payload)
}

/// A client's ordinary goodbye.
#[must_use]
pub fn goodbye() -> Vec<u8> {
    frame(kind::GOODBYE, &[1, 0, 0, 0, 0, 0, 0, 0, 0])
}
