//! A checked big-endian reader over a payload, and the writer of a whole frame. Neither can panic.

use std::borrow::Cow;
use std::fmt;

use super::{FRAME_LIMIT_MAX, FRAME_LIMIT_MIN, HEADER_LEN, Header, Kind, Malformed, REASON_LIMIT};

const PAYLOAD_LIMIT: usize = 0xff_ffff;

/// Takes fields off the front of a payload; each call names the field it wants.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], Malformed> {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(Malformed::Truncated { field })?;
        self.rest = rest;
        Ok(*head)
    }

    pub(super) fn bytes(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(Malformed::Truncated { field })?;
        self.rest = rest;
        Ok(head)
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, Malformed> {
        self.array(field).map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, Malformed> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, Malformed> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, Malformed> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// Reads a length u16 and that many bytes.
    pub(super) fn bytes_u16(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        let len = self.u16(field)?;
        self.bytes(usize::from(len), field)
    }

    /// Reads a frame limit, clamped to the range that every peer must keep.
    pub(super) fn frame_limit(&mut self) -> Result<u32, Malformed> {
        self.u32("frame limit").map(in_frame_limit_range)
    }

    /// Reads an address. It is empty if it is not UTF-8, because a repaired address would name another host.
    pub(super) fn address(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let len = self.u8("address")?;
        let bytes = self.bytes(usize::from(len), "address")?;
        Ok(Cow::Borrowed(
            std::str::from_utf8(bytes).unwrap_or_default(),
        ))
    }

    /// Reads the rest as a reason. Only bad UTF-8 allocates, at most three bytes for each bad byte.
    pub(super) fn reason(self) -> Result<Cow<'a, str>, Malformed> {
        let len = self.rest.len();
        if len > REASON_LIMIT {
            return Err(Malformed::ReasonTooLong { len });
        }
        Ok(String::from_utf8_lossy(self.rest))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Checks that the payload ends where the layout ends.
    pub(super) const fn finish(self) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(Malformed::TrailingBytes { extra }),
        }
    }
}

/// Appends one frame to a buffer; the header's length is written last.
pub(super) struct FrameWriter<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    kind: Kind,
}

impl<'o> FrameWriter<'o> {
    pub(super) fn begin(kind: Kind, out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        Self { out, start, kind }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// Writes a length u16 and the bytes; bytes beyond the greatest length are left out.
    pub(super) fn bytes_u16(&mut self, bytes: &[u8]) {
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.u16(len);
        self.bytes(bytes.get(..usize::from(len)).unwrap_or(bytes));
    }

    pub(super) fn frame_limit(&mut self, limit: u32) {
        self.u32(in_frame_limit_range(limit));
    }

    /// Writes an address. It is left out if it is too long for its length field, because a cut address would name
    /// another host.
    pub(super) fn address(&mut self, address: &str) {
        let (len, text) = u8::try_from(address.len()).map_or((0, ""), |len| (len, address));
        self.u8(len);
        self.bytes(text.as_bytes());
    }

    /// Writes a reason, cut between characters to [`REASON_LIMIT`] bytes.
    pub(super) fn reason(&mut self, reason: &str) {
        self.bytes(cut_reason(reason).as_bytes());
    }

    /// Writes the header. A payload that is too long for a header is cut to the longest that fits.
    pub(super) fn finish(self) {
        let payload_start = self.start.saturating_add(HEADER_LEN);
        self.out
            .truncate(payload_start.saturating_add(PAYLOAD_LIMIT));
        let header = Header {
            len: u32::try_from(self.out.len().saturating_sub(payload_start))
                .unwrap_or(FRAME_LIMIT_MAX),
            kind: self.kind.to_byte(),
        };
        if let Some(slot) = self
            .out
            .get_mut(self.start..)
            .and_then(<[u8]>::first_chunk_mut)
        {
            *slot = header.encode();
        }
    }
}

/// Shows only the length of a secret.
pub(super) struct Hidden<'a>(pub(super) &'a [u8]);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

/// The bit `mask` where `set`, otherwise 0.
pub(super) const fn flag(set: bool, mask: u8) -> u8 {
    if set { mask } else { 0 }
}

fn in_frame_limit_range(limit: u32) -> u32 {
    limit.clamp(FRAME_LIMIT_MIN, FRAME_LIMIT_MAX)
}

/// A reason, cut to the length that fits into a frame.
pub(crate) fn cut_reason(reason: &str) -> &str {
    cut(reason, REASON_LIMIT)
}

/// The longest prefix of `text` made of whole characters within `limit` bytes.
fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    // A character has at most four bytes, so one of these four ends is a boundary.
    let end = (limit.saturating_sub(3)..=limit)
        .rev()
        .find(|&end| text.is_char_boundary(end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("🎮", 3), "");
        assert_eq!(cut("🎮🎮", 7), "🎮");
        assert_eq!(cut("", 0), "");
    }

    #[test]
    fn a_payload_over_24_bits_is_cut_and_the_header_tells_the_truth() {
        let mut out = b"before".to_vec();
        let mut frame = FrameWriter::begin(Kind::Hello, &mut out);
        frame.bytes(&vec![7; PAYLOAD_LIMIT + 1]);
        frame.finish();
        assert_eq!(&out[..10], b"before\xff\xff\xff\x01");
        assert_eq!(out.len(), 6 + HEADER_LEN + PAYLOAD_LIMIT);
    }

    #[test]
    fn a_field_too_long_for_its_length_is_cut_and_the_length_tells_the_truth() {
        let mut out = Vec::new();
        let mut frame = FrameWriter::begin(Kind::Hello, &mut out);
        frame.bytes_u16(&[7; 0x1_0000]);
        frame.finish();
        assert_eq!(out.len(), HEADER_LEN + 2 + 0xffff);
        assert_eq!(&out[HEADER_LEN..HEADER_LEN + 2], [0xff, 0xff]);
    }
}
