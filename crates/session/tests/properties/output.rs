//! The law of what is written: each frame of the game once and in order, or counted as lost. Nothing follows our goodbye.

use lastword_session::wire::{HEADER_LEN, Header, Kind};
use lastword_session::{Dialect, Ending, GoodbyeProgress, Meaning, Outbound};

use super::beating::Beating;
use crate::support::Sent;

/// Checks the frames of a whole life, of which these bytes were written.
pub(crate) fn check(ending: &Ending, is_dialect: bool, bytes: &[u8], sent: &[Sent]) {
    let evidence = &ending.evidence;
    let frames = split(bytes, is_dialect);
    let begun = usize::try_from(evidence.frames_out).expect("it fits");
    let lost = evidence.frames_unsent + evidence.frames_dropped + evidence.frames_replaced;
    let lost = usize::try_from(lost).expect("it fits");
    assert_eq!(
        begun + lost,
        sent.len(),
        "a frame is not counted: {ending:?}"
    );
    let data = frames.iter().filter(|frame| frame.what == What::Data);
    let data: Vec<&[u8]> = data.map(|frame| frame.payload).collect();
    // The last one may be cut short.
    let whole = data.len()..=data.len() + 1;
    assert!(whole.contains(&begun), "{begun} begun, and {whole:?}");
    check_order(sent, &data);
    let goodbye = frames.iter().position(|frame| frame.what == What::Goodbye);
    if let Some(at) = goodbye {
        assert_eq!(at + 1, frames.len(), "something follows the goodbye");
    }
    if evidence.farewell >= GoodbyeProgress::Written {
        assert!(goodbye.is_some(), "no goodbye was written");
    }
}

/// The whole frames in these bytes.
fn split(mut rest: &[u8], is_dialect: bool) -> Vec<Written<'_>> {
    let mut frames = Vec::new();
    while let Some((header, behind)) = rest.split_first_chunk::<HEADER_LEN>() {
        let native = Header::decode(*header);
        let len = match is_dialect {
            true => u32::from_be_bytes(*header),
            false => native.len,
        };
        let len = usize::try_from(len).expect("it fits");
        let Some((payload, behind)) = behind.split_at_checked(len) else {
            break;
        };
        let what = match is_dialect {
            true => What::of_dialect(payload),
            false => What::of_native(native.kind),
        };
        frames.push(Written { what, payload });
        rest = behind;
    }
    frames
}

/// Each written frame is one that was sent, once. Kept and droppable frames keep their order, and only the droppable ones
/// have gaps. The frames with one key keep theirs.
fn check_order(sent: &[Sent], written: &[&[u8]]) {
    let key = |sent: &Sent| match sent.how {
        Outbound::Latest(key) => Some(key),
        Outbound::Kept | Outbound::Droppable => None,
    };
    let mut left: Vec<&Sent> = sent.iter().collect();
    for payload in written {
        let at = left.iter().position(|sent| sent.payload == *payload);
        let at = at.expect("it was sent, is written once, and in its order");
        let its_key = key(left[at]);
        let mut others: Vec<&Sent> = Vec::new();
        for passed in left.drain(..at) {
            if key(passed) == its_key {
                assert_ne!(passed.how, Outbound::Kept, "a kept frame is lost");
            } else {
                others.push(passed);
            }
        }
        left.splice(..1, others);
    }
}

#[derive(Debug)]
struct Written<'l> {
    what: What,
    payload: &'l [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Data,
    Goodbye,
    Other,
}

impl What {
    fn of_native(kind: u8) -> Self {
        match Kind::from_byte(kind) {
            Some(Kind::Data) => Self::Data,
            Some(Kind::Goodbye) => Self::Goodbye,
            _ => Self::Other,
        }
    }

    fn of_dialect(payload: &[u8]) -> Self {
        match Beating.read(&[], payload) {
            Meaning::Data(_) => Self::Data,
            Meaning::Goodbye => Self::Goodbye,
            Meaning::Ping(_) | Meaning::Pong | Meaning::Malformed => Self::Other,
        }
    }
}
