//! The frames that wait to be written: whole frames, control before data, counted when their first byte is written.

mod latest;
mod mark;
mod policies;

use std::collections::VecDeque;
use std::io::IoSlice;

use crate::Time;
use crate::policy::Outbound;

use latest::Latest;
use mark::{Kind, Mark};

/// The outbound bytes of one session.
///
/// Control frames go out before queued data, but never inside a frame that has begun. A data frame gets its number when
/// its first byte is written. So a frame without a number can still be dropped without a gap.
#[derive(Clone, Debug, Default)]
pub struct SendQueue {
    bytes: Vec<u8>,
    head: usize,
    marks: VecDeque<Mark>,
    /// Data frames whose first byte is not yet written.
    unnumbered: u64,
    /// Bytes of the first mark's first frame that are already written.
    started: usize,
    /// Bytes that already waited when the kernel last refused a write, and still wait.
    refused: usize,
    control: Vec<u8>,
    control_head: usize,
    /// Bytes of droppable frames that have not begun.
    droppable: usize,
    /// The frames with a key; made with the first of them.
    latest: Option<Box<Latest>>,
    /// How many bytes longer the newest contents of these frames are than the contents in `bytes`.
    growth: isize,
    /// The frames that a policy dropped or replaced, until they are taken out.
    lost: Dropped,
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

/// The bytes that wait for one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// All bytes that wait.
    pub bytes: usize,
    /// The bytes of frames that may be dropped.
    pub droppable: usize,
}

/// The frames that were taken from the game and not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Data frames that waited at the end of the session, or came after the end.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Data frames that were dropped as the oldest ones ([`Policy::DropOldest`](crate::Policy::DropOldest)).
    pub oldest: u64,
    /// Data frames that a newer one with the same key replaced.
    pub replaced: u64,
}

impl SendQueue {
    /// Appends a frame of the game that is kept until it is written; `encode` appends exactly one frame.
    #[inline]
    pub fn push_data(&mut self, now: Time, encode: impl FnOnce(&mut Vec<u8>)) {
        self.push_marked(now, Kind::Kept, encode);
    }

    /// Appends a frame of the game, or puts it at the place of an older one with the same key.
    #[inline]
    pub fn push(&mut self, now: Time, how: Outbound, encode: impl FnOnce(&mut Vec<u8>)) {
        match how {
            Outbound::Kept => self.push_data(now, encode),
            Outbound::Droppable => self.droppable += self.push_marked(now, Kind::Droppable, encode),
            Outbound::Latest(key) => self.push_latest(now, key, encode),
        }
    }

    /// Appends a frame that stays behind the queued data: a goodbye.
    pub fn push_last(&mut self, now: Time, encode: impl FnOnce(&mut Vec<u8>)) {
        self.push_marked(now, Kind::Goodbye, encode);
    }

    /// Appends a control frame, which overtakes queued data.
    pub fn push_control(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        RollbackOnPanic::append(&mut self.control, encode);
    }

    /// Puts bytes before all control frames: the rest of a frame that has begun.
    pub(crate) fn push_control_first(&mut self, bytes: &[u8]) {
        let at = self.control_head;
        self.control.splice(at..at, bytes.iter().copied());
    }

    /// Moves all of `other` behind the frames queued here.
    pub fn append(&mut self, other: &mut Self) {
        debug_assert_eq!(other.started, 0, "a queue that was written to is not moved");
        if other
            .latest
            .as_ref()
            .is_some_and(|latest| !latest.is_empty())
        {
            self.append_each(other);
        } else {
            self.bytes
                .extend_from_slice(other.bytes.get(other.head..).unwrap_or_default());
            self.marks.append(&mut other.marks);
            self.unnumbered += other.unnumbered;
            self.droppable += other.droppable;
        }
        self.lost += std::mem::take(&mut other.lost);
        self.control
            .extend_from_slice(other.control.get(other.control_head..).unwrap_or_default());
        other.clear();
    }

    /// Drops every data frame without a number. It keeps the frame in progress and control frames. Returns also the frames
    /// that a policy dropped before.
    pub fn drop_unstarted(&mut self) -> Dropped {
        self.refresh();
        let rest = self.rest_of_started();
        let first = self.marks.front().filter(|_| self.started > 0).copied();
        let mut dropped = self.take_lost();
        for mark in self.marks.drain(..) {
            dropped.add(&mark);
        }
        if let Some(first) = first {
            let begun = Mark { frames: 1, ..first };
            dropped.remove(&begun);
            self.marks.push_back(begun);
        }
        (self.unnumbered, self.droppable) = (0, 0);
        if let Some(latest) = &mut self.latest {
            latest.clear();
        }
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
        self.advance_and_lend(n, |_| ())
    }

