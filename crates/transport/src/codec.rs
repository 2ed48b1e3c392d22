//! The native wire for tokio-util's `Framed`: for test tools, and for clients with their own session. It only cuts and
//! joins frames. It does not check which end may send what and when, or what a payload means.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use lastword_session::wire::{
    CONTROL_LIMIT, FRAME_LIMIT_MAX, HEADER_LEN, Header, Kind, WELCOME_LIMIT,
};
use tokio_util::codec::{Decoder, Encoder};

/// One frame of the wire, which owns its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireFrame {
    /// The kind of the frame.
    pub kind: Kind,
    /// The content; [`lastword_session::wire`] reads and writes the content of control frames.
    pub payload: Bytes,
}

/// The reason why a stream cannot be cut into further frames, or a frame cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A frame is longer than its kind allows; nothing was allocated for it.
    #[error("a {kind:?} frame of {len} bytes is over the limit of {limit}")]
    TooLarge {
        /// The kind of the frame.
        kind: Kind,
        /// The bytes of payload that it has or announces.
        len: usize,
        /// The most bytes of payload that it may have.
        limit: u32,
    },
    /// No frame of this version has this kind.
    #[error("{0} is no kind of frame")]
    UnknownKind(u8),
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame, of which {have} bytes had come")]
    EndedMidFrame {
        /// The bytes of the frame that had arrived, header included.
        have: usize,
    },
}

/// Cuts a stream into [`WireFrame`]s and writes them.
///
/// After an error the stream has no further frames: both directions must be closed.
#[derive(Clone, Copy, Debug)]
pub struct WireCodec {
    frame_bytes_max: u32,
}

impl WireFrame {
    /// Creates a frame of the game.
    #[must_use]
    pub fn data(payload: impl Into<Bytes>) -> Self {
        Self {
            kind: Kind::Data,
            payload: payload.into(),
        }
    }
}

impl WireCodec {
    /// Creates a codec for data frames of up to `frame_bytes_max` bytes of payload. Every other kind may be as long as
    /// the wire allows.
    #[must_use]
    pub const fn new(frame_bytes_max: u32) -> Self {
        Self { frame_bytes_max }
    }

    fn limit_of(self, kind: Kind) -> u32 {
        match kind {
            Kind::Data => self.frame_bytes_max,
            // Each receiver has its own limit for a hello; this is the highest that it may choose.
            Kind::Hello | Kind::Welcome => WELCOME_LIMIT,
            Kind::Ping
            | Kind::Pong
            | Kind::Ack
            | Kind::Goodbye
            | Kind::Notice
            | Kind::Extension(_) => CONTROL_LIMIT,
        }
    }

    fn check(self, kind: Kind, len: usize) -> Result<u32, WireError> {
        let limit = self.limit_of(kind);
        match u32::try_from(len) {
            Ok(fits) if fits <= limit.min(FRAME_LIMIT_MAX) => Ok(fits),
            _ => Err(WireError::TooLarge { kind, len, limit }),
        }
    }
}

impl Default for WireCodec {
    /// Creates a codec for data frames of up to 64 KiB.
    fn default() -> Self {
        Self::new(64 * 1024)
    }
}

impl Decoder for WireCodec {
    type Item = WireFrame;
    type Error = WireError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<WireFrame>, WireError> {
        let Some(header) = src.first_chunk::<HEADER_LEN>() else {
            return Ok(None);
        };
        let header = Header::decode(*header);
        let kind = Kind::from_byte(header.kind).ok_or(WireError::UnknownKind(header.kind))?;
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        self.check(kind, len)?;
        // Nothing is reserved for an announced length: the buffer grows with the received bytes.
        if src.len() - HEADER_LEN < len {
            return Ok(None);
        }
        src.advance(HEADER_LEN);
        let payload = src.split_to(len).freeze();
        Ok(Some(WireFrame { kind, payload }))
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<WireFrame>, WireError> {
        match self.decode(src)? {
            None if !src.is_empty() => Err(WireError::EndedMidFrame { have: src.len() }),
            frame => Ok(frame),
        }
    }
}

impl Encoder<WireFrame> for WireCodec {
    type Error = WireError;

    fn encode(&mut self, frame: WireFrame, dst: &mut BytesMut) -> Result<(), WireError> {
        let len = self.check(frame.kind, frame.payload.len())?;
        let kind = frame.kind.to_byte();
        dst.reserve(HEADER_LEN + frame.payload.len());
        dst.put_slice(&Header { len, kind }.encode());
        dst.put_slice(&frame.payload);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(frames: &[WireFrame]) -> BytesMut {
        let mut bytes = BytesMut::new();
        for frame in frames {
            WireCodec::default()
                .encode(frame.clone(), &mut bytes)
                .expect("it fits");
        }
        bytes
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_the_stream_is_split() {
        let frames = [
            WireFrame::data(&b""[..]),
            WireFrame::data(vec![7; 70]),
            WireFrame {
                kind: Kind::Extension(0x91),
                payload: Bytes::from_static(b"xyz"),
            },
        ];
        let bytes = written(&frames);
        for step in 1..=bytes.len() {
            let (mut src, mut seen) = (BytesMut::new(), Vec::new());
            for part in bytes.chunks(step) {
                src.extend_from_slice(part);
                while let Some(frame) = WireCodec::default().decode(&mut src).expect("sound") {
                    seen.push(frame);
                }
            }
            assert_eq!(seen, frames, "in steps of {step}");
            assert!(src.is_empty());
        }
    }

    #[test]
    fn a_frame_over_its_limit_is_refused_from_its_header_in_both_directions() {
        for (kind, limit) in [
            (Kind::Data, 2_000),
            (Kind::Goodbye, CONTROL_LIMIT),
            (Kind::Extension(0x80), CONTROL_LIMIT),
            (Kind::Welcome, WELCOME_LIMIT),
        ] {
            let mut codec = WireCodec::new(2_000);
            for (len, fits) in [(limit, true), (limit + 1, false)] {
                let kind_byte = kind.to_byte();
                let header = Header {
                    len,
                    kind: kind_byte,
                };
                let mut src = BytesMut::from(&header.encode()[..]);
                let capacity = src.capacity();
                assert_eq!(codec.decode(&mut src).is_ok(), fits, "{kind:?} {len}");
                assert_eq!(src.capacity(), capacity, "memory on the peer's word");
                let payload = Bytes::from(vec![0; usize::try_from(len).expect("small")]);
                let encoded = codec.encode(WireFrame { kind, payload }, &mut BytesMut::new());
                assert_eq!(encoded.is_ok(), fits, "{kind:?} {len}");
            }
        }
    }

    #[test]
    fn what_is_no_frame_says_why() {
        let mut unknown = BytesMut::from(&[0, 0, 0, 9][..]);
        let error = WireCodec::default().decode(&mut unknown);
        assert!(matches!(error, Err(WireError::UnknownKind(9))), "{error:?}");
        let mut cut = written(&[WireFrame::data(&b"hello"[..])]).split_to(6);
        let error = WireCodec::default().decode_eof(&mut cut);
        assert!(
            matches!(error, Err(WireError::EndedMidFrame { have: 6 })),
            "{error:?}"
        );
        let whole = WireCodec::default().decode_eof(&mut BytesMut::new());
        assert!(matches!(whole, Ok(None)), "{whole:?}");
    }
}
