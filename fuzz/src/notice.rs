//! A notice that is accepted is written again with the same bytes. One that is refused breaks a rule of `docs/wire.md`. A
//! notice that is written is read again with the same values.

use lastword_session::wire::{Kind, Notice};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::frame::{payload_of, some_text};
use crate::goodbye::{cut, texts};

/// Where the length of the address stands in the payload.
const ADDRESS_AT: usize = 7;

/// Checks bytes as a payload, and as the values of a notice.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    check_payload(data);
    // Input that is too short makes no value.
    check_value(&mut Unstructured::new(data)).unwrap_or_default();
}

fn check_payload(payload: &[u8]) {
    let notice = Notice::decode(payload);
    let expected = texts(payload, ADDRESS_AT);
    assert_eq!(notice.is_ok(), expected.is_some(), "{notice:?}");
    let (Ok(notice), Some(expected)) = (notice, expected) else {
        return;
    };
    let written = payload_of(Kind::Notice, |out| notice.encode(out));
    let fixed = payload.get(..ADDRESS_AT).unwrap_or_default();
    assert_eq!(written, [fixed, &expected].concat());
    let reason = cut(&notice.reason).into();
    let kept = Notice {
        reason,
        ..notice.clone()
    };
    assert_eq!(Notice::decode(&written), Ok(kept));
}

fn check_value(input: &mut Unstructured<'_>) -> Result<()> {
    let notice = Notice {
        code: input.arbitrary()?,
        advice: input.arbitrary()?,
        deadline_ms: input.arbitrary()?,
        address: some_text(input)?.into(),
        reason: some_text(input)?.into(),
    };
    let written = payload_of(Kind::Notice, |out| notice.encode(out));
    assert_eq!(Notice::decode(&written), Ok(notice));
    Ok(())
}
