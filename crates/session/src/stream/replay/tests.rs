//! The kept frames and a plain list of them get the same calls.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// One call.
#[derive(Clone, Copy, Debug)]
enum Call {
    /// So many frames with so much payload begin.
    Keep(u64, usize),
    Trim(u64),
    Rewind(u64),
    Write(usize),
    Stop,
}

/// The kept frames, oldest first, and how many bytes of each are written on this connection.
#[derive(Debug, Default)]
struct List {
    frames: VecDeque<(Vec<u8>, usize)>,
    is_stopped: bool,
}

impl List {
    fn bytes(&self) -> usize {
        self.frames.iter().map(|(bytes, _)| bytes.len()).sum()
    }

    fn again(&self) -> usize {
        let again = |(bytes, written): &&(Vec<u8>, usize)| *written < bytes.len();
        self.frames.iter().filter(again).count()
    }

    /// The bytes that will be written: of the frame that has begun, and of the others.
    fn waiting(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut begun, mut others) = (Vec::new(), Vec::new());
        for (bytes, written) in &self.frames {
            match written {
                0 if self.is_stopped => {}
                0 => others.extend_from_slice(bytes),
                _ => begun.extend_from_slice(&bytes[*written..]),
            }
        }
        (begun, others)
    }

    fn write(&mut self, mut n: usize) {
        for (bytes, written) in &mut self.frames {
            let step = n.min(bytes.len() - *written);
            *written += step;
            n -= step;
        }
    }
}

#[derive(Debug, Default)]
struct Pair {
    replay: Replay,
    list: List,
    made: u8,
}

impl Pair {
    fn take(&mut self, call: Call) {
        match call {
            Call::Keep(frames, payload) => self.keep(frames, payload),
            Call::Trim(frames) => {
                let again = self.list.again();
                for _ in 0..frames {
                    if self.list.frames.len() > again {
                        self.list.frames.pop_front();
                    }
                }
                self.replay.trim(frames);
            }
            Call::Rewind(acknowledged) => {
                let acknowledged = acknowledged.min(self.replay.frames());
                for _ in 0..acknowledged {
                    self.list.frames.pop_front();
                }
                self.list.frames.iter_mut().for_each(|(_, at)| *at = 0);
                self.list.is_stopped = false;
                self.replay.rewind(acknowledged);
            }
            Call::Write(n) => {
                let n = n.min(self.replay.waiting());
                self.list.write(n);
                self.replay.advance(n);
            }
            Call::Stop => {
                self.list.is_stopped = true;
                self.replay.stop();
            }
        }
    }

    /// New frames begin once all is written again, and not after a stop.
    fn keep(&mut self, frames: u64, payload: usize) {
        if self.list.is_stopped || self.list.again() > 0 {
            return;
        }
        let mut bytes = Vec::new();
        for _ in 0..frames {
            self.made = self.made.wrapping_add(1);
            let len = u32::try_from(payload).expect("it is small");
            let mut frame = Header { len, kind: 0 }.encode().to_vec();
            frame.resize(HEADER_LEN + payload, self.made);
            bytes.extend_from_slice(&frame);
            let len = frame.len();
            self.list.frames.push_back((frame, len));
        }
        while self.list.bytes() > MOST {
            self.list.frames.pop_front();
        }
        self.replay.append(&bytes);
        self.replay.keep(frames, MOST);
    }

    fn agree(&self) {
        let (replay, list) = (&self.replay, &self.list);
        let count = |n: usize| u64::try_from(n).expect("it is small");
        assert_eq!(replay.frames(), count(list.frames.len()));
        assert_eq!(replay.again(), count(list.again()));
        assert_eq!(replay.len(), list.bytes());
        let (begun, others) = list.waiting();
        assert_eq!(replay.slices(), (&begun[..], &others[..]), "{list:?}");
        assert_eq!(replay.waiting(), begun.len() + others.len());
        assert_eq!(replay.rest_of_begun(), begun.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn kept_frames_are_those_of_a_plain_list(calls in vec(call(), 0..80)) {
        let mut pair = Pair::default();
        for call in calls {
            pair.take(call);
            pair.agree();
        }
    }
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => (0..5_u64, 0..40_usize).prop_map(|(frames, payload)| Call::Keep(frames, payload)),
        3 => (0..6_u64).prop_map(Call::Trim),
        2 => (0..12_u64).prop_map(Call::Rewind),
        8 => (0..60_usize).prop_map(Call::Write),
        1 => Just(Call::Stop),
    ]
}

/// The bytes that are kept at most.
const MOST: usize = 400;

#[test]
fn a_stream_that_never_rests_keeps_little_more_than_what_is_not_acknowledged() {
    let mut replay = Replay::default();
    let frame = [&[0, 0, 96, 0][..], &[7; 96]].concat();
    for _ in 0..100_000 {
        replay.append(&frame);
        replay.keep(1, usize::MAX);
        if replay.frames() > 20 {
            replay.trim(1);
        }
    }
    assert_eq!((replay.frames(), replay.len()), (20, 2_000));
    let held = replay.bytes.capacity();
    assert!(held <= 4 * COMPACT_BYTES, "{held}");
}
