//! A hello that is accepted is written again with the same bytes. A hello that is refused breaks a rule of `docs/wire.md`.

use lastword_session::wire::{
    ExtensionsBuf, FRAME_LIMIT_MAX, FRAME_LIMIT_MIN, HEADER_LEN, Header, Hello, Kind, MAGIC,
};

/// Where the flags and the frame limit stand in the payload.
const FLAGS_AT: usize = 4;
const FRAME_LIMIT_AT: usize = 5;
const TOKEN_AT: usize = 33;

const RESUME_BITS: u8 = 0b11;

/// Checks a payload.
///
/// # Panics
/// Where a property does not hold.
pub fn run(payload: &[u8]) {
    let hello = Hello::decode(payload);
    assert_eq!(hello.is_ok(), is_well_formed(payload), "{hello:?}");
    let Ok(hello) = hello else {
        return;
    };
    let mut frame = b"before".to_vec();
    hello.encode(&mut frame);
    let written = payload_of(&frame, Kind::Hello);
    assert_eq!(
        written,
        canonical(payload),
        "a hello is written with other bytes"
    );
    assert_eq!(Hello::decode(written), Ok(hello));

    let list = ExtensionsBuf::from_items(&hello.extensions);
    let list = list.as_ref().map(ExtensionsBuf::as_extensions);
    assert_eq!(list, Ok(hello.extensions), "an extension is not kept");
    for (kind, _) in &hello.extensions {
        let mut of_kind = hello.extensions.iter().filter(|(other, _)| *other == kind);
        let first = of_kind.next().map(|(_, value)| value);
        assert_eq!(
            hello.extensions.find(kind),
            first,
            "another extension than the first is found"
        );
    }
}

/// The payload behind the six bytes `before` and the header. Checks the header.
pub(crate) fn payload_of(frame: &[u8], kind: Kind) -> &[u8] {
    let frame = frame.strip_prefix(b"before").unwrap_or_default();
    let (header, payload) = frame.split_first_chunk::<HEADER_LEN>().unzip();
    let header = Header::decode(header.copied().unwrap_or_default());
    let payload = payload.unwrap_or_default();
    assert_eq!(Kind::from_byte(header.kind), Some(kind));
    assert_eq!(usize::try_from(header.len), Ok(payload.len()));
    payload
}

/// The payload as an encoder writes it: without reserved flags, and with a frame limit in range.
fn canonical(payload: &[u8]) -> Vec<u8> {
    let mut canonical = payload.to_vec();
    if let Some(flags) = canonical.get_mut(FLAGS_AT) {
        *flags &= RESUME_BITS;
    }
    if let Some(limit) = canonical
        .get_mut(FRAME_LIMIT_AT..)
        .and_then(<[u8]>::first_chunk_mut)
    {
        let announced = u32::from_be_bytes(*limit);
        *limit = announced
            .clamp(FRAME_LIMIT_MIN, FRAME_LIMIT_MAX)
            .to_be_bytes();
    }
    canonical
}

/// Reads the layout of sections 2 and 12 once more, by slices alone.
fn is_well_formed(payload: &[u8]) -> bool {
    let Some((head, rest)) = payload.split_at_checked(TOKEN_AT) else {
        return false;
    };
    let [magic_0, magic_1, min, max, flags, ..] = head else {
        return false;
    };
    let extensions = split_len_u16(rest).and_then(|(_token, rest)| split_len_u16(rest));
    [*magic_0, *magic_1] == MAGIC
        && min <= max
        && flags & RESUME_BITS != RESUME_BITS
        && extensions.is_some_and(|(list, _credentials)| is_list(list))
}

fn is_list(mut list: &[u8]) -> bool {
    while !list.is_empty() {
        let Some((_value, rest)) = list.get(2..).and_then(split_len_u16) else {
            return false;
        };
        list = rest;
    }
    true
}

/// Splits behind a length of two bytes and what it counts.
fn split_len_u16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}
