//! A goodbye that is accepted is written again with the same bytes. One that is refused breaks a rule of `docs/wire.md`.
//! A goodbye that is written is read again with the same values.

use lastword_session::Cause;
use lastword_session::wire::{GAME_CODE_MIN, Goodbye, Kind, REASON_LIMIT};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::frame::{payload_of, some_text};

const OVER: u8 = 0b001;
const GAME_CAUSE: u8 = 0b110;
/// Where the length of the address stands in the payload.
const ADDRESS_AT: usize = 8;

/// Checks bytes as a payload, and as the values of a goodbye.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    check_payload(data);
    // Input that is too short makes no value.
    check_value(&mut Unstructured::new(data)).unwrap_or_default();
}

fn check_payload(payload: &[u8]) {
    let goodbye = Goodbye::decode(payload);
    let expected = texts(payload, ADDRESS_AT);
    assert_eq!(goodbye.is_ok(), expected.is_some(), "{goodbye:?}");
    let (Ok(goodbye), Some(expected)) = (goodbye, expected) else {
        return;
    };
    let written = payload_of(Kind::Goodbye, |out| goodbye.encode(out));
    assert_eq!(written, canonical(payload, expected));
    let reason = cut(&goodbye.reason).into();
    let kept = Goodbye {
        reason,
        ..goodbye.clone()
    };
    assert_eq!(Goodbye::decode(&written), Ok(kept));
}

fn check_value(input: &mut Unstructured<'_>) -> Result<()> {
    let code = input.arbitrary()?;
    let game_causes = [
        None,
        Some(Cause::Kicked),
        Some(Cause::ClosedByGame),
        Some(Cause::AuthRejected),
    ];
    let game_cause = *input.choose(&game_causes)?;
    let goodbye = Goodbye {
        over: input.arbitrary()?,
        code,
        game_cause: game_cause.filter(|_| code >= GAME_CODE_MIN),
        advice: input.arbitrary()?,
        delay_ms: input.arbitrary()?,
        address: some_text(input)?.into(),
        reason: some_text(input)?.into(),
    };
    let written = payload_of(Kind::Goodbye, |out| goodbye.encode(out));
    assert_eq!(Goodbye::decode(&written), Ok(goodbye));
    Ok(())
}

/// The payload as an encoder writes it: without reserved flags, and without a cause behind a code of the layer.
fn canonical(payload: &[u8], texts: Vec<u8>) -> Vec<u8> {
    let mut canonical = payload.get(..ADDRESS_AT).unwrap_or_default().to_vec();
    if let [flags, code_0, code_1, ..] = canonical.as_mut_slice() {
        let code = u16::from_be_bytes([*code_0, *code_1]);
        *flags &= if code < GAME_CODE_MIN {
            OVER
        } else {
            OVER | GAME_CAUSE
        };
    }
    canonical.extend(texts);
    canonical
}

/// Address and reason as they are written; `None` where the layout of sections 5 and 12 is broken.
pub(crate) fn texts(payload: &[u8], at: usize) -> Option<Vec<u8>> {
    let (len, rest) = payload.get(at..)?.split_first()?;
    let (address, reason) = rest.split_at_checked(usize::from(*len))?;
    if reason.len() > REASON_LIMIT {
        return None;
    }
    let address = std::str::from_utf8(address).unwrap_or_default();
    let mut texts = vec![u8::try_from(address.len()).ok()?];
    texts.extend_from_slice(address.as_bytes());
    texts.extend_from_slice(cut(&String::from_utf8_lossy(reason)).as_bytes());
    Some(texts)
}

/// The whole characters within the limit of a reason. A reason with repaired characters may be longer than that.
pub(crate) fn cut(reason: &str) -> &str {
    let end = reason
        .char_indices()
        .map(|(at, char)| at + char.len_utf8())
        .take_while(|end| *end <= REASON_LIMIT)
        .last();
    end.and_then(|end| reason.get(..end)).unwrap_or_default()
}
