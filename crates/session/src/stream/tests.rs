//! The counts of one stream, and two streams that stay whole over connections that break anywhere.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::policy::Outbound;
use crate::wire::{HEADER_LEN, Header};

const NOW: Time = Time::from_micros(1_000_000);

/// A frame whose payload is this number.
fn frame(number: u8) -> [u8; HEADER_LEN + 1] {
    let [a, b, c, d] = Header { len: 1, kind: 0 }.encode();
    [a, b, c, d, number]
}

fn push(stream: &mut Stream, how: Outbound, number: u8) {
    let queue = stream.queue_mut();
    queue.push(NOW, how, |out| out.extend_from_slice(&frame(number)));
}

fn with_frames(frames: u8, outlives: bool) -> Stream {
    let mut stream = Stream::default();
    if outlives {
        stream.outlive(None);
    }
    (0..frames).for_each(|n| push(&mut stream, Outbound::Kept, n));
    stream
}

fn waiting(stream: &mut Stream) -> Vec<u8> {
    let slices = stream.slices();
    slices.iter().flat_map(|slice| slice.to_vec()).collect()
}

fn write(stream: &mut Stream, n: usize) {
    assert!(waiting(stream).len() >= n);
    stream.advance(n, usize::MAX);
}

#[test]
fn a_frame_counts_as_sent_with_its_first_byte() {
    for outlives in [false, true] {
        let mut stream = with_frames(2, outlives);
        assert_eq!(stream.sent(), 0);
        for (bytes, sent) in [(1, 1), (4, 1), (1, 2), (4, 2)] {
            assert!(stream.wants_write());
            write(&mut stream, bytes);
            assert_eq!(stream.sent(), sent);
        }
        assert!(!stream.wants_write());
    }
}

#[test]
fn an_ack_lies_between_the_one_before_and_the_frames_that_were_sent() {
    for outlives in [false, true] {
        let mut stream = with_frames(3, outlives);
        write(&mut stream, 15);
        stream.acknowledge(1);
        assert_eq!(stream.unacked(), 2);
        let more: Vec<_> = (0..5).map(|n| stream.count_acknowledged(n)).collect();
        assert_eq!(more, [None, Some(0), Some(1), Some(2), None]);
    }
}

#[test]
fn frames_of_others_wait_behind_the_own_ones() {
    let mut stream = Stream::default();
    for byte in [1, 2] {
        let mut queue = Box::<SendQueue>::default();
        queue.push_data(NOW, |out| out.push(byte));
        stream.append(&mut queue);
        assert!(queue.is_empty());
    }
    assert_eq!(waiting(&mut stream), [1, 2]);
}

#[test]
fn only_what_is_written_and_not_acknowledged_is_kept() {
    let mut stream = with_frames(3, true);
    assert_eq!((stream.floor(), stream.kept_bytes()), (0, 0));
    write(&mut stream, 6);
    assert_eq!((stream.floor(), stream.kept_bytes()), (0, 10), "both whole");
    stream.acknowledge(1);
    assert_eq!((stream.floor(), stream.kept_bytes()), (1, 5));
    write(&mut stream, 9);
    stream.acknowledge(2);
    assert_eq!((stream.floor(), stream.kept_bytes()), (3, 0));
    stream.tidy();
    let durable = stream.durable.as_ref().expect("it outlives");
    assert_eq!(durable.replay, Replay::default(), "it holds nothing");
}

#[test]
fn a_session_that_ends_with_its_connection_keeps_nothing() {
    let mut stream = with_frames(3, false);
    write(&mut stream, 15);
    stream.on_frame(NOW, 40_000);
    assert_eq!((stream.floor(), stream.kept_bytes()), (3, 0));
    assert_eq!(stream.ack_due_at(), Time::NEVER);
    assert!(!stream.ack_goes_out(NOW, true));
}

#[test]
fn beyond_the_cap_the_oldest_frames_go_and_an_ack_of_them_still_counts() {
    let mut stream = with_frames(6, true);
    stream.advance(30, 12);
    assert_eq!((stream.floor(), stream.kept_bytes()), (4, 10));
    assert_eq!(stream.count_acknowledged(3), Some(3));
    stream.acknowledge(3);
    assert_eq!((stream.floor(), stream.unacked()), (4, 3));
    stream.acknowledge(2);
    assert_eq!((stream.floor(), stream.kept_bytes()), (5, 5));
    stream.evict();
    assert_eq!((stream.floor(), stream.sent()), (6, 6));
}

