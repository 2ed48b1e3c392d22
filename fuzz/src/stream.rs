//! A stream that arrives in pieces, and the frames that the decoder finds in it.

use lastword_session::{Cause, Decoder, Expect, Framing, Step, Time};

/// How a stream arrives: pieces of four lengths, over and over. Each byte gives a length of 1 to 4,096 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cuts(pub(crate) [u8; 4]);

/// The frames of a stream, and the rule that it breaks behind them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Header and payload of each frame.
    pub(crate) frames: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) broken: Option<Cause>,
    /// Bytes of the frame that has begun and is not complete.
    pub(crate) unfinished: usize,
}

impl Cuts {
    pub(crate) fn pieces(self, mut stream: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut lengths = self.0.into_iter().cycle();
        std::iter::from_fn(move || {
            let length = match lengths.next()? {
                short @ ..192 => usize::from(short) + 1,
                long => (usize::from(long) - 191) * 64,
            };
            if stream.is_empty() {
                return None;
            }
            let (piece, rest) = stream.split_at(length.min(stream.len()));
            stream = rest;
            Some(piece)
        })
    }
}

impl Outcome {
    /// Decodes a stream that arrives in these pieces, and checks that each of its bytes is in exactly one frame.
    pub(crate) fn of<'s>(
        framing: &Framing,
        expect: Expect,
        pieces: impl Iterator<Item = &'s [u8]>,
    ) -> Self {
        let mut outcome = Self::default();
        let mut decoder = Decoder::default();
        let mut arrived = Vec::new();
        for piece in pieces {
            arrived.extend_from_slice(piece);
            outcome.broken = feed(&mut decoder, framing, expect, piece, |header, payload| {
                outcome.frames.push((header.to_vec(), payload.to_vec()));
            });
            if outcome.broken.is_some() {
                break;
            }
        }
        let mut joined = Vec::new();
        for (header, payload) in &outcome.frames {
            joined.extend_from_slice(header);
            joined.extend_from_slice(payload);
        }
        assert!(
            arrived.starts_with(&joined),
            "the frames are not what arrived"
        );
        if outcome.broken.is_none() {
            outcome.unfinished = decoder.unfinished().map_or(0, |(_, bytes)| bytes);
            let accounted = joined.len() + outcome.unfinished;
            assert_eq!(accounted, arrived.len(), "bytes were lost or made up");
        }
        outcome
    }
}

/// Checks that the stream gives the same frames and the same verdict however it is cut. The memory of the decoder must grow
/// with the bytes that arrive, not with those that are announced.
pub(crate) fn check(framing: &Framing, expect: Expect, stream: &[u8], cuts: Cuts) -> Outcome {
    let whole = Outcome::of(framing, expect, std::iter::once(stream));
    let byte_by_byte = Outcome::of(framing, expect, stream.chunks(1));
    assert_eq!(byte_by_byte, whole, "byte by byte");
    let pieces = Outcome::of(framing, expect, cuts.pieces(stream));
    assert_eq!(pieces, whole, "{cuts:?}");
    check_memory(framing, expect, stream, cuts);
    whole
}

/// The bound is that of a vector which doubles, with both copies while it moves, and of the box around it.
fn check_memory(framing: &Framing, expect: Expect, stream: &[u8], cuts: Cuts) {
    let memory = allocation_counter::measure(|| {
        let mut decoder = Decoder::default();
        for piece in cuts.pieces(stream) {
            if feed(&mut decoder, framing, expect, piece, |_, _| {}).is_some() {
                break;
            }
        }
    });
    let bound = 3 * stream.len() + 256;
    assert!(
        usize::try_from(memory.bytes_max).is_ok_and(|bytes| bytes <= bound),
        "{} bytes of memory for {} bytes of a peer",
        memory.bytes_max,
        stream.len()
    );
}

/// Takes all frames out of a piece. Returns the rule that the stream breaks, if it does.
fn feed(
    decoder: &mut Decoder,
    framing: &Framing,
    expect: Expect,
    piece: &[u8],
    mut each: impl FnMut(&[u8], &[u8]),
) -> Option<Cause> {
    let mut at = 0;
    loop {
        match decoder.next(Time::ORIGIN, framing, expect, piece, &mut at) {
            Step::Short => break,
            Step::Frame(span) => {
                let frame = decoder.frame(span, piece);
                each(frame.header, frame.payload);
            }
            Step::Broken(cause) => return Some(cause),
        }
    }
    assert_eq!(at, piece.len(), "input is left, and no frame is complete");
    None
}
