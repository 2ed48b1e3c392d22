//! What waits to be written: whole frames, control ahead of data, counted when they are first written.

use std::collections::VecDeque;
use std::io::IoSlice;

use crate::Time;

/// The outbound bytes of one session.
///
/// Control frames go out before queued data but never inside a frame that has begun. A data frame gets its
/// number when its first byte is written, so whatever has none can still be dropped without a gap.
#[derive(Debug, Default)]
pub struct SendQueue {
    bytes: Vec<u8>,
    head: usize,
    marks: VecDeque<Mark>,
    /// Data frames that were never begun.
    unnumbered: u64,
    /// Bytes of the first marked frame that are written already.
    started: usize,
    control: Vec<u8>,
    control_head: usize,
}

/// One frame in `bytes`.
#[derive(Clone, Copy, Debug)]
struct Mark {
    len: u32,
    data: bool,
    queued_at: Time,
}

/// What a write of some bytes amounted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Data frames whose first byte went out: they have a number from now on.
    pub numbered: u64,
}

/// What was thrown away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Data frames that were never begun.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
}

impl SendQueue {
    /// Appends a frame of the game; `encode` appends exactly one frame.
    #[inline]
    pub fn push_data(&mut self, now: Time, encode: impl FnOnce(&mut Vec<u8>)) {
        self.push_marked(now, true, encode);
    }

    /// Appends a frame that keeps its place behind queued data: a goodbye.
    pub fn push_last(&mut self, now: Time, encode: impl FnOnce(&mut Vec<u8>)) {
        self.push_marked(now, false, encode);
    }

    /// Appends a control frame, which overtakes queued data.
    pub fn push_control(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.control);
    }

    /// Moves all of `other` behind what is queued here.
    pub fn append(&mut self, other: &mut Self) {
        debug_assert_eq!(other.started, 0, "a queue that was written to is not moved");
        self.bytes
            .extend_from_slice(other.bytes.get(other.head..).unwrap_or_default());
        self.marks.append(&mut other.marks);
        self.unnumbered += other.unnumbered;
        self.control
            .extend_from_slice(other.control.get(other.control_head..).unwrap_or_default());
        other.clear();
    }

    /// Drops every data frame that has no number yet, and keeps the one in progress and control frames.
    pub fn drop_unstarted(&mut self) -> Dropped {
        let keep = usize::from(self.started > 0);
        let mut dropped = Dropped::default();
        for mark in self.marks.drain(keep.min(self.marks.len())..) {
            dropped.bytes += u64::from(mark.len);
            dropped.frames += u64::from(mark.data);
        }
        self.unnumbered = 0;
        let rest = self.rest_of_started();
        self.bytes.truncate(self.head + rest);
        if self.is_empty() {
            self.clear();
        }
        dropped
    }

    /// Takes note that `n` bytes of [`SendQueue::slices`] were written.
    #[inline]
    pub fn advance(&mut self, n: usize) -> Written {
        if n == self.len() {
            let numbered = self.unnumbered;
            self.clear();
            return Written { numbered };
        }
        self.advance_partly(n)
    }

    fn advance_partly(&mut self, mut n: usize) -> Written {
        let mut written = Written::default();
        if self.started > 0 {
            n -= self.advance_data(n.min(self.rest_of_started()), &mut written);
        }
        let control = n.min(self.control.len() - self.control_head);
        self.control_head += control;
        n -= control;
        self.advance_data(n, &mut written);
        if self.control_is_empty() {
            self.control.clear();
            self.control_head = 0;
        }
        self.unnumbered -= written.numbered;
        if self.head > COMPACT_BYTES && self.head > self.bytes.len() / 2 {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
        written
    }

    /// Lends the bytes to write next, in order.
    #[must_use]
    pub fn slices(&self) -> [IoSlice<'_>; 3] {
        let data = self.bytes.get(self.head..).unwrap_or_default();
        let (started, rest) = data
            .split_at_checked(self.rest_of_started())
            .unwrap_or((data, &[]));
        let control = self.control.get(self.control_head..).unwrap_or_default();
        [
            IoSlice::new(started),
            IoSlice::new(control),
            IoSlice::new(rest),
        ]
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head == self.bytes.len() && self.control_head == self.control.len()
    }

    /// Whether every control frame is written.
    #[must_use]
    pub fn control_is_empty(&self) -> bool {
        self.control_head == self.control.len()
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() + self.control.capacity() + self.marks.capacity() * size_of::<Mark>()
    }

    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.head + self.control.len() - self.control_head
    }

    /// Data frames that were never begun.
    #[must_use]
    pub fn data_frames(&self) -> u64 {
        self.unnumbered
    }

    /// When the oldest frame that waits was queued.
    #[must_use]
    pub fn oldest(&self) -> Option<Time> {
        self.marks.front().map(|mark| mark.queued_at)
    }

    /// When the newest frame that waits was queued.
    #[must_use]
    pub fn newest(&self) -> Option<Time> {
        self.marks.back().map(|mark| mark.queued_at)
    }

    #[inline]
    fn push_marked(&mut self, queued_at: Time, data: bool, encode: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len();
        encode(&mut self.bytes);
        let len = u32::try_from(self.bytes.len() - before).unwrap_or(u32::MAX);
        if len > 0 {
            self.unnumbered += u64::from(data);
            self.marks.push_back(Mark {
                len,
                data,
                queued_at,
            });
        }
    }

    fn rest_of_started(&self) -> usize {
        match self.marks.front() {
            Some(mark) if self.started > 0 => usize_of(mark.len) - self.started,
            _ => 0,
        }
    }

    /// Consumes `n` bytes of marked frames, and returns `n`.
    fn advance_data(&mut self, n: usize, written: &mut Written) -> usize {
        self.head += n;
        let mut left = n;
        while left > 0 {
            let Some(mark) = self.marks.front() else {
                break;
            };
            if self.started == 0 {
                written.numbered += u64::from(mark.data);
            }
            let step = left.min(usize_of(mark.len) - self.started);
            self.started += step;
            left -= step;
            if self.started == usize_of(mark.len) {
                self.started = 0;
                self.marks.pop_front();
            }
        }
        n
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.head = 0;
        self.marks.clear();
        self.unnumbered = 0;
        self.started = 0;
        self.control.clear();
        self.control_head = 0;
    }
}

