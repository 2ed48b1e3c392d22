//! The frames that wait to be written: whole frames, control before data, counted when their first byte is written.

use std::collections::VecDeque;
use std::io::IoSlice;

use crate::Time;

/// The outbound bytes of one session.
///
/// Control frames go out before queued data, but never inside a frame that has begun. A data frame gets its number when
/// its first byte is written. So a frame without a number can still be dropped without a gap.
#[derive(Debug, Default)]
pub struct SendQueue {
    bytes: Vec<u8>,
    head: usize,
    marks: VecDeque<Mark>,
    /// Data frames whose first byte is not yet written.
    unnumbered: u64,
    /// Bytes of the first mark's first frame that are already written.
    started: usize,
    /// Bytes that waited when the kernel last refused a write, and still do.
    refused: usize,
    control: Vec<u8>,
    control_head: usize,
}

/// Consecutive frames in `bytes` with the same length, kind and time, as a burst leaves them.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// The bytes of each frame.
    len: u32,
    /// At least one.
    frames: u16,
    data: bool,
    queued_at: Time,
}

/// The result of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Data frames whose first byte was written: they have a number from now on.
    pub numbered: u64,
    /// Whether a byte of a data frame was written.
    pub data: bool,
    /// The bytes behind the last byte of a data frame: of control frames and of a goodbye.
    pub behind_data: usize,
}

