//! Frames as an encoder writes them, and values made of fuzzed bytes.

use libfuzzer_sys::arbitrary::{Result, Unstructured};

use lastword_session::wire::{HEADER_LEN, Header, Kind};

/// The payload of the one frame that `encode` appends to other bytes. Checks the header.
pub(crate) fn payload_of(kind: Kind, encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut frame = b"before".to_vec();
    encode(&mut frame);
    let frame = frame.strip_prefix(b"before").unwrap_or_default();
    let (header, payload) = frame.split_first_chunk::<HEADER_LEN>().unzip();
    let header = Header::decode(header.copied().unwrap_or_default());
    let payload = payload.unwrap_or_default();
    assert_eq!(Kind::from_byte(header.kind), Some(kind));
    assert_eq!(usize::try_from(header.len), Ok(payload.len()));
    payload.to_vec()
}

/// Splits behind a length of two bytes and what it counts.
pub(crate) fn split_len_u16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// Some of the bytes that are left, behind a length of one byte.
pub(crate) fn some_bytes<'a>(input: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    let len: u8 = input.arbitrary()?;
    input.bytes(usize::from(len).min(input.len()))
}

/// A text of some of the bytes that are left.
pub(crate) fn some_text<'a>(input: &mut Unstructured<'a>) -> Result<&'a str> {
    let bytes = some_bytes(input)?;
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    })
}
