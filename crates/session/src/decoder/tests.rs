//! Each way to split a stream gives the same frames in the same order, or the same verdict at the same byte.

use std::cell::Cell;
use std::sync::Arc;

use super::*;
use crate::LengthPrefixed;
use crate::wire::{Extensions, Goodbye, Hello};

const LIVE: Expect = Expect::Any { limit: 1_024 };
const HELLO: Expect = Expect::Hello { limit: 4_096 };

/// The result of a stream: its frames as header and payload, and the rule that it breaks after them.
#[derive(Debug, PartialEq, Eq)]
struct Cut {
    frames: Vec<(Vec<u8>, Vec<u8>)>,
    broken: Option<Cause>,
    unfinished: usize,
}

/// Decodes a stream that arrives in `pieces`.
fn decode<'p>(
    framing: &Framing,
    expect: Expect,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Cut {
    let mut decoder = Decoder::default();
    let mut cut = Cut {
        frames: Vec::new(),
        broken: None,
        unfinished: 0,
    };
    for piece in pieces {
        let mut at = 0;
        loop {
            match decoder.next(Time::ORIGIN, framing, expect, piece, &mut at) {
                Step::Short => break,
                Step::Frame(span) => {
                    let frame = decoder.frame(span, piece);
                    cut.frames
                        .push((frame.header.to_vec(), frame.payload.to_vec()));
                }
                Step::Broken(cause) => {
                    cut.broken = Some(cause);
                    return cut;
                }
            }
        }
        assert_eq!(
            at,
            piece.len(),
            "all input is taken where no frame is complete"
        );
    }
    cut.unfinished = decoder.unfinished().map_or(0, |(_, bytes)| bytes);
    cut
}

fn native(frames: &[(u8, usize)]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (n, (kind, len)) in frames.iter().enumerate() {
        let header = Header {
            len: u32::try_from(*len).expect("it fits"),
            kind: *kind,
        };
        stream.extend_from_slice(&header.encode());
        stream.extend(std::iter::repeat_n(u8::try_from(n).expect("few") + 1, *len));
    }
    stream
}

fn hello() -> Vec<u8> {
    let mut out = Vec::new();
    let hello = Hello {
        version_min: 1,
        version_max: 3,
        resume: false,
        no_resume: true,
        frame_limit: 1_024,
        session: [0; 16],
        received: 0,
        token: b"",
        extensions: Extensions::EMPTY,
        credentials: b"ada",
    };
    hello.encode(&mut out);
    out
}

