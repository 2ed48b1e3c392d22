//! The queue and a simple model of it get the same calls: they hold, lose and write the same frames in the same order.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// One call.
#[derive(Clone, Debug)]
enum Call {
    /// How it waits (`None` is a goodbye), its length, and the time since the one before.
    Push(Option<Outbound>, usize, u64),
    Control(usize),
    Write(usize),
    Refused,
    DropOldest(usize),
    DropOlder(u64),
    MakeRoom(usize, usize, usize),
    /// Frames that others queued.
    Append(Vec<(Outbound, usize)>),
    DropUnstarted,
}

#[derive(Clone, Debug)]
struct Frame {
    how: Option<Outbound>,
    queued_at: Time,
    bytes: Vec<u8>,
    written: usize,
}

impl Frame {
    fn has_begun(&self) -> bool {
        self.written > 0
    }

    fn may_be_dropped(&self) -> bool {
        self.how == Some(Outbound::Droppable) && !self.has_begun()
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }
}

/// Frames in a row, with no thought of memory or speed.
#[derive(Debug, Default)]
struct Model {
    frames: VecDeque<Frame>,
    control: VecDeque<u8>,
    lost: Dropped,
    numbered: u64,
}

impl Model {
    fn push(&mut self, how: Option<Outbound>, queued_at: Time, bytes: Vec<u8>) {
        if let Some(Outbound::Latest(_)) = how {
            let mut waiting = self.frames.iter_mut().filter(|frame| !frame.has_begun());
            if let Some(older) = waiting.find(|frame| frame.how == how) {
                older.bytes = bytes;
                self.lost.replaced += 1;
                return;
            }
        }
        self.frames.push_back(Frame {
            how,
            queued_at,
            bytes,
            written: 0,
        });
    }

    fn drop_oldest(&mut self, excess: usize) {
        let (mut freed, before) = (0, self.frames.len());
        self.frames.retain(|frame| {
            let stays = freed >= excess || !frame.may_be_dropped();
            freed += if stays { 0 } else { frame.bytes.len() };
            stays
        });
        self.lost.oldest += as_u64(before - self.frames.len());
    }

    fn drop_older(&mut self, than: Time) {
        let old = |frame: &&Frame| frame.may_be_dropped() && frame.queued_at <= than;
        let old = self.frames.iter().filter(old);
        self.drop_oldest(old.map(|frame| frame.bytes.len()).sum());
    }

    fn make_room(&mut self, len: usize, most: usize, ahead: Backlog) -> bool {
        let excess = (ahead.bytes + self.bytes().len() + len).saturating_sub(most);
        let fits = excess <= ahead.droppable + self.droppable();
        if fits {
            self.drop_oldest(excess.saturating_sub(ahead.droppable));
        }
        fits
    }

    fn drop_unstarted(&mut self) -> Dropped {
        let begun = self.frames.len().min(usize::from(self.has_begun()));
        let mut dropped = std::mem::take(&mut self.lost);
        for frame in self.frames.drain(begun..) {
            dropped.frames += u64::from(frame.how.is_some());
            dropped.bytes += as_u64(frame.bytes.len());
        }
        dropped
    }

    fn has_begun(&self) -> bool {
        self.frames.front().is_some_and(Frame::has_begun)
    }

    fn droppable(&self) -> usize {
        let droppable = self.frames.iter().filter(|frame| frame.may_be_dropped());
        droppable.map(|frame| frame.bytes.len()).sum()
    }

    fn unnumbered(&self) -> u64 {
        let data = self.frames.iter().filter(|frame| frame.how.is_some());
        as_u64(data.filter(|frame| !frame.has_begun()).count())
    }

    /// All bytes in the order of writing.
    fn bytes(&self) -> Vec<u8> {
        let begun = self.frames.front().filter(|frame| frame.has_begun());
        let first = begun.map_or(&[][..], Frame::rest).iter();
        let others = self.frames.iter().skip(usize::from(begun.is_some()));
        first
            .chain(&self.control)
            .chain(others.flat_map(Frame::rest))
            .copied()
            .collect()
    }

