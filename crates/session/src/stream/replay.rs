//! The data frames that were written and are not acknowledged: what a resume may have to write again.

use crate::wire::{HEADER_LEN, Header};

/// Frames as they are on the wire, in their order. They need no marks: each says its own length.
///
/// ```text
///   acknowledged │ written on this connection    │ begun   │ to be written again
///                head                            begun  next                until
/// ```
/// Between a resume and the end of its replay, `next` lies before the end. Otherwise all is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Replay {
    bytes: Vec<u8>,
    /// Where the oldest kept frame begins.
    head: usize,
    /// Where the frame begins in which `next` lies.
    begun: usize,
    /// Up to where the frames are written on this connection.
    next: usize,
    /// Up to where they will be.
    until: usize,
    /// The kept frames, and those of them that are not yet written whole on this connection.
    frames: u64,
    again: u64,
}

impl Replay {
    /// Appends frames that have begun: [`Replay::keep`] then says how many.
    pub(super) fn append(&mut self, frames: &[u8]) {
        // A second frame mostly comes with many more. A first one may be alone for long.
        if !self.bytes.is_empty() && self.bytes.capacity() < GROWN_BYTES {
            self.bytes.reserve(GROWN_BYTES);
        }
        self.bytes.extend_from_slice(frames);
    }

    /// Keeps the appended frames. Beyond `most` bytes the oldest ones go.
    pub(super) fn keep(&mut self, frames: u64, most: usize) {
        self.frames += frames;
        while self.len() > most {
            self.pop();
        }
        self.stand_at(self.bytes.len());
        self.until = self.bytes.len();
        self.compact();
    }

    /// Drops the oldest frames, which the peer has. They were written whole on this connection.
    pub(super) fn trim(&mut self, frames: u64) {
        for _ in 0..frames.min(self.frames - self.again) {
            self.pop();
        }
        self.compact();
    }

    /// Drops this many of the oldest frames, and writes all others again, on another connection.
    pub(super) fn rewind(&mut self, acknowledged: u64) {
        self.again = 0;
        self.trim(acknowledged);
        self.again = self.frames;
        self.stand_at(self.head);
        self.until = self.bytes.len();
    }

    /// Writes nothing again but the rest of the frame that has begun: this connection ends.
    pub(super) fn stop(&mut self) {
        self.until = self.next + self.rest_of_begun();
    }

    /// Notes that `n` bytes of [`Replay::slices`] were written.
    pub(super) fn advance(&mut self, n: usize) {
        self.next += n;
        while self.begun < self.next {
            let end = self.begun + self.frame_len(self.begun);
            if end > self.next {
                break;
            }
            self.begun = end;
            self.again -= 1;
        }
    }

    /// Returns the rest of the frame that has begun, and the frames that will be written behind it.
    pub(super) fn slices(&self) -> (&[u8], &[u8]) {
        let rest = self.bytes.get(self.next..self.until).unwrap_or_default();
        rest.split_at_checked(self.rest_of_begun())
            .unwrap_or((rest, &[]))
    }

    /// Returns the bytes of the frame that has begun and are not written again.
    pub(super) fn rest_of_begun(&self) -> usize {
        match self.begun < self.next {
            true => self.begun + self.frame_len(self.begun) - self.next,
            false => 0,
        }
    }

    /// Returns the number of bytes that will be written again.
    pub(super) fn waiting(&self) -> usize {
        self.until - self.next
    }

    /// Returns the kept frames that are not yet written whole on this connection.
    pub(super) fn again(&self) -> u64 {
        self.again
    }

    /// Returns the number of kept frames.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Lends the kept frames.
    pub(super) fn kept(&self) -> &[u8] {
        self.bytes.get(self.head..).unwrap_or_default()
    }

    /// Returns the bytes of the kept frames.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// Drops the oldest frame.
    fn pop(&mut self) {
        self.head += self.frame_len(self.head);
        self.frames -= 1;
    }

    fn stand_at(&mut self, at: usize) {
        (self.begun, self.next) = (at, at);
    }

    /// The bytes of the frame that begins here, header included.
    fn frame_len(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let payload = rest.first_chunk().map_or(0, |header| {
            usize::try_from(Header::decode(*header).len).unwrap_or(usize::MAX)
        });
        (HEADER_LEN + payload).min(rest.len())
    }

    /// Frees the bytes that were dropped, once there are many of them.
    fn compact(&mut self) {
        if self.head < COMPACT_BYTES || self.head <= self.bytes.len() / 2 {
            return;
        }
        self.bytes.drain(..self.head);
        self.bytes.shrink_to(2 * self.bytes.len());
        for place in [&mut self.begun, &mut self.next, &mut self.until] {
            *place -= self.head;
        }
        self.head = 0;
    }
}

/// The least size behind a second frame: growing to it step by step costs more than the frames themselves.
const GROWN_BYTES: usize = 1024;
/// From this size on, the dropped half is freed.
const COMPACT_BYTES: usize = 4 * 1024;

#[cfg(test)]
mod tests;