/// The streams that every test splits, and the expected frames of each.
fn streams() -> Vec<(Framing, Expect, Vec<u8>)> {
    let prefixed = || Framing::Dialect(Arc::new(LengthPrefixed));
    let lines = || Framing::Dialect(Arc::new(Lines));
    vec![
        (
            Framing::Native,
            LIVE,
            native(&[(0, 3), (0, 0), (3, 16), (0, 1), (0x81, 2)]),
        ),
        (Framing::Native, LIVE, native(&[(0, 1_024), (0, 1_025)])),
        (Framing::Native, LIVE, native(&[(0, 2), (9, 2)])),
        (
            Framing::Native,
            LIVE,
            native(&[(0, 0), (0, 0), (0, 0), (0, 9)])[..20].to_vec(),
        ),
        (Framing::Native, HELLO, hello()),
        (Framing::Native, HELLO, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        (
            Framing::Native,
            HELLO,
            b"\xff\xff\xff\x01LW\x01\x01".to_vec(),
        ),
        (
            Framing::Native,
            HELLO,
            b"\xff\xff\xff\x01LW\x02\x03".to_vec(),
        ),
        (Framing::Native, HELLO, b"\x00\x00\x01\x01L".to_vec()),
        (Framing::Native, Expect::Welcome, native(&[(6, 9)])),
        (Framing::Native, Expect::Welcome, native(&[(0, 9)])),
        (
            prefixed(),
            LIVE,
            b"\0\0\0\x02ab\0\0\0\0\0\0\0\x01c".to_vec(),
        ),
        (prefixed(), LIVE, b"\0\0\0\x01a\0\0\x04\x01".to_vec()),
        (
            lines(),
            LIVE,
            b"one\ntwo\n\n\nthree, which is longer\nunfinished".to_vec(),
        ),
    ]
}

#[test]
fn every_split_into_two_gives_the_same_frames() {
    for (framing, expect, stream) in streams() {
        let whole = decode(&framing, expect, [stream.as_slice()]);
        for at in 0..=stream.len() {
            let (first, second) = stream.split_at(at);
            assert_eq!(
                decode(&framing, expect, [first, second]),
                whole,
                "{at} of {stream:?}"
            );
        }
    }
}

#[test]
fn every_split_into_three_gives_the_same_frames() {
    for (framing, expect, stream) in streams()
        .into_iter()
        .filter(|(_, _, stream)| stream.len() < 100)
    {
        let whole = decode(&framing, expect, [stream.as_slice()]);
        for end in 0..=stream.len() {
            for at in 0..=end {
                let pieces = [&stream[..at], &stream[at..end], &stream[end..]];
                assert_eq!(
                    decode(&framing, expect, pieces),
                    whole,
                    "{at}, {end} of {stream:?}"
                );
            }
        }
    }
}

#[test]
fn all_ways_to_cut_a_short_stream_give_the_same_frames() {
    let short = [
        (Framing::Native, native(&[(0, 2), (0, 0), (0, 1)])),
        (
            Framing::Dialect(Arc::new(LengthPrefixed)),
            b"\0\0\0\0\0\0\0\x03abc\0\0\0".to_vec(),
        ),
        (
            Framing::Dialect(Arc::new(Lines)),
            b"ab\n\nc\nlonger\nun".to_vec(),
        ),
    ];
    for (framing, stream) in short {
        let whole = decode(&framing, LIVE, [stream.as_slice()]);
        assert!(whole.frames.len() > 1);
        for cuts in 0..1_u32 << (stream.len() - 1) {
            let mut pieces = Vec::new();
            let mut from = 0;
            for at in (1..stream.len()).filter(|at| cuts >> (at - 1) & 1 == 1) {
                pieces.push(&stream[from..at]);
                from = at;
            }
            pieces.push(&stream[from..]);
            assert_eq!(
                decode(&framing, LIVE, pieces),
                whole,
                "{cuts:b} of {stream:?}"
            );
        }
    }
}

#[test]
fn byte_by_byte_gives_the_same_frames() {
    for (framing, expect, stream) in streams() {
        let whole = decode(&framing, expect, [stream.as_slice()]);
        assert_eq!(
            decode(&framing, expect, stream.chunks(1)),
            whole,
            "{stream:?}"
        );
    }
}

#[test]
fn a_verdict_from_a_header_does_not_wait_for_the_next_byte() {
    let table: [(Expect, &[u8], Cause); 7] = [
        (LIVE, b"\0\x04\x01\0", Cause::FrameTooLarge),
        (LIVE, b"\0\0\0\x09", Cause::ProtocolViolation),
        (HELLO, b"GET ", Cause::WrongProtocol),
        (HELLO, b"\0\0\x25\x01X", Cause::WrongProtocol),
        (HELLO, b"\0\0\x25\x01LX", Cause::WrongProtocol),
        (HELLO, b"\0\0\x25\x01LW\x02\x02", Cause::VersionUnsupported),
        (HELLO, b"\xff\xff\xff\x01LW\x01\x01", Cause::FrameTooLarge),
    ];
    for (expect, bytes, cause) in table {
        let all = decode(&Framing::Native, expect, bytes.chunks(1));
        assert_eq!(all.broken, Some(cause), "{bytes:?}");
        let short = decode(&Framing::Native, expect, bytes[..bytes.len() - 1].chunks(1));
        assert_eq!(short.broken, None, "{bytes:?}");
    }
}

#[test]
fn the_buffer_grows_with_the_received_bytes_not_the_announced_length() {
    let limit = wire::FRAME_LIMIT_MAX;
    let mut decoder = Decoder::default();
    let header = Header {
        len: limit,
        kind: 0,
    }
    .encode();
    let mut received = 0;
    for piece in std::iter::once(header.as_slice()).chain([[7; 100].as_slice(); 100]) {
        let mut at = 0;
        let expect = Expect::Any { limit };
        assert_eq!(
            decoder.next(Time::ORIGIN, &Framing::Native, expect, piece, &mut at),
            Step::Short
        );
        received += piece.len();
        assert!(
            decoder
                .partial
                .as_ref()
                .expect("it is unfinished")
                .bytes
                .capacity()
                <= 2 * received + 64
        );
    }
    assert_eq!(decoder.needed(&Framing::Native), Some(4 + 16_777_215));
}

#[test]
fn a_frame_that_was_lent_leaves_no_memory_behind() {
    let mut decoder = Decoder::default();
    let stream = native(&[(0, 1_000)]);
    for piece in stream.chunks(600) {
        decoder.next(Time::ORIGIN, &Framing::Native, LIVE, piece, &mut 0);
    }
    assert!(!decoder.mid_frame(), "it is whole, and only lent");
    decoder.release();
    assert!(decoder.partial.is_none());
}

#[test]
fn a_goodbye_may_come_in_the_place_of_a_welcome() {
    let mut stream = Vec::new();
    let goodbye = Goodbye {
        over: true,
        code: 65,
        game_cause: None,
        advice: 1,
        delay_ms: 2_000,
        address: "".into(),
        reason: "full".into(),
    };
    goodbye.encode(&mut stream);
    let cut = decode(&Framing::Native, Expect::Welcome, stream.chunks(1));
    assert_eq!((cut.frames.len(), cut.broken), (1, None));
}

#[test]
fn the_unfinished_frame_is_as_old_as_its_first_byte() {
    let mut decoder = Decoder::default();
    let stream = native(&[(0, 4), (0, 4)]);
    let at = Time::from_micros;
    for (n, piece) in [&stream[..2], &stream[2..7], &stream[7..9]]
        .into_iter()
        .enumerate()
    {
        let now = at(u64::try_from(n).expect("few"));
        let mut used = 0;
        while decoder.next(now, &Framing::Native, LIVE, piece, &mut used) != Step::Short {}
    }
    assert_eq!(
        decoder.unfinished(),
        Some((at(2), 1)),
        "of the second frame"
    );
}

#[test]
fn each_byte_is_searched_for_a_delimiter_once() {
    let lines = Framing::Dialect(Arc::new(Lines));
    let expect = Expect::Any { limit: 1 << 20 };
    let mut decoder = Decoder::default();
    SEARCHED.set(0);
    for byte in [b'x'; 10_000].iter().chain(b"\n") {
        let mut at = 0;
        let step = decoder.next(Time::ORIGIN, &lines, expect, &[*byte], &mut at);
        assert_eq!(step == Step::Short, *byte == b'x');
    }
    assert_eq!(SEARCHED.get(), 10_001);
}

thread_local! {
    /// The bytes that [`Lines`] has looked at.
    static SEARCHED: Cell<usize> = const { Cell::new(0) };
}

/// Frames that end with a line break: a header of unknown length.
struct Lines;

impl Dialect for Lines {
    fn measure(&self, bytes: &[u8], seen: usize) -> Measure {
        SEARCHED.set(SEARCHED.get() + bytes.len() - seen);
        match bytes.iter().skip(seen).position(|byte| *byte == b'\n') {
            None => Measure::Short,
            Some(end) => Measure::Frame {
                header: 0,
                payload: seen + end + 1,
            },
        }
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> crate::Meaning<'a> {
        crate::Meaning::Data(payload)
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(payload);
    }
}
