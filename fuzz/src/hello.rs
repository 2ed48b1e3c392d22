//! A hello that is accepted is written again with the same bytes. A hello that is refused breaks a rule of `docs/wire.md`.
//! A hello that is written is read again with the same values.

use lastword_session::wire::{ExtensionsBuf, FRAME_LIMIT_MAX, FRAME_LIMIT_MIN, Hello, Kind, MAGIC};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::extensions::{is_list, items};
use crate::frame::{payload_of, some_bytes, split_len_u16};

/// Where the flags and the frame limit stand in the payload.
const FLAGS_AT: usize = 4;
const FRAME_LIMIT_AT: usize = 5;
const TOKEN_AT: usize = 33;

const RESUME_BITS: u8 = 0b11;

/// Checks bytes as a payload, and as the values of a hello.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    check_payload(data);
    // Input that is too short makes no value.
    check_value(&mut Unstructured::new(data)).unwrap_or_default();
}

fn check_payload(payload: &[u8]) {
    let hello = Hello::decode(payload);
    assert_eq!(hello.is_ok(), is_well_formed(payload), "{hello:?}");
    let Ok(hello) = hello else {
        return;
    };
    let written = payload_of(Kind::Hello, |out| hello.encode(out));
    assert_eq!(
        written,
        canonical(payload),
        "a hello is written with other bytes"
    );
    assert_eq!(Hello::decode(&written), Ok(hello));
}

fn check_value(input: &mut Unstructured<'_>) -> Result<()> {
    let extensions = ExtensionsBuf::from_items(items(input)?).unwrap_or_default();
    let versions: [u8; 2] = input.arbitrary()?;
    let resume = input.arbitrary()?;
    let hello = Hello {
        version_min: versions[0].min(versions[1]),
        version_max: versions[0].max(versions[1]),
        resume,
        no_resume: !resume && input.arbitrary()?,
        frame_limit: input.int_in_range(FRAME_LIMIT_MIN..=FRAME_LIMIT_MAX)?,
        session: input.arbitrary()?,
        received: input.arbitrary()?,
        token: some_bytes(input)?,
        extensions: extensions.as_extensions(),
        credentials: some_bytes(input)?,
    };
    let written = payload_of(Kind::Hello, |out| hello.encode(out));
    assert_eq!(Hello::decode(&written), Ok(hello));
    Ok(())
}

/// The payload as an encoder writes it: without reserved flags, and with a frame limit in range.
fn canonical(payload: &[u8]) -> Vec<u8> {
    let mut canonical = payload.to_vec();
    if let Some(flags) = canonical.get_mut(FLAGS_AT) {
        *flags &= RESUME_BITS;
    }
    put_limit_in_range(&mut canonical, FRAME_LIMIT_AT);
    canonical
}

/// Puts the frame limit that stands there into its range, as an encoder does.
pub(crate) fn put_limit_in_range(payload: &mut [u8], at: usize) {
    let limit = payload.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
    if let Some(limit) = limit {
        let announced = u32::from_be_bytes(*limit);
        *limit = announced
            .clamp(FRAME_LIMIT_MIN, FRAME_LIMIT_MAX)
            .to_be_bytes();
    }
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
