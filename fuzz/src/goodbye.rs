//! A goodbye or notice that is accepted is written again with the same bytes. One that is refused breaks a rule of
//! `docs/wire.md`.

use lastword_session::wire::{GAME_CODE_MIN, Goodbye, Kind, Notice, REASON_LIMIT};

use crate::hello::payload_of;

const OVER: u8 = 0b001;
const GAME_CAUSE: u8 = 0b110;
/// Where the length of the address stands in the payload.
const ADDRESS_AT: usize = 8;
/// A notice has no flags.
const FLAGS_LEN: usize = 1;

/// Checks a payload as a goodbye's and as a notice's.
///
/// # Panics
/// Where a property does not hold.
pub fn run(payload: &[u8]) {
    run_goodbye(payload);
    run_notice(payload);
}

fn run_goodbye(payload: &[u8]) {
    let goodbye = Goodbye::decode(payload);
    let expected = texts(payload, ADDRESS_AT);
    assert_eq!(goodbye.is_ok(), expected.is_some(), "{goodbye:?}");
    let (Ok(goodbye), Some(expected)) = (goodbye, expected) else {
        return;
    };
    let mut frame = b"before".to_vec();
    goodbye.encode(&mut frame);
    let written = payload_of(&frame, Kind::Goodbye);
    assert_eq!(written, canonical(payload, expected));
    let reason = cut(&goodbye.reason).into();
    let kept = Goodbye {
        reason,
        ..goodbye.clone()
    };
    assert_eq!(Goodbye::decode(written), Ok(kept));
}

fn run_notice(payload: &[u8]) {
    let notice = Notice::decode(payload);
    let expected = texts(payload, ADDRESS_AT - FLAGS_LEN);
    assert_eq!(notice.is_ok(), expected.is_some(), "{notice:?}");
    let (Ok(notice), Some(expected)) = (notice, expected) else {
        return;
    };
    let mut frame = b"before".to_vec();
    notice.encode(&mut frame);
    let written = payload_of(&frame, Kind::Notice);
    let fixed = payload.get(..ADDRESS_AT - FLAGS_LEN).unwrap_or_default();
    assert_eq!(written, [fixed, &expected].concat());
    let reason = cut(&notice.reason).into();
    let kept = Notice {
        reason,
        ..notice.clone()
    };
    assert_eq!(Notice::decode(written), Ok(kept));
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
fn texts(payload: &[u8], at: usize) -> Option<Vec<u8>> {
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
fn cut(reason: &str) -> &str {
    let end = reason
        .char_indices()
        .map(|(at, char)| at + char.len_utf8())
        .take_while(|end| *end <= REASON_LIMIT)
        .last();
    end.and_then(|end| reason.get(..end)).unwrap_or_default()
}
