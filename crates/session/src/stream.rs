//! The data frames of a session in both directions: how many came, went and were acknowledged, and those that wait. A
//! session that outlives its connection takes all of it along, as one value.

mod acks;
mod of_client;
mod replay;

use std::io::IoSlice;

use crate::Time;
use crate::resume::Resume;
use crate::send_queue::{Dropped, SendQueue, Written};

use acks::AckClock;
use replay::Replay;

/// The counts of a session's data frames, and the frames that wait to be written or acknowledged.
///
/// Both ends count from 0, for the life of the session, each direction by itself. A frame counts as sent once its first
/// byte is written: from then on it has a number.
///
/// Where the session may resume ([`Stream::outlive`]), frames with a number are kept until they are acknowledged. The kept
/// ones are exactly those with the numbers from [`Stream::floor`] to [`Stream::sent`].
#[derive(Clone, Debug, Default)]
pub struct Stream {
    received: u64,
    sent: u64,
    /// The highest `received` that the peer told us.
    acked: u64,
    /// Lent only while something is queued.
    pub(crate) queue: Option<Box<SendQueue>>,
    /// Only where the session may resume.
    durable: Option<Box<Durable>>,
}

/// The further state of a session that may outlive its connection.
#[derive(Clone, Debug, Default)]
struct Durable {
    /// Server: the state of the session. A client has its own.
    resume: Option<Resume>,
    acks: AckClock,
    /// The written frames that are not acknowledged.
    replay: Replay,
    /// The frames that wait for the next connection, since this one ends.
    aside: Option<Box<SendQueue>>,
}

impl Stream {
    /// Returns nothing to write.
    pub(crate) fn nothing() -> [IoSlice<'static>; 3] {
        [(); 3].map(|()| IoSlice::new(&[]))
    }

    /// The session may outlive its connection from now on: before its first data frame. A server gives its state.
    pub fn outlive(&mut self, resume: Option<Resume>) {
        self.durable = Some(Box::new(Durable {
            resume,
            ..Durable::default()
        }));
    }

    /// Counts a data frame with this much payload, which came.
    #[inline]
    pub fn on_frame(&mut self, now: Time, payload: usize) {
        self.received += 1;
        if let Some(durable) = &mut self.durable {
            durable.acks.on_frame(now, payload);
        }
    }

    /// Returns the count for a frame that tells it to the peer, which is queued now.
    #[inline]
    pub fn tell_received(&mut self) -> u64 {
        if let Some(durable) = &mut self.durable {
            durable.acks.on_told();
        }
        self.received
    }

    /// Takes note of an ack of this many more frames, as [`Stream::count_acknowledged`] returns it.
    pub fn acknowledge(&mut self, frames: u64) {
        self.acked += frames;
        if let Some(durable) = &mut self.durable {
            let (kept, unacked) = (durable.replay.frames(), self.sent - self.acked);
            durable.replay.trim(kept.saturating_sub(unacked));
        }
    }

    /// Notes that `n` bytes of [`Stream::slices`] were written. Returns `None` where nothing waited. At most `kept_max`
    /// bytes of written frames are kept: beyond that the oldest ones go.
    #[inline]
    pub fn advance(&mut self, n: usize, kept_max: usize) -> Option<Written> {
        let written = match &mut self.durable {
            None => self.queue.as_mut()?.advance(n),
            Some(durable) if durable.is_replaying() => durable.advance_replay(n, &mut self.queue),
            Some(durable) => durable.advance(n, self.queue.as_mut()?, kept_max),
        };
        self.sent += written.numbered;
        Some(written)
    }

    /// Moves these frames behind the waiting ones.
    pub fn append(&mut self, queue: &mut Box<SendQueue>) {
        let aside = self.durable.as_mut().and_then(|d| d.aside.as_mut());
        let own = aside.unwrap_or_else(|| self.queue.get_or_insert_default());
        if own.is_empty() {
            std::mem::swap(own, queue);
        } else {
            own.append(queue);
        }
    }

    /// Puts the frames that wait aside, for the next connection: this one ends, and only the frame that has begun and a
    /// goodbye are still written on it.
    pub fn set_aside(&mut self) {
        let Some(durable) = &mut self.durable else {
            return;
        };
        durable.replay.stop();
        if durable.aside.is_none() {
            let unstarted = self.queue.as_mut().map(|queue| queue.take_unstarted());
            durable.aside = Some(unstarted.unwrap_or_default());
        }
    }

    /// Drops every frame that has not begun: the session is over. Returns those that never had a number.
    pub fn drop_unstarted(&mut self) -> Dropped {
        let mut dropped = Dropped::default();
        if let Some(durable) = &mut self.durable {
            durable.replay.stop();
            if let Some(mut aside) = durable.aside.take() {
                dropped += aside.drop_unstarted();
            }
        }
        if let Some(queue) = &mut self.queue {
            dropped += queue.drop_unstarted();
        }
        dropped
    }

