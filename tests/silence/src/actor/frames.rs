//! Cuts the data that a client read into frames of the native wire, for any number of bytes at a time.

use lastword_session::wire::{HEADER_LEN, Header, Kind};

/// Bytes that were read but not yet cut into frames.
#[derive(Debug, Default)]
pub(super) struct Frames(Vec<u8>);

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next complete frame.
    pub(super) fn next(&mut self) -> Option<(Option<Kind>, Vec<u8>)> {
        let header = Header::decode(*self.0.first_chunk::<HEADER_LEN>()?);
        let end = HEADER_LEN.checked_add(usize::try_from(header.len).ok()?)?;
        let payload = self.0.get(HEADER_LEN..end)?.to_vec();
        self.0.drain(..end);
        Some((Kind::from_byte(header.kind), payload))
    }
}

/// A data frame.
pub(super) fn data(payload: &[u8]) -> Vec<u8> {
    let header = Header {
        len: u32::try_from(payload.len()).unwrap_or(u32::MAX),
        kind: Kind::Data.to_byte(),
    };
    [header.encode().as_slice(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_out_with_its_last_byte_and_not_before() {
        let mut frames = Frames::default();
        let bytes = data(b"hello");
        let (last, others) = bytes.split_last().unwrap();
        for byte in others {
            frames.push(&[*byte]);
            assert_eq!(frames.next(), None);
        }
        frames.push(&[*last]);
        assert_eq!(frames.next(), Some((Some(Kind::Data), b"hello".to_vec())));
        assert_eq!(frames.next(), None);
    }
}