    fn write(&mut self, mut n: usize) {
        if self.has_begun() {
            n -= self.write_data(n);
        }
        let control = n.min(self.control.len());
        self.control.drain(..control);
        n -= control;
        while n > 0 {
            n -= self.write_data(n);
        }
    }

    /// Writes of one frame.
    fn write_data(&mut self, n: usize) -> usize {
        let frame = &mut self.frames[0];
        self.numbered += u64::from(!frame.has_begun() && frame.how.is_some());
        let step = n.min(frame.rest().len());
        frame.written += step;
        if frame.rest().is_empty() {
            self.frames.pop_front();
        }
        step
    }

    fn oldest(&self, is_aged: impl Fn(&Frame) -> bool) -> Option<Time> {
        let mut aged = self.frames.iter().filter(|frame| is_aged(frame));
        aged.next().map(|frame| frame.queued_at)
    }
}

/// Both, and the frames that they were given.
#[derive(Debug, Default)]
struct Pair {
    queue: SendQueue,
    model: Model,
    now: u64,
    pushed: u64,
    unsent: u64,
    counted: Dropped,
}

impl Pair {
    /// The nth frame: its bytes tell it from the others.
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        self.pushed += 1;
        vec![u8::try_from(self.pushed % 251).expect("it is small"); len]
    }

    fn take(&mut self, call: &Call) {
        match call {
            Call::Push(how, len, later) => {
                self.now += later;
                let (now, bytes) = (Time::from_micros(self.now), self.bytes(*len));
                match how {
                    Some(how) => self.queue.push(now, *how, |out| out.extend(&bytes)),
                    None => self.queue.push_last(now, |out| out.extend(&bytes)),
                }
                self.pushed -= u64::from(how.is_none());
                self.model.push(*how, now, bytes);
            }
            Call::Control(len) => {
                self.queue
                    .push_control(|out| out.resize(out.len() + len, 255));
                self.model.control.extend(vec![255; *len]);
            }
            Call::Write(n) => self.write(*n),
            Call::Refused => self.queue.refused(),
            Call::DropOldest(excess) => {
                self.queue.drop_oldest(*excess);
                self.model.drop_oldest(*excess);
            }
            Call::DropOlder(age) => {
                let than = Time::from_micros(self.now.saturating_sub(*age));
                self.queue.drop_older(than);
                self.model.drop_older(than);
            }
            Call::MakeRoom(len, bytes, droppable) => {
                let (bytes, droppable) = (bytes + droppable, *droppable);
                let ahead = Backlog { bytes, droppable };
                let fits = self.queue.make_room(*len, MOST, ahead);
                assert_eq!(fits, self.model.make_room(*len, MOST, ahead));
            }
            Call::Append(frames) => self.append(frames),
            Call::DropUnstarted => {
                let dropped = self.queue.drop_unstarted();
                assert_eq!(dropped, self.model.drop_unstarted());
                self.unsent += dropped.frames;
                self.counted.oldest += dropped.oldest;
                self.counted.replaced += dropped.replaced;
            }
        }
    }

    fn write(&mut self, n: usize) {
        let lent: Vec<u8> = self.queue.slices().concat_all();
        assert!(self.model.bytes().starts_with(&lent), "{:?}", self.model);
        assert_eq!(lent.is_empty(), self.model.bytes().is_empty());
        let n = n.min(lent.len());
        let before = self.model.numbered;
        self.model.write(n);
        let written = self.queue.advance(n);
        assert_eq!(written.numbered, self.model.numbered - before);
    }

    fn append(&mut self, frames: &[(Outbound, usize)]) {
        let mut other = SendQueue::default();
        let now = Time::from_micros(self.now);
        let mut alone = Model::default();
        for (how, len) in frames {
            let bytes = self.bytes(*len);
            other.push(now, *how, |out| out.extend(&bytes));
            alone.push(Some(*how), now, bytes);
        }
        self.queue.append(&mut other);
        self.model.lost += alone.lost;
        for frame in alone.frames {
            self.model.push(frame.how, now, frame.bytes);
        }
        assert!(other.is_empty() && other.backlog() == Backlog::default());
    }

    fn agree(&mut self) {
        let (queue, model) = (&self.queue, &self.model);
        assert_eq!(queue.len(), model.bytes().len(), "{model:?}");
        assert_eq!(queue.is_empty(), model.bytes().is_empty());
        assert_eq!(queue.backlog().droppable, model.droppable());
        assert_eq!(queue.kept_bytes(), queue.len() - model.droppable());
        assert_eq!(queue.data_frames(), model.unnumbered());
        assert_eq!(queue.lost, model.lost);
        let is_aged = |frame: &Frame| {
            matches!(frame.how, None | Some(Outbound::Kept)) || frame.may_be_dropped()
        };
        assert_eq!(queue.oldest(), model.oldest(is_aged));
        assert!(queue.refused_bytes() <= queue.len() && queue.untried() <= queue.len());
        let lost =
            queue.lost.oldest + queue.lost.replaced + self.counted.oldest + self.counted.replaced;
        let taken = model.numbered + queue.data_frames() + self.unsent + lost;
        assert_eq!(self.pushed, taken, "each frame has one fate");
    }
}