#[test]
fn frames_that_are_written_again_are_not_evicted_under_their_peer() {
    let mut stream = with_frames(2, true);
    write(&mut stream, 10);
    stream.detach();
    stream.attach(0);
    stream.evict();
    assert_eq!(waiting(&mut stream), [frame(0), frame(1)].concat());
    write(&mut stream, 10);
    stream.evict();
    assert_eq!((stream.floor(), stream.kept_bytes()), (2, 0));
}

/// A new connection writes the frames that the peer lacks, and then those that never had a number.
#[test]
fn a_new_connection_writes_again_what_the_peer_lacks_and_then_what_waits() {
    for written in 0..=20 {
        for received in 0..=3_u8 {
            let mut stream = with_frames(4, true);
            stream.queue_mut().push_control(|out| out.push(99));
            write(&mut stream, 1);
            stream.queue_mut().push_control(|out| out.push(99));
            write(&mut stream, written);
            if u64::from(received) > stream.sent() {
                continue;
            }
            stream.detach();
            stream.attach(received.into());
            stream.queue_mut().push_control(|out| out.extend([77, 78]));
            let mut all = Vec::new();
            while stream.wants_write() {
                all.push(waiting(&mut stream)[0]);
                write(&mut stream, 1);
            }
            let frames = (received..4).flat_map(frame);
            let expected: Vec<_> = [77, 78].into_iter().chain(frames).collect();
            assert_eq!(all, expected, "{written} {received}");
            assert_eq!((stream.sent(), stream.floor()), (4, received.into()));
        }
    }
}

#[test]
fn a_frame_that_is_written_again_is_acknowledged_only_once_it_is_whole() {
    let mut stream = with_frames(2, true);
    write(&mut stream, 10);
    stream.detach();
    stream.attach(0);
    for written in 0..10 {
        let whole = written / 5;
        for count in 0..3 {
            let more = (count <= whole).then_some(count);
            assert_eq!(stream.count_acknowledged(count), more, "{written}");
        }
        write(&mut stream, 1);
    }
    assert_eq!(stream.count_acknowledged(2), Some(2));
}

#[test]
fn a_control_frame_does_not_interrupt_a_frame_that_is_written_again() {
    let mut stream = with_frames(2, true);
    write(&mut stream, 10);
    stream.detach();
    stream.attach(0);
    write(&mut stream, 2);
    stream.queue_mut().push_control(|out| out.extend([77, 78]));
    let expected = [&frame(0)[2..], &[77, 78], &frame(1)].concat();
    assert_eq!(waiting(&mut stream), expected);
    for (bytes, behind_data) in [(4, 1), (2, 0)] {
        let written = stream.advance(bytes, usize::MAX).expect("it waited");
        assert_eq!((written.data, written.behind_data), (true, behind_data));
    }
    assert_eq!(waiting(&mut stream), frame(1)[1..]);
}

/// An end that may be resumed: only the frame that has begun and the goodbye are written, and nothing is lost.
#[test]
fn frames_that_wait_are_put_aside_for_the_next_connection() {
    for again in [false, true] {
        let mut stream = with_frames(3, true);
        write(&mut stream, 3);
        if again {
            write(&mut stream, 10);
            stream.detach();
            stream.attach(0);
            write(&mut stream, 3);
        }
        stream.set_aside();
        stream.queue_mut().push_last(NOW, |out| out.push(66));
        let mut late = Box::<SendQueue>::default();
        late.push_data(NOW, |out| out.extend(frame(3)));
        stream.append(&mut late);
        assert!(waiting(&mut stream).starts_with(&frame(0)[3..]));
        write(&mut stream, 2);
        assert_eq!(waiting(&mut stream), [66]);
        stream.detach();
        stream.attach(1);
        let mut all = Vec::new();
        while stream.wants_write() {
            let some = waiting(&mut stream);
            write(&mut stream, some.len());
            all.extend(some);
        }
        let expected: Vec<_> = (1..4).flat_map(frame).collect();
        assert_eq!(all, expected);
        assert_eq!(stream.sent(), 4);
    }
}

#[test]
fn a_session_that_is_over_drops_all_that_has_not_begun_and_counts_what_had_no_number() {
    let mut stream = with_frames(3, true);
    write(&mut stream, 10);
    stream.detach();
    stream.attach(0);
    write(&mut stream, 1);
    let dropped = stream.drop_unstarted();
    assert_eq!((dropped.frames, dropped.bytes), (1, 5));
    assert_eq!(waiting(&mut stream), frame(0)[1..]);
}

/// One event between two streams.
#[derive(Clone, Copy, Debug)]
enum Event {
    Push(Outbound),
    Control,
    Write(usize),
    Deliver(usize),
    Ack,
    Cut,
    End,
    DropOldest(usize),
}