/// The frames that were dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Data frames whose first byte was never written.
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

    /// Appends a frame that stays behind queued data: a goodbye.
    pub fn push_last(&mut self, now: Time, encode: impl FnOnce(&mut Vec<u8>)) {
        self.push_marked(now, false, encode);
    }

    /// Appends a control frame, which overtakes queued data.
    pub fn push_control(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        RollbackOnPanic::append(&mut self.control, encode);
    }

    /// Moves all of `other` behind the frames queued here.
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

    /// Drops every data frame without a number. It keeps the frame in progress and control frames.
    pub fn drop_unstarted(&mut self) -> Dropped {
        let rest = self.rest_of_started();
        let first = self.marks.front().filter(|_| self.started > 0).copied();
        let mut dropped = Dropped::default();
        for mark in self.marks.drain(..) {
            dropped.add(&mark);
        }
        if let Some(first) = first {
            let begun = Mark { frames: 1, ..first };
            dropped.remove(&begun);
            self.marks.push_back(begun);
        }
        self.unnumbered = 0;
        self.bytes.truncate(self.head + rest);
        self.refused = self.refused.min(self.len());
        if self.is_empty() {
            self.clear();
        }
        dropped
    }

    /// Notes that `n` bytes of [`SendQueue::slices`] were written.
    #[inline]
    pub fn advance(&mut self, n: usize) -> Written {
        let only_data = self.control.is_empty() && self.marks.back().is_some_and(|mark| mark.data);
        if n == self.len() && only_data {
            let numbered = self.unnumbered;
            self.clear();
            return Written {
                numbered,
                data: true,
                behind_data: 0,
            };
        }
        self.advance_partly(n)
    }

    fn advance_partly(&mut self, mut n: usize) -> Written {
        let mut written = Written::default();
        self.refused = self.refused.saturating_sub(n);
        if self.started > 0 {
            n -= self.advance_data(n.min(self.rest_of_started()), &mut written);
        }
        let control = n.min(self.control.len() - self.control_head);
        self.control_head += control;
        written.behind_data += control;
        n -= control;
        self.advance_data(n, &mut written);
        if self.control_is_empty() {
            self.control.clear();
            self.control_head = 0;
        }
        self.unnumbered -= written.numbered;
        if self.is_empty() {
            self.clear();
        }
        if self.head > COMPACT_BYTES && self.head > self.bytes.len() / 2 {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
        written
    }

    /// Notes that the kernel refused a write of what waits.
    pub fn refused(&mut self) {
        self.refused = self.len();
    }

    /// Returns the bytes that wait for their first write.
    #[must_use]
    pub fn untried(&self) -> usize {
        self.len() - self.refused
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

    /// Returns whether the queue is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head == self.bytes.len() && self.control_head == self.control.len()
    }

    /// Returns whether every control frame is written.
    #[must_use]
    pub fn control_is_empty(&self) -> bool {
        self.control_head == self.control.len()
    }

    /// Returns the bytes of memory held.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() + self.control.capacity() + self.marks.capacity() * size_of::<Mark>()
    }

    /// Returns the bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.head + self.control.len() - self.control_head
    }

    /// Returns the bytes of data frames that wait.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        let frames = self.marks.iter().filter(|mark| mark.data);
        let bytes: u64 = frames.map(Mark::bytes).sum();
        let begun = self.marks.front().is_some_and(|mark| mark.data);
        let started = if begun { self.started } else { 0 };
        bytes.saturating_sub(u64::try_from(started).unwrap_or(u64::MAX))
    }

    /// Returns the number of data frames whose first byte is not yet written.
    #[must_use]
    pub fn data_frames(&self) -> u64 {
        self.unnumbered
    }

    /// Returns when the oldest waiting frame was queued.
    #[must_use]
    pub fn oldest(&self) -> Option<Time> {
        self.marks.front().map(|mark| mark.queued_at)
    }

    /// Notes that no frame was queued later than now. The clock of this connection may be behind that of a sender.
    pub(crate) fn queued_by(&mut self, now: Time) {
        for mark in self.marks.iter_mut().rev() {
            if mark.queued_at <= now {
                return;
            }
            mark.queued_at = now;
        }
    }

    /// Returns when the newest waiting frame was queued.
    #[must_use]
    pub fn newest(&self) -> Option<Time> {
        self.marks.back().map(|mark| mark.queued_at)
    }

    #[inline]
    fn push_marked(&mut self, queued_at: Time, data: bool, encode: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len();
        RollbackOnPanic::append(&mut self.bytes, encode);
        let len = u32::try_from(self.bytes.len() - before).unwrap_or(u32::MAX);
        if len > 0 {
            self.unnumbered += u64::from(data);
            self.mark(Mark {
                len,
                frames: 1,
                data,
                queued_at,
            });
        }
    }

    #[inline]
    fn mark(&mut self, frame: Mark) {
        match self.marks.back_mut() {
            Some(last) if last.is_like(&frame) && last.frames < u16::MAX => last.frames += 1,
            _ => self.marks.push_back(frame),
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
            let Some(mark) = self.marks.front_mut() else {
                break;
            };
            if self.started == 0 {
                written.numbered += u64::from(mark.data);
            }
            let step = left.min(usize_of(mark.len) - self.started);
            written.data |= mark.data;
            written.behind_data = match mark.data {
                true => 0,
                false => written.behind_data + step,
            };
            self.started += step;
            left -= step;
            if self.started == usize_of(mark.len) {
                self.started = 0;
                mark.frames -= 1;
                if mark.frames == 0 {
                    self.marks.pop_front();
                }
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
        self.refused = 0;
        self.control.clear();
        self.control_head = 0;
    }
}

/// Bytes of whole frames. The game's encoder may stop half-way by a panic: the partial frame is then removed.
struct RollbackOnPanic<'a> {
    bytes: &'a mut Vec<u8>,
    len: usize,
}

impl RollbackOnPanic<'_> {
    #[inline]
    fn append(bytes: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
        let len = bytes.len();
        let mut whole = RollbackOnPanic { bytes, len };
        encode(whole.bytes);
        whole.len = whole.bytes.len();
    }
}

impl Drop for RollbackOnPanic<'_> {
    #[inline]
    fn drop(&mut self) {
        self.bytes.truncate(self.len);
    }
}

impl Mark {
    fn is_like(&self, other: &Self) -> bool {
        (self.len, self.data, self.queued_at) == (other.len, other.data, other.queued_at)
    }

    fn bytes(&self) -> u64 {
        u64::from(self.len) * u64::from(self.frames)
    }

    fn data_frames(&self) -> u64 {
        u64::from(self.data) * u64::from(self.frames)
    }
}

impl std::ops::AddAssign for Dropped {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

impl Dropped {
    fn add(&mut self, mark: &Mark) {
        self.frames += mark.data_frames();
        self.bytes += mark.bytes();
    }

    fn remove(&mut self, mark: &Mark) {
        self.frames -= mark.data_frames();
        self.bytes -= mark.bytes();
    }
}

/// From this size on, a queue that never empties frees its written half.
const COMPACT_BYTES: usize = 16 * 1024;

fn usize_of(len: u32) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