    /// The same, and lends the data frames whose first byte is among these: whole frames, in their order.
    #[inline]
    pub(crate) fn advance_and_lend(&mut self, n: usize, mut begun: impl FnMut(&[u8])) -> Written {
        let is_last_data = self.marks.back().is_some_and(|mark| mark.kind.is_data());
        // Control frames lie before the frames that have not begun.
        let ends_with_data = is_last_data && (self.control.is_empty() || self.unnumbered > 0);
        if n == self.len() && ends_with_data {
            let numbered = self.unnumbered;
            let unnumbered = self.head + self.rest_of_started();
            begun(self.bytes.get(unnumbered..).unwrap_or_default());
            self.clear();
            return Written {
                numbered,
                data: true,
                behind_data: 0,
            };
        }
        self.advance_partly(n, begun)
    }

    fn advance_partly(&mut self, mut n: usize, mut begun: impl FnMut(&[u8])) -> Written {
        let mut written = Written::default();
        self.refused = self.refused.saturating_sub(n);
        if self.started > 0 {
            n -= self.advance_data(n.min(self.rest_of_started()), &mut written, &mut begun);
        }
        let control = self.advance_control(n);
        written.behind_data += control;
        n -= control;
        self.advance_data(n, &mut written, &mut begun);
        self.unnumbered -= written.numbered;
        self.compact();
        written
    }

    /// Notes that at most `n` bytes of the control frames were written. Returns how many.
    pub(crate) fn advance_control(&mut self, n: usize) -> usize {
        let control = n.min(self.control.len() - self.control_head);
        self.control_head += control;
        if self.control_is_empty() {
            self.control.clear();
            self.control_head = 0;
        }
        control
    }

    /// Moves every data frame without a number into a queue of its own. The frame in progress and control frames stay. A
    /// goodbye that has not begun is dropped.
    pub(crate) fn take_unstarted(&mut self) -> Box<Self> {
        self.refresh();
        self.split_started();
        let begun = usize::from(self.started > 0);
        let unstarted = self.head + self.rest_of_started();
        let mut taken = Self {
            bytes: self.bytes.split_off(unstarted),
            marks: self.marks.split_off(begun),
            unnumbered: std::mem::take(&mut self.unnumbered),
            droppable: std::mem::take(&mut self.droppable),
            latest: self.latest.take(),
            ..Self::default()
        };
        self.refused = self.refused.min(self.len());
        while let Some(goodbye) = taken.marks.pop_back() {
            if goodbye.kind.is_data() {
                taken.marks.push_back(goodbye);
                break;
            }
            taken.bytes.truncate(taken.bytes.len() - goodbye.bytes());
        }
        Box::new(taken)
    }

    /// Notes that the kernel refused a write of the waiting bytes.
    pub fn refused(&mut self) {
        self.refused = self.len();
    }

    /// Returns the bytes that wait for their first write.
    #[must_use]
    pub fn untried(&self) -> usize {
        self.len().saturating_sub(self.refused)
    }

    /// Returns the bytes that wait although the kernel refused them.
    #[must_use]
    pub fn refused_bytes(&self) -> usize {
        self.refused.min(self.len())
    }

    /// Takes out the counts of the frames that a policy dropped or replaced.
    pub fn take_lost(&mut self) -> Dropped {
        std::mem::take(&mut self.lost)
    }

    /// Lends the bytes to write next, in order; not always all of them.
    pub fn slices(&mut self) -> [IoSlice<'_>; 3] {
        if self.started == 0 {
            self.refresh();
        }
        let data = self.bytes.get(self.head..).unwrap_or_default();
        let (started, rest) = data
            .split_at_checked(self.rest_of_started())
            .unwrap_or((data, &[]));
        let rest = if self.has_fresh() { &[] } else { rest };
        [
            IoSlice::new(started),
            IoSlice::new(self.control()),
            IoSlice::new(rest),
        ]
    }

    /// Lends the data frames of a queue of which nothing was written.
    pub(crate) fn unstarted(&mut self) -> &[u8] {
        self.refresh();
        self.bytes.get(self.head..).unwrap_or_default()
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

    /// Lends the control frames that wait.
    pub(crate) fn control(&self) -> &[u8] {
        self.control.get(self.control_head..).unwrap_or_default()
    }

    /// Returns the bytes of memory held.
    #[must_use]
    pub fn capacity(&self) -> usize {
        let latest = self.latest.as_ref().map_or(0, |latest| latest.capacity());
        let marks = self.marks.capacity() * size_of::<Mark>();
        self.bytes.capacity() + self.control.capacity() + marks + latest
    }

    /// Returns the bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        let here = self.bytes.len() - self.head + self.control.len() - self.control_head;
        here.saturating_add_signed(self.growth)
    }