    /// Moves the session out of a connection that ends. The connection keeps what it still has to write: the rest of a
    /// frame that has begun, control frames and a goodbye.
    #[must_use]
    pub fn leave(&mut self) -> Self {
        self.set_aside();
        let mut rest = Self {
            received: self.received,
            sent: self.sent,
            acked: self.acked,
            queue: self.queue.take(),
            durable: None,
        };
        let durable = self.durable.as_ref();
        if let Some(replay) = durable.and_then(|durable| durable.replaying()) {
            let (begun, _) = replay.slices();
            rest.queue_mut().push_control_first(begun);
        }
        self.detach();
        std::mem::replace(self, rest)
    }

    /// The connection is gone. A frame that was half written on it will be written whole, and new frames wait for the next
    /// connection.
    pub fn detach(&mut self) {
        self.set_aside();
        if let Some(durable) = &mut self.durable {
            self.queue = durable.aside.take().filter(|queue| !queue.is_empty());
        }
        self.tidy();
    }

    /// Frees memory that no kept frame needs. It is used again while frames come and go, so this is not done at each ack.
    pub(crate) fn tidy(&mut self) {
        if let Some(durable) = &mut self.durable {
            durable.replay.tidy();
        }
    }

    /// Goes on with a new connection, whose peer has received this many frames: from [`Stream::floor`] to
    /// [`Stream::sent`]. All other kept frames are written again, before new ones. The peer is told of our own count by
    /// the answer to its hello.
    pub fn attach(&mut self, peer_received: u64) {
        let acknowledged = peer_received.saturating_sub(self.floor());
        self.acked = peer_received;
        if let Some(durable) = &mut self.durable {
            durable.replay.rewind(acknowledged);
        }
    }

    /// Drops the kept frames, since memory is short: a resume that needs one of them will be refused. Without effect while
    /// they are written again, since their peer would miss them.
    pub fn evict(&mut self) {
        let durable = self.durable.as_mut();
        if let Some(durable) = durable.filter(|durable| !durable.is_replaying()) {
            durable.replay = Replay::default();
        }
    }

    /// Returns the queue, made where there is none.
    #[inline]
    pub(crate) fn queue_mut(&mut self) -> &mut SendQueue {
        self.queue.get_or_insert_default()
    }

    /// Returns the queue that takes new frames, made where there is none: behind an end, the one of the next connection.
    #[inline]
    pub(crate) fn unsent_mut(&mut self) -> &mut SendQueue {
        let aside = self.durable.as_mut().and_then(|d| d.aside.as_mut());
        aside.unwrap_or_else(|| self.queue.get_or_insert_default())
    }

    /// Returns the bytes that wait for their first write, here or on the next connection.
    #[inline]
    pub(crate) fn queued_bytes(&self) -> usize {
        let here = self.queue.as_ref().map_or(0, |queue| queue.len());
        let durable = self.durable.as_ref();
        here + durable.map_or(0, |durable| durable.aside_bytes())
    }

    /// Takes out the counts of the frames that a policy dropped or replaced.
    pub(crate) fn take_lost(&mut self) -> Dropped {
        let aside = self.durable.as_mut().and_then(|d| d.aside.as_mut());
        let mut lost = Dropped::default();
        for queue in [self.queue.as_mut(), aside].into_iter().flatten() {
            lost += queue.take_lost();
        }
        lost
    }

    /// Takes note of the client's first ack on a connection, at its server. Returns whether the player is back.
    pub(crate) fn confirm(&mut self) -> bool {
        self.resume_mut().is_some_and(Resume::on_ack)
    }

    /// Whether nothing but an ack or a goodbye may come from the client next.
    #[inline]
    pub(crate) fn awaits_ack(&self) -> bool {
        self.resume().is_some_and(Resume::awaits_ack)
    }

    /// Lends the bytes to write next, in order: control frames first, but for a frame that has begun, and frames that are
    /// written again before new ones. Not always all of them.
    #[inline]
    pub fn slices(&mut self) -> [IoSlice<'_>; 3] {
        let replay = self
            .durable
            .as_ref()
            .and_then(|durable| durable.replaying());
        match (replay, &mut self.queue) {
            (Some(replay), queue) => {
                let (begun, others) = replay.slices();
                let control = queue.as_ref().map_or(&[][..], |queue| queue.control());
                [begun, control, others].map(IoSlice::new)
            }
            (None, Some(queue)) => queue.slices(),
            (None, None) => Self::nothing(),
        }
    }