trait ConcatAll {
    fn concat_all(&self) -> Vec<u8>;
}

impl ConcatAll for [IoSlice<'_>; 3] {
    fn concat_all(&self) -> Vec<u8> {
        self.iter().flat_map(|slice| slice.to_vec()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn a_queue_holds_loses_and_writes_what_a_simple_model_does(calls in vec(call(), 0..60)) {
        let mut pair = Pair::default();
        for call in &calls {
            pair.take(call);
            pair.agree();
        }
        while !pair.queue.is_empty() {
            pair.write(7);
            pair.agree();
        }
    }
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        16 => (how(), 1..9_usize, 0..3_u64).prop_map(|(how, len, later)| Call::Push(Some(how), len, later)),
        1 => (1..9_usize).prop_map(|len| Call::Push(None, len, 0)),
        1 => (1..5_usize).prop_map(Call::Control),
        8 => (0..30_usize).prop_map(Call::Write),
        1 => Just(Call::Refused),
        3 => (0..40_usize).prop_map(Call::DropOldest),
        1 => (0..5_u64).prop_map(Call::DropOlder),
        2 => (0..20_usize, 0..30_usize, 0..30_usize).prop_map(|(len, kept, more)| Call::MakeRoom(len, kept, more)),
        3 => vec((how(), 1..9_usize), 0..8).prop_map(Call::Append),
        1 => Just(Call::DropUnstarted),
    ]
}

/// Few keys, so that they meet.
fn how() -> impl Strategy<Value = Outbound> {
    prop_oneof![
        Just(Outbound::Kept),
        Just(Outbound::Droppable),
        (0..4_u64).prop_map(Outbound::Latest),
    ]
}

/// The most bytes that [`SendQueue::make_room`] leaves.
const MOST: usize = 60;

#[test]
fn much_that_is_replaced_while_nothing_is_written_takes_little_memory() {
    let mut queue = SendQueue::default();
    for n in 0..100_000_usize {
        let len = 20 + n % 11;
        queue.push(Time::ORIGIN, Outbound::Latest(as_u64(n % 50)), |out| {
            out.resize(out.len() + len, 7)
        });
    }
    assert_eq!(queue.data_frames(), 50);
    assert_eq!(queue.take_lost().replaced, 100_000 - 50);
    assert!(queue.capacity() < 64 * 1024, "{}", queue.capacity());
}

#[test]
fn much_that_is_dropped_while_nothing_is_written_takes_little_memory() {
    let mut queue = SendQueue::default();
    for n in 0..100_000 {
        let now = Time::from_micros(n);
        let room = queue.make_room(20, 10_000, Backlog::default());
        assert!(room);
        queue.push(now, Outbound::Droppable, |out| {
            out.resize(out.len() + 20, 7)
        });
    }
    assert_eq!((queue.len(), queue.take_lost().oldest), (10_000, 99_500));
    assert!(queue.capacity() < 128 * 1024, "{}", queue.capacity());
}
