//! Frames that have not begun are dropped, oldest first, or replaced by key.

use super::mark::{Kind, Mark};
use super::{Backlog, RollbackOnPanic, SendQueue};
use crate::Time;

impl SendQueue {
    /// Returns the bytes that wait.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        Backlog {
            bytes: self.len(),
            droppable: self.droppable,
        }
    }

    /// Makes room for a frame of `len` bytes: at most `most` bytes then wait, here and `ahead`. The droppable bytes
    /// ahead are older, so they are counted as dropped first. Only the rest is dropped here. Returns whether there is
    /// room.
    pub fn make_room(&mut self, len: usize, most: usize, ahead: Backlog) -> bool {
        let excess = (ahead.bytes + self.len() + len).saturating_sub(most);
        if excess > ahead.droppable + self.droppable {
            return false;
        }
        self.drop_oldest(excess.saturating_sub(ahead.droppable));
        true
    }

    /// Counts a frame that found no room as dropped.
    pub fn drop_newest(&mut self) {
        self.lost.oldest += 1;
    }

    /// Drops the droppable frames that have waited since this time or longer.
    pub fn drop_older(&mut self, than: Time) {
        let begun = usize::from(self.started > 0);
        self.split_started();
        let old = self.marks.iter().skip(begun);
        let old = old.take_while(|mark| mark.queued_at <= than);
        let old = old.filter(|mark| mark.kind == Kind::Droppable);
        self.drop_oldest(old.map(Mark::bytes).sum());
    }

    /// Drops droppable frames, oldest first, until `excess` bytes are free or none is left.
    pub fn drop_oldest(&mut self, excess: usize) {
        let excess = excess.min(self.droppable);
        if excess == 0 {
            return;
        }
        self.split_started();
        let begun = usize::from(self.started > 0);
        let mut end = self.head + self.rest_of_started();
        let (mut freed, mut last, mut survivors) = (0, begun, 0);
        for (index, mark) in self.marks.iter().enumerate().skip(begun) {
            if freed >= excess {
                break;
            }
            (last, end) = (index, end + mark.bytes());
            if mark.kind == Kind::Droppable {
                let wanted = (excess - freed).div_ceil(mark.frame_bytes());
                let dropped = u16::try_from(wanted).map_or(mark.frames, |n| n.min(mark.frames));
                survivors = mark.frames - dropped;
                freed += usize::from(dropped) * mark.frame_bytes();
                self.lost.oldest += u64::from(dropped);
                self.unnumbered -= u64::from(dropped);
            }
        }
        self.close_gaps(last, end, survivors);
        self.head += freed;
        self.droppable -= freed;
        self.refused = self.refused.saturating_sub(freed);
        self.compact();
    }

    /// Removes the droppable frames up to the run at `last`, which ends at byte `end` and keeps its `survivors`. The
    /// older frames that stay are moved, since they are few.
    fn close_gaps(&mut self, last: usize, end: usize, survivors: u16) {
        let begun = usize::from(self.started > 0);
        let (mut from, mut to) = (end, end);
        for (index, mark) in self.marks.iter().enumerate().take(last + 1).rev() {
            let whole = match index < begun {
                true => mark.bytes() - self.started,
                false => mark.bytes(),
            };
            let stays = match mark.kind {
                Kind::Droppable if index == last => usize::from(survivors) * mark.frame_bytes(),
                Kind::Droppable if index >= begun => 0,
                Kind::Droppable | Kind::Goodbye | Kind::Kept | Kind::Latest => whole,
            };
            if from != to {
                self.bytes.copy_within(from - stays..from, to - stays);
            }
            (from, to) = (from - whole, to - stays);
        }
        let mut next = begun;
        for index in begun..=last {
            let Some(mut mark) = self.marks.get(index).copied() else {
                break;
            };
            if mark.kind == Kind::Droppable {
                mark.frames = if index == last { survivors } else { 0 };
            }
            if mark.frames > 0 {
                if let Some(place) = self.marks.get_mut(next) {
                    *place = mark;
                }
                next += 1;
            }
        }
        self.marks.drain(next..=last);
    }

    /// Gives the frame that has begun a mark of its own.
    pub(super) fn split_started(&mut self) {
        if let Some(front) = self.marks.front_mut() {
            if self.started > 0 && front.frames > 1 {
                front.frames -= 1;
                let begun = Mark {
                    frames: 1,
                    ..*front
                };
                self.marks.push_front(begun);
            }
        }
    }

    /// Puts a content at the place of the waiting frame with this key, or behind all frames.
    ///
    /// It is not moved to the end: there, a key that changes often would never reach the front of a slow queue.
    pub(super) fn push_latest(&mut self, now: Time, key: u64, encode: impl FnOnce(&mut Vec<u8>)) {
        if !self.latest.get_or_insert_default().has(key) {
            let len = self.push_marked(now, Kind::Latest, encode);
            if len > 0 {
                self.latest.get_or_insert_default().add(key, len);
            }
            return;
        }
        let latest = self.latest.get_or_insert_default();
        let at = latest.fresh_bytes();
        RollbackOnPanic::append(latest.fresh_mut(), encode);
        if latest.fresh_bytes() == at {
            return;
        }
        self.growth += latest.replace(key, at);
        self.lost.replaced += 1;
        if latest.fresh_bytes() > FRESH_BYTES_MIN.max(2 * self.bytes.len()) {
            self.refresh();
        }
    }

    pub(super) fn has_fresh(&self) -> bool {
        let latest = self.latest.as_ref();
        latest.is_some_and(|latest| latest.fresh_bytes() > 0)
    }

    /// Writes the queue again, with each newer content at the place of the older one.
    pub(super) fn refresh(&mut self) {
        if !self.has_fresh() {
            return;
        }
        self.split_started();
        let Some(mut latest) = self.latest.take() else {
            return;
        };
        let (spare_bytes, spare_marks) = std::mem::take(&mut latest.spare);
        let old = std::mem::replace(&mut self.bytes, spare_bytes);
        let mut marks = std::mem::replace(&mut self.marks, spare_marks);
        let mut rest = old.get(self.head..).unwrap_or_default();
        if self.started > 0 {
            if let Some(begun) = marks.pop_front() {
                self.bytes
                    .extend_from_slice(take(&mut rest, begun.bytes() - self.started));
                self.marks.push_back(begun);
            }
        }
        let mut newer = latest.newer();
        for mark in marks.drain(..) {
            if mark.kind != Kind::Latest {
                self.bytes.extend_from_slice(take(&mut rest, mark.bytes()));
                self.marks.push_back(mark);
                continue;
            }
            for _ in 0..mark.frames {
                let older = take(&mut rest, mark.frame_bytes());
                let content = newer.next().flatten().unwrap_or(older);
                self.bytes.extend_from_slice(content);
                let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
                let frames = 1;
                self.mark(Mark {
                    len,
                    frames,
                    ..mark
                });
            }
        }
        drop(newer);
        latest.refreshed();
        latest.spare = (old, marks);
        latest.spare.0.clear();
        (self.head, self.growth) = (0, 0);
        self.latest = Some(latest);
    }

    /// Appends the frames of a queue with keys one by one.
    pub(super) fn append_each(&mut self, other: &mut Self) {
        other.refresh();
        let Some(latest) = &other.latest else { return };
        let mut keys = latest.keys();
        let mut rest = other.bytes.get(other.head..).unwrap_or_default();
        for mark in &other.marks {
            if mark.kind != Kind::Latest {
                self.bytes.extend_from_slice(take(&mut rest, mark.bytes()));
                self.marks.push_back(*mark);
                self.unnumbered += mark.data_frames();
                continue;
            }
            for key in keys.by_ref().take(mark.frames.into()) {
                let content = take(&mut rest, mark.frame_bytes());
                self.push_latest(mark.queued_at, key, |out| out.extend_from_slice(content));
            }
        }
        self.droppable += other.droppable;
    }
}

/// Splits the first `n` bytes off.
fn take<'a>(rest: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (first, others) = rest.split_at_checked(n).unwrap_or((rest, &[]));
    *rest = others;
    first
}

/// With fewer bytes of newer contents, the queue is not rewritten before the next write.
const FRESH_BYTES_MIN: usize = 4 * 1024;
