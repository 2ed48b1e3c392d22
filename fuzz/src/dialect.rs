//! The stream of a game's own wire gives the same frames however it is cut. A data frame that is written and read again is
//! the same.

use std::sync::Arc;

use lastword_session::wire::FRAME_LIMIT_MAX;
use lastword_session::{Dialect, Expect, Framing, LengthPrefixed, Meaning, Measure, encode_data};

use crate::stream::{self, Cuts, Outcome};
use crate::wires::{Minecraft, Mqtt, Pitaya, Resp};

/// Checks a stream that follows six bytes: the wire, what the receiver waits for, and how the stream is cut.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    let Some(([wire, choice, cuts @ ..], stream)) = data.split_first_chunk::<6>() else {
        return;
    };
    let (dialect, is_exact) = dialect(*wire);
    let framing = Framing::Dialect(Arc::clone(&dialect));
    let limit = match choice >> 1 & 0b11 {
        0 => 64,
        1 => 1_024,
        2 => 65_536,
        _ => FRAME_LIMIT_MAX,
    };
    let expect = if choice & 1 == 0 {
        Expect::Any { limit }
    } else {
        Expect::Hello { limit }
    };
    let outcome = stream::check(&framing, expect, stream, Cuts(*cuts));
    let within = |bytes: &[u8]| u32::try_from(bytes.len()).is_ok_and(|len| len <= limit);
    for (header, payload) in &outcome.frames {
        assert!(within(header) && within(payload), "a frame over the limit");
    }
    check_round_trip(&*dialect, &framing, &outcome, is_exact);
}

/// The wire, and whether each data frame has one encoding only.
fn dialect(choice: u8) -> (Arc<dyn Dialect>, bool) {
    match choice % 6 {
        0 => (Arc::new(LengthPrefixed), true),
        1 => (Arc::new(Lines), true),
        2 => (Arc::new(Resp), true),
        3 => (Arc::new(Mqtt), true),
        // A VarInt may have leading zeros.
        4 => (Arc::new(Minecraft), false),
        _ => (Arc::new(Pitaya), true),
    }
}

/// Writes each data frame that was read, and reads it again.
fn check_round_trip(dialect: &dyn Dialect, framing: &Framing, outcome: &Outcome, is_exact: bool) {
    let expect = Expect::Any {
        limit: FRAME_LIMIT_MAX,
    };
    for (header, payload) in &outcome.frames {
        let Meaning::Data(data) = dialect.read(header, payload) else {
            continue;
        };
        let mut written = Vec::new();
        encode_data(framing, data, &mut written);
        if is_exact {
            assert_eq!(written, [header.as_slice(), payload].concat());
        }
        let again = Outcome::of(framing, expect, std::iter::once(written.as_slice()));
        let [(header, payload)] = again.frames.as_slice() else {
            unreachable!("a data frame is written as {again:?}");
        };
        assert_eq!(dialect.read(header, payload), Meaning::Data(data));
    }
}

/// Frames that end with their line: the header is of unknown length.
struct Lines;

impl Dialect for Lines {
    fn measure(&self, bytes: &[u8], seen: usize) -> Measure {
        match bytes.iter().skip(seen).position(|byte| *byte == b'\n') {
            None => Measure::Short,
            Some(end) => Measure::Frame {
                header: 0,
                payload: seen + end + 1,
            },
        }
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        payload
            .strip_suffix(b"\n")
            .map_or(Meaning::Malformed, Meaning::Data)
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(payload);
        out.push(b'\n');
    }
}
