//! The data frames of a session in both directions: how many came, went and were acknowledged, and those that wait.

use std::io::IoSlice;

use crate::send_queue::{SendQueue, Written};

/// The counts of a session's data frames, and the frames that wait to be written.
///
/// Both ends count from 0, for the life of the session, each direction by itself. A frame counts as sent once its first
/// byte is written.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    received: u64,
    sent: u64,
    /// The highest `received` that the peer told us.
    acked: u64,
    /// Lent only while something is queued.
    pub(crate) queue: Option<Box<SendQueue>>,
}

impl Stream {
    /// Returns nothing to write.
    pub(crate) fn nothing() -> [IoSlice<'static>; 3] {
        [(); 3].map(|()| IoSlice::new(&[]))
    }

    /// Counts a data frame that came.
    #[inline]
    pub(crate) fn count_received(&mut self) {
        self.received += 1;
    }

    /// Takes note of an ack of this many more frames, as [`Stream::count_acknowledged`] returns it.
    pub(crate) fn acknowledge(&mut self, frames: u64) {
        self.acked += frames;
    }

    /// Notes that `n` bytes of [`Stream::slices`] were written. Returns `None` where nothing waited.
    #[inline]
    pub(crate) fn advance(&mut self, n: usize) -> Option<Written> {
        let written = self.queue.as_mut()?.advance(n);
        self.sent += written.numbered;
        Some(written)
    }

    /// Moves these frames behind the waiting ones.
    pub(crate) fn append(&mut self, queue: &mut Box<SendQueue>) {
        let own = self.queue.get_or_insert_default();
        if own.is_empty() {
            std::mem::swap(own, queue);
        } else {
            own.append(queue);
        }
    }

    /// Returns the queue, made where there is none.
    #[inline]
    pub(crate) fn queue_mut(&mut self) -> &mut SendQueue {
        self.queue.get_or_insert_default()
    }

    /// Lends the bytes to write next, in order.
    pub(crate) fn slices(&mut self) -> [IoSlice<'_>; 3] {
        match &mut self.queue {
            Some(queue) => queue.slices(),
            None => Self::nothing(),
        }
    }

    /// Returns whether bytes wait to be written.
    pub(crate) fn wants_write(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| !queue.is_empty())
    }

    /// Returns how many more frames this `received` of the peer acknowledges. `None` where the count is less than an
    /// earlier one, or more than we sent.
    pub(crate) fn count_acknowledged(&self, received: u64) -> Option<u64> {
        let more = received.checked_sub(self.acked)?;
        (received <= self.sent).then_some(more)
    }

    /// Data frames in, by their numbers on the wire.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Data frames out, by their numbers on the wire.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Data frames out of which the peer has not told us that it received them.
    pub(crate) fn unacked(&self) -> u64 {
        self.sent - self.acked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Time;

    fn with_frames(frames: usize) -> Stream {
        let mut stream = Stream::default();
        for _ in 0..frames {
            let queue = stream.queue_mut();
            queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"data"));
        }
        stream
    }

    #[test]
    fn a_frame_counts_as_sent_with_its_first_byte() {
        let mut stream = with_frames(2);
        assert_eq!(stream.sent(), 0);
        for (bytes, sent) in [(1, 1), (3, 1), (1, 2), (3, 2)] {
            assert!(stream.wants_write());
            stream.advance(bytes);
            assert_eq!(stream.sent(), sent);
        }
        assert!(!stream.wants_write());
    }

    #[test]
    fn an_ack_lies_between_the_one_before_and_the_frames_that_were_sent() {
        let mut stream = with_frames(3);
        stream.advance(12);
        stream.acknowledge(1);
        assert_eq!(stream.unacked(), 2);
        let more: Vec<_> = (0..5).map(|n| stream.count_acknowledged(n)).collect();
        assert_eq!(more, [None, Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn frames_of_others_wait_behind_the_own_ones() {
        let mut stream = Stream::default();
        for byte in [1, 2] {
            let mut queue = Box::<SendQueue>::default();
            queue.push_data(Time::ORIGIN, |out| out.push(byte));
            stream.append(&mut queue);
            assert!(queue.is_empty());
        }
        let waiting: Vec<u8> = stream.slices().iter().flat_map(|s| s.to_vec()).collect();
        assert_eq!(waiting, [1, 2]);
    }
}