    /// Returns whether bytes wait to be written.
    #[inline]
    pub fn wants_write(&self) -> bool {
        let has_frames = self.queue.as_ref().is_some_and(|queue| !queue.is_empty());
        has_frames || self.durable.as_ref().is_some_and(|d| d.is_replaying())
    }

    /// Returns how many more frames this `received` of the peer acknowledges. `None` where the count is less than an
    /// earlier one, or more than we sent: of the frames that are written again, those that were written whole.
    pub fn count_acknowledged(&self, received: u64) -> Option<u64> {
        let more = received.checked_sub(self.acked)?;
        let durable = self.durable.as_ref();
        let again = durable.map_or(0, |durable| durable.replay.again());
        (received <= self.sent - again).then_some(more)
    }

    /// Returns when an ack is due: [`Time::ORIGIN`] is at once, [`Time::NEVER`] where none is.
    pub fn ack_due_at(&self) -> Time {
        let durable = self.durable.as_ref();
        durable.map_or(Time::NEVER, |durable| durable.acks.due_at())
    }

    /// Returns whether frames came of which the peer was not told.
    #[inline]
    pub(crate) fn owes_ack(&self) -> bool {
        let durable = self.durable.as_ref();
        durable.is_some_and(|durable| durable.acks.owes())
    }

    /// Returns whether an ack goes out now: where it is due, or where it `joins` a write that happens anyway.
    #[inline]
    pub fn ack_goes_out(&self, now: Time, joins: bool) -> bool {
        let durable = self.durable.as_ref();
        durable.is_some_and(|durable| durable.acks.goes_out(now, joins))
    }

    /// Data frames in, by their numbers on the wire.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Data frames out, by their numbers on the wire.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Data frames out of which the peer has not told us that it received them.
    #[must_use]
    pub fn unacked(&self) -> u64 {
        self.sent - self.acked
    }

    /// The data frames out that are no longer kept: a peer that has received fewer cannot go on.
    #[must_use]
    pub fn floor(&self) -> u64 {
        let durable = self.durable.as_ref();
        self.sent - durable.map_or(0, |durable| durable.replay.frames())
    }

    /// Returns the bytes of frames that are kept for a resume.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        let durable = self.durable.as_ref();
        durable.map_or(0, |durable| durable.replay.len())
    }

    /// Returns the bytes of all frames that wait, or are kept.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let aside = self
            .durable
            .as_ref()
            .and_then(|durable| durable.aside.as_ref());
        let queues = self.queue.iter().chain(aside);
        queues.map(|queue| queue.len()).sum::<usize>() + self.kept_bytes()
    }

    /// Returns the bytes that wait to be written again.
    #[must_use]
    pub fn replay_bytes(&self) -> usize {
        let durable = self.durable.as_ref();
        durable.map_or(0, |durable| durable.replay.waiting())
    }

    /// Returns the state of a session that may resume, at its server.
    #[must_use]
    pub fn resume(&self) -> Option<&Resume> {
        self.durable.as_ref()?.resume.as_ref()
    }

    /// The same, to change it.
    pub fn resume_mut(&mut self) -> Option<&mut Resume> {
        self.durable.as_mut()?.resume.as_mut()
    }

    /// Returns whether the session may outlive its connection.
    #[must_use]
    pub fn outlives(&self) -> bool {
        self.durable.is_some()
    }
}

impl Durable {
    /// Keeps the frames that begin with these bytes.
    #[inline]
    fn advance(&mut self, n: usize, queue: &mut SendQueue, kept_max: usize) -> Written {
        let replay = &mut self.replay;
        let written = queue.advance_and_lend(n, |frames| replay.append(frames));
        if written.numbered > 0 {
            replay.keep(written.numbered, kept_max);
        }
        written
    }

    /// Writes frames again: they have their numbers.
    fn advance_replay(&mut self, mut n: usize, queue: &mut Option<Box<SendQueue>>) -> Written {
        let mut written = Written::default();
        let replay = &mut self.replay;
        let begun = n.min(replay.rest_of_begun());
        replay.advance(begun);
        n -= begun;
        let control = queue.as_mut().map_or(0, |queue| queue.advance_control(n));
        n -= control;
        replay.advance(n);
        written.data = begun + n > 0;
        written.behind_data = if n > 0 { 0 } else { control };
        written
    }

    #[inline]
    fn aside_bytes(&self) -> usize {
        self.aside.as_ref().map_or(0, |queue| queue.len())
    }

    #[inline]
    fn is_replaying(&self) -> bool {
        self.replay.waiting() > 0
    }

    fn replaying(&self) -> Option<&Replay> {
        Some(&self.replay).filter(|replay| replay.waiting() > 0)
    }
}

#[cfg(test)]
mod tests;