/// A sender, a receiver, and the line between them.
struct Pair {
    stream: Stream,
    line: VecDeque<u8>,
    /// The bytes of a frame that has not arrived whole.
    partial: Vec<u8>,
    received: Vec<u8>,
    /// The frames that were pushed, by what they wait for, and not replaced or dropped.
    pushed: Vec<(Outbound, u8)>,
    next: u8,
    kept_max: usize,
    has_gap: bool,
}

impl Pair {
    fn new(kept_max: usize) -> Self {
        Self {
            stream: with_frames(0, true),
            line: VecDeque::new(),
            partial: Vec::new(),
            received: Vec::new(),
            pushed: Vec::new(),
            next: 0,
            kept_max,
            has_gap: false,
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Push(how) => {
                let queue = self.stream.queue_mut();
                queue.push(NOW, how, |out| out.extend_from_slice(&frame(self.next)));
                self.pushed.push((how, self.next));
                self.next = self.next.wrapping_add(1);
            }
            Event::Control => self.stream.queue_mut().push_control(|out| {
                out.extend_from_slice(&Header { len: 0, kind: 5 }.encode());
            }),
            Event::Write(n) => self.write(n),
            Event::Deliver(n) => self.deliver(n),
            Event::Ack => {
                let count = u64::try_from(self.received.len()).expect("it fits");
                let more = self.stream.count_acknowledged(count);
                self.stream.acknowledge(more.expect("it is honest"));
            }
            Event::Cut => self.cut(),
            Event::End => {
                self.stream.set_aside();
                self.cut();
            }
            Event::DropOldest(excess) => {
                if let Some(queue) = &mut self.stream.queue {
                    queue.drop_oldest(excess);
                }
            }
        }
    }

    fn write(&mut self, n: usize) {
        let bytes = waiting(&mut self.stream);
        let n = n.min(bytes.len());
        if n > 0 {
            self.stream.advance(n, self.kept_max);
            self.line.extend(&bytes[..n]);
        }
    }

    fn deliver(&mut self, n: usize) {
        let n = n.min(self.line.len());
        self.partial.extend(self.line.drain(..n));
        while let Some(header) = self.partial.first_chunk() {
            let Header { len, kind } = Header::decode(*header);
            let len = HEADER_LEN + usize::try_from(len).expect("it is small");
            if self.partial.len() < len {
                return;
            }
            let whole: Vec<u8> = self.partial.drain(..len).collect();
            if kind == 0 {
                self.received.push(whole[HEADER_LEN]);
            }
        }
    }

    fn cut(&mut self) {
        self.line.clear();
        self.partial.clear();
        self.stream.detach();
        let received = u64::try_from(self.received.len()).expect("it fits");
        assert!(received <= self.stream.sent());
        self.has_gap = received < self.stream.floor();
        if !self.has_gap {
            self.stream.attach(received);
        }
    }

    /// The received frames are the sent ones, in order and once. A frame that may not be dropped is among them.
    fn agree(&self, is_done: bool) {
        let mut pushed = self.pushed.iter();
        for number in &self.received {
            assert!(pushed.any(|(_, pushed)| pushed == number), "in order, once");
        }
        if is_done {
            for (how, number) in &self.pushed {
                assert!(*how != Outbound::Kept || self.received.contains(number));
            }
        }
        let unacked = self.stream.unacked();
        assert!(self.stream.sent() - self.stream.floor() <= unacked);
        assert!(self.stream.kept_bytes() <= self.kept_max);
        if self.kept_max == usize::MAX {
            assert_eq!(self.stream.sent() - self.stream.floor(), unacked);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn nothing_is_lost_doubled_or_reordered_over_any_cuts(
        events in vec(event(), 0..120),
        kept_max in prop_oneof![Just(usize::MAX), Just(17)],
    ) {
        let mut pair = Pair::new(kept_max);
        for event in events {
            pair.take(event);
            if pair.has_gap {
                prop_assert!(kept_max < usize::MAX);
                return Ok(());
            }
            pair.agree(false);
        }
        while pair.stream.wants_write() {
            pair.write(7);
        }
        pair.deliver(usize::MAX);
        pair.agree(true);
    }
}

fn event() -> impl Strategy<Value = Event> {
    let how = prop_oneof![
        4 => Just(Outbound::Kept),
        1 => Just(Outbound::Droppable),
    ];
    prop_oneof![
        10 => how.prop_map(Event::Push),
        2 => Just(Event::Control),
        8 => (0..30_usize).prop_map(Event::Write),
        8 => (0..30_usize).prop_map(Event::Deliver),
        3 => Just(Event::Ack),
        2 => Just(Event::Cut),
        1 => Just(Event::End),
        1 => (0..20_usize).prop_map(Event::DropOldest),
    ]
}