    /// Returns the bytes that wait until they are written, since they may not be dropped.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.len() - self.droppable
    }

    /// Returns the bytes of data frames that wait.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        let frames = self.marks.iter().filter(|mark| mark.kind.is_data());
        let bytes: usize = frames.map(Mark::bytes).sum();
        let begun = self.marks.front().is_some_and(|mark| mark.kind.is_data());
        let started = if begun { self.started } else { 0 };
        as_u64(bytes.saturating_add_signed(self.growth) - started)
    }

    /// Returns the number of data frames whose first byte is not yet written.
    #[must_use]
    pub fn data_frames(&self) -> u64 {
        self.unnumbered
    }

    /// Returns when the oldest waiting frame was queued. Frames without a limit of age do not count: a limit applies
    /// to a frame that is kept, or that can still be dropped for its age.
    #[must_use]
    pub fn oldest(&self) -> Option<Time> {
        let mut marks = self.marks.iter().enumerate();
        let (_, mark) = marks.find(|(index, mark)| match mark.kind {
            Kind::Goodbye | Kind::Kept => true,
            Kind::Droppable => *index > 0 || self.started == 0 || mark.frames > 1,
            Kind::Latest => false,
        })?;
        Some(mark.queued_at)
    }

    /// Notes that no frame was queued later than now. The clock of this connection may be behind the clock of a
    /// sender.
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

    /// Returns the length of the frame; 0 if the dialect wrote nothing for it.
    #[inline]
    fn push_marked(
        &mut self,
        queued_at: Time,
        kind: Kind,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> usize {
        let before = self.bytes.len();
        RollbackOnPanic::append(&mut self.bytes, encode);
        let added = self.bytes.len() - before;
        if added > 0 {
            self.unnumbered += u64::from(kind.is_data());
            self.mark(Mark {
                len: u32::try_from(added).unwrap_or(u32::MAX),
                frames: 1,
                kind,
                queued_at,
            });
        }
        added
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
            Some(mark) if self.started > 0 => mark.frame_bytes() - self.started,
            _ => 0,
        }
    }

    /// Consumes `n` bytes of marked frames, and returns `n`.
    fn advance_data(
        &mut self,
        n: usize,
        written: &mut Written,
        begun: &mut impl FnMut(&[u8]),
    ) -> usize {
        let mut at = self.head;
        self.head += n;
        let mut left = n;
        while left > 0 {
            let Some(mark) = self.marks.front_mut() else {
                break;
            };
            let (data, len) = (mark.kind.is_data(), mark.frame_bytes());
            if self.started == 0 {
                written.numbered += u64::from(data);
                if data {
                    begun(self.bytes.get(at..at + len).unwrap_or_default());
                }
                match mark.kind {
                    Kind::Goodbye | Kind::Kept => {}
                    Kind::Droppable => self.droppable -= len,
                    Kind::Latest => self.latest.iter_mut().for_each(|latest| latest.begin()),
                }
            }
            let step = left.min(len - self.started);
            written.data |= data;
            written.behind_data = match data {
                true => 0,
                false => written.behind_data + step,
            };
            self.started += step;
            at += step;
            left -= step;
            if self.started == len {
                self.started = 0;
                mark.frames -= 1;
                if mark.frames == 0 {
                    self.marks.pop_front();
                }
            }
        }
        n
    }

    /// Frees the bytes that were written or dropped, once there are many of them.
    fn compact(&mut self) {
        if self.is_empty() {
            self.clear();
        }
        free_written(&mut self.bytes, &mut self.head);
        free_written(&mut self.control, &mut self.control_head);
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
        self.droppable = 0;
        if let Some(latest) = &mut self.latest {
            latest.clear();
            self.growth = 0;
        }
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

impl std::ops::AddAssign for Dropped {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.oldest += other.oldest;
        self.replaced += other.replaced;
    }
}

impl Dropped {
    fn add(&mut self, mark: &Mark) {
        self.frames += mark.data_frames();
        self.bytes += as_u64(mark.bytes());
    }

    fn remove(&mut self, mark: &Mark) {
        self.frames -= mark.data_frames();
        self.bytes -= as_u64(mark.bytes());
    }
}

/// Frees the written part of a queue that never empties, and the memory that a burst took.
fn free_written(bytes: &mut Vec<u8>, head: &mut usize) {
    if *head > COMPACT_BYTES && *head > bytes.len() / 2 {
        bytes.drain(..std::mem::take(head));
        bytes.shrink_to(2 * bytes.len());
    }
}

/// From this size on, a queue that never empties frees its written or dropped half.
const COMPACT_BYTES: usize = 16 * 1024;

fn as_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
