//! The stream of the native wire gives the same frames however it is cut. No frame is over its limit.

use lastword_session::wire::{
    CONTROL_LIMIT, FRAME_LIMIT_MAX, HEADER_LEN, Header, Kind, WELCOME_LIMIT,
};
use lastword_session::{Expect, Framing};

use crate::stream::{self, Cuts};

const HELLO_LIMIT: u32 = 4_096;
/// After so many bytes each header is judged: a hello is, behind its magic and its versions.
const JUDGED_LEN: usize = HEADER_LEN + 4;

/// Checks a stream that follows five bytes: what the receiver waits for, and how the stream is cut.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    let Some(([choice, cuts @ ..], stream)) = data.split_first_chunk::<5>() else {
        return;
    };
    let expect = match choice % 6 {
        0 => Expect::Hello { limit: HELLO_LIMIT },
        1 => Expect::Welcome,
        2 => Expect::Goodbye,
        3 => Expect::Any { limit: 1_024 },
        4 => Expect::Any { limit: 65_536 },
        _ => Expect::Any {
            limit: FRAME_LIMIT_MAX,
        },
    };
    let outcome = stream::check(&Framing::Native, expect, stream, Cuts(*cuts));
    for (header, payload) in &outcome.frames {
        let len = check_header(expect, header);
        assert_eq!(usize::try_from(len), Ok(payload.len()));
    }
    let unfinished = stream.len().checked_sub(outcome.unfinished);
    let unfinished = unfinished.and_then(|at| stream.get(at..));
    if let Some([header @ .., _, _, _, _]) = unfinished.and_then(<[u8]>::first_chunk::<JUDGED_LEN>)
    {
        check_header(expect, header);
    }
}

/// Checks that a frame with this header may come here: sections 1 and 6 of `docs/wire.md`. Returns how long its payload is.
fn check_header(expect: Expect, header: &[u8]) -> u32 {
    let header = header.first_chunk::<HEADER_LEN>().copied();
    let header = Header::decode(header.unwrap_or_default());
    let limit = match (expect, Kind::from_byte(header.kind)) {
        (Expect::Hello { limit }, Some(Kind::Hello)) => Some(limit),
        (Expect::Welcome | Expect::Any { .. }, Some(Kind::Welcome)) => Some(WELCOME_LIMIT),
        (Expect::Any { limit }, Some(Kind::Data)) => Some(limit),
        (Expect::Welcome | Expect::Goodbye, Some(Kind::Goodbye)) => Some(CONTROL_LIMIT),
        (Expect::Any { .. }, Some(_)) => Some(CONTROL_LIMIT),
        _ => None,
    };
    assert!(
        limit.is_some_and(|limit| header.len <= limit),
        "{expect:?} let {header:?} through"
    );
    header.len
}
