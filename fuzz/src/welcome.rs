//! A welcome that is accepted is written again with the same bytes. A welcome that is refused breaks a rule of
//! `docs/wire.md`. A welcome that is written is read again with the same values.

use lastword_session::wire::{ExtensionsBuf, FRAME_LIMIT_MAX, FRAME_LIMIT_MIN, Kind, Welcome};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::extensions::{is_list, items};
use crate::frame::{payload_of, some_bytes, split_len_u16};
use crate::hello::put_limit_in_range;

/// Where the flags, the frame limit and the token stand in the payload.
const FLAGS_AT: usize = 1;
const FRAME_LIMIT_AT: usize = 42;
const TOKEN_AT: usize = 46;

const RESUMED: u8 = 0b1;

/// Checks bytes as a payload, and as the values of a welcome.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    check_payload(data);
    // Input that is too short makes no value.
    check_value(&mut Unstructured::new(data)).unwrap_or_default();
}

fn check_payload(payload: &[u8]) {
    let welcome = Welcome::decode(payload);
    assert_eq!(welcome.is_ok(), is_well_formed(payload), "{welcome:?}");
    let Ok(welcome) = welcome else {
        return;
    };
    let written = payload_of(Kind::Welcome, |out| welcome.encode(out));
    let mut canonical = payload.to_vec();
    if let Some(flags) = canonical.get_mut(FLAGS_AT) {
        *flags &= RESUMED;
    }
    put_limit_in_range(&mut canonical, FRAME_LIMIT_AT);
    assert_eq!(written, canonical, "a welcome is written with other bytes");
    assert_eq!(Welcome::decode(&written), Ok(welcome));
}

fn check_value(input: &mut Unstructured<'_>) -> Result<()> {
    let extensions = ExtensionsBuf::from_items(items(input)?).unwrap_or_default();
    let welcome = Welcome {
        version: input.arbitrary()?,
        resumed: input.arbitrary()?,
        session: input.arbitrary()?,
        connection: input.arbitrary()?,
        received: input.arbitrary()?,
        heartbeat_ms: input.arbitrary()?,
        dead_ms: input.arbitrary()?,
        resume_window_ms: input.arbitrary()?,
        frame_limit: input.int_in_range(FRAME_LIMIT_MIN..=FRAME_LIMIT_MAX)?,
        token: some_bytes(input)?,
        extensions: extensions.as_extensions(),
    };
    let written = payload_of(Kind::Welcome, |out| welcome.encode(out));
    assert_eq!(Welcome::decode(&written), Ok(welcome));
    Ok(())
}

/// Reads the layout of sections 3 and 12 once more, by slices alone.
fn is_well_formed(payload: &[u8]) -> bool {
    let lists = payload.get(TOKEN_AT..).and_then(split_len_u16);
    let list = lists.and_then(|(_token, rest)| split_len_u16(rest));
    list.is_some_and(|(list, rest)| is_list(list) && rest.is_empty())
}