/// A queue that never empties gives its written half back from here on.
const COMPACT_BYTES: usize = 16 * 1024;

fn usize_of(len: u32) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_overtakes_data_but_not_a_frame_that_has_begun() {
        let mut queue = SendQueue::default();
        queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"aaaa"));
        queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"bbbb"));
        assert_eq!(queue.advance(1).numbered, 1);
        queue.push_control(|out| out.extend_from_slice(b"cc"));
        assert_eq!(flat(&queue), b"aaaccbbbb");
        assert_eq!(queue.advance(4).numbered, 0);
        assert_eq!(flat(&queue), b"cbbbb");
        assert_eq!(queue.advance(5).numbered, 1);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_was_begun_survives_a_drop_and_the_rest_is_counted() {
        let mut queue = SendQueue::default();
        for _ in 0..3 {
            queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"aaaa"));
        }
        queue.advance(5);
        let dropped = queue.drop_unstarted();
        assert_eq!(
            dropped,
            Dropped {
                frames: 1,
                bytes: 4
            }
        );
        queue.push_last(Time::ORIGIN, |out| out.extend_from_slice(b"bye"));
        assert_eq!(flat(&queue), b"aaabye");
    }

    #[test]
    fn a_moved_queue_keeps_order_and_leaves_nothing_behind() {
        let mut first = SendQueue::default();
        let mut second = SendQueue::default();
        first.push_data(Time::ORIGIN, |out| out.push(1));
        second.push_data(Time::from_micros(7), |out| out.push(2));
        second.push_control(|out| out.push(9));
        first.append(&mut second);
        assert_eq!(flat(&first), [9, 1, 2]);
        assert!(second.is_empty());
        assert_eq!((first.data_frames(), first.len()), (2, 3));
    }

    #[test]
    fn a_frame_that_has_begun_is_not_counted_as_one_that_never_was() {
        let mut queue = SendQueue::default();
        queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"aaaa"));
        queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"bbbb"));
        assert_eq!(queue.data_frames(), 2);
        queue.advance(1);
        assert_eq!(queue.data_frames(), 1);
    }

    #[test]
    fn control_frames_leave_no_memory_behind_in_a_queue_that_never_empties() {
        let mut queue = SendQueue::default();
        for _ in 0..1000 {
            queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(&[1; 40]));
            queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(&[1; 40]));
            queue.push_control(|out| out.extend_from_slice(&[9; 40]));
            queue.advance(100);
        }
        assert!(!queue.is_empty());
        assert!(
            queue.control.capacity() < 200,
            "{}",
            queue.control.capacity()
        );
    }

    #[test]
    fn every_way_of_writing_gives_the_same_bytes_and_numbers() {
        for step in 1..12 {
            let mut queue = SendQueue::default();
            for n in 0..5_u8 {
                queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(&[n; 5]));
            }
            queue.push_control(|out| out.extend_from_slice(&[99; 3]));
            let mut wire = Vec::new();
            let mut numbered = 0;
            while !queue.is_empty() {
                let all = flat(&queue);
                let n = step.min(all.len());
                wire.extend_from_slice(&all[..n]);
                numbered += queue.advance(n).numbered;
            }
            assert_eq!((wire.len(), numbered), (28, 5));
            assert_eq!(wire[..3], [99; 3]);
        }
    }

    fn flat(queue: &SendQueue) -> Vec<u8> {
        queue
            .slices()
            .iter()
            .flat_map(|slice| slice.to_vec())
            .collect()
    }
}
