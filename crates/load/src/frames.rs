//! Cuts the bytes that a client read into frames of the native wire, however many bytes come at a time.

use lastword_session::wire::{HEADER_LEN, Header, Kind};

/// A frame that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its kind; `None` for a kind that this version does not know.
    pub kind: Option<Kind>,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// Bytes that were read but not yet cut into frames.
#[derive(Debug, Default)]
pub struct Frames(Vec<u8>);

impl Frames {
    /// Adds bytes that were read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Takes the next complete frame.
    pub fn take(&mut self) -> Option<Frame> {
        let Header { len, kind } = self.header()?;
        let end = HEADER_LEN.checked_add(usize::try_from(len).ok()?)?;
        let payload = self.0.get(HEADER_LEN..end)?.to_vec();
        self.0.drain(..end);
        let kind = Kind::from_byte(kind);
        Some(Frame { kind, payload })
    }

    /// Returns the buffer with room for more bytes, which are added at its end.
    pub(crate) fn space(&mut self) -> &mut Vec<u8> {
        self.0.reserve(READ_BYTES);
        &mut self.0
    }

    /// Returns the bytes from the start of the next frame.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.0
    }

    /// Tells whether the next frame is longer than a client's frame limit.
    pub(crate) fn is_too_long(&self) -> bool {
        self.header().is_some_and(|header| header.len > FRAME_LIMIT)
    }

    fn header(&self) -> Option<Header> {
        Some(Header::decode(*self.0.first_chunk::<HEADER_LEN>()?))
    }
}

/// Appends a frame of this kind.
pub fn frame(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    let header = Header {
        len: u32::try_from(payload.len()).unwrap_or(u32::MAX),
        kind: kind.to_byte(),
    };
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(payload);
}

/// The frame limit of a client, which is more than any echo of its own frames.
pub(crate) const FRAME_LIMIT: u32 = 1 << 20;
const READ_BYTES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_out_with_its_last_byte_and_not_before() {
        let mut bytes = Vec::new();
        frame(Kind::Data, b"hello", &mut bytes);
        let mut frames = Frames::default();
        let (last, others) = bytes.split_last().unwrap();
        for byte in others {
            frames.push(&[*byte]);
            assert_eq!(frames.take(), None);
        }
        frames.push(&[*last]);
        let hello = Frame {
            kind: Some(Kind::Data),
            payload: b"hello".to_vec(),
        };
        assert_eq!((frames.take(), frames.take()), (Some(hello), None));
    }

    #[test]
    fn a_frame_over_the_limit_is_known_by_its_header() {
        let mut frames = Frames::default();
        frames.push(&[0x10, 0, 0]);
        assert!(!frames.is_too_long());
        frames.push(&[0]);
        assert!(!frames.is_too_long(), "1 MiB is allowed");
        let mut frames = Frames::default();
        frames.push(&[0x10, 0, 1, 0]);
        assert!(frames.is_too_long());
    }
}
