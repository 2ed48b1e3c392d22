//! The budget of a live peer: a bucket for its frames, a bucket for its bytes, and since when the peer has been over
//! its rate.
//!
//! The peer is *over its rate* from the moment at which its bytes have to wait for a token, until everything that it has
//! sent has been read. It is *limited* from the same moment, until no byte waits and both buckets are half full again.

use std::time::Duration;

use crate::bucket::Bucket;
use crate::{Limits, Rate, Time};

/// The buckets of one live session, and their consequences.
#[derive(Debug)]
pub(crate) struct Rates {
    frames: Bucket,
    bytes: Bucket,
    /// Frames and bytes of the last charge.
    charged: (u32, u32),
    /// When the next ping without a charge may come.
    next_free_ping: Time,
    /// Bytes of the peer wait for a token.
    waits: bool,
    over_since: Option<Time>,
    limited: bool,
    told_limited: bool,
}

/// The next step of a session whose peer was over its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateStep {
    /// There is a token: reading continues.
    Read,
    /// The peer has been over its rate for too long.
    End,
}

impl Rates {
    /// Creates full buckets; `None` where the peer has no rate.
    pub(crate) fn new(now: Time, limits: &Limits) -> Option<Box<Self>> {
        let bucket = |rate: Option<Rate>| Bucket::full(now, rate.unwrap_or(NO_RATE));
        let is_on = limits.frame_rate.is_some() || limits.byte_rate.is_some();
        is_on.then(|| {
            Box::new(Self {
                frames: bucket(limits.frame_rate),
                bytes: bucket(limits.byte_rate),
                charged: (0, 0),
                next_free_ping: Time::ORIGIN,
                waits: false,
                over_since: None,
                limited: false,
                told_limited: false,
            })
        })
    }

    /// Returns whether another frame may be read. If not, its bytes wait from now on.
    pub(crate) fn admits(&mut self, now: Time, limits: &Limits) -> bool {
        let has = self.has_tokens(now, limits);
        if !has {
            self.waits = true;
            self.limited = true;
            self.over_since.get_or_insert(now);
        }
        has
    }

    /// Charges a frame of this many bytes on the wire.
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.charged = (1, u32::try_from(bytes).unwrap_or(u32::MAX));
        self.frames.take(self.charged.0);
        self.bytes.take(self.charged.1);
    }

    /// Charges one frame more, because we answer the last one.
    pub(crate) fn charge_answer(&mut self) {
        self.charged.0 += 1;
        self.frames.take(1);
    }

    /// Gives the last charge back: the wire asks for that frame.
    pub(crate) fn give_back(&mut self) {
        let (frames, bytes) = std::mem::take(&mut self.charged);
        self.frames.give_back(frames);
        self.bytes.give_back(bytes);
    }

    /// Gives back the charge for a ping, or for a dialect's pong, twice in a heartbeat.
    pub(crate) fn give_back_heartbeat(&mut self, now: Time, heartbeat: Duration) {
        if heartbeat > Duration::ZERO && self.next_free_ping <= now {
            self.next_free_ping = now + heartbeat / 2;
            self.give_back();
        }
    }

    /// Takes note that a read found nothing: the peer has no bytes waiting.
    pub(crate) fn caught_up(&mut self) {
        if !self.waits {
            self.over_since = None;
        }
    }

    /// Ends the wait. Returns whether bytes were waiting.
    pub(crate) fn stop_waiting(&mut self) -> bool {
        std::mem::take(&mut self.waits)
    }

    /// Leaves out time in which the game took no frames. It does not count as time over the rate, and the buckets are
    /// refilled for it.
    pub(crate) fn not_reading(&mut self, since: Time, now: Time, limits: &Limits) {
        self.over_since = self.over_since.map(|over| over + now.since(since));
        self.each(limits, |bucket, rate| bucket.not_reading(since, now, rate));
    }

    /// Credits real time in which no byte could arrive, once.
    pub(crate) fn silence_ended(
        &mut self,
        silence: Duration,
        since: Time,
        now: Time,
        limits: &Limits,
    ) {
        self.each(limits, |bucket, rate| {
            bucket.silence_ended(silence, since, now, rate);
        });
    }

    /// Looks at the buckets when [`Rates::due_at`] has come.
    pub(crate) fn on_timeout(&mut self, now: Time, limits: &Limits) -> Option<RateStep> {
        if !self.waits {
            self.recover(now, limits);
            None
        } else if self.has_tokens(now, limits) {
            Some(RateStep::Read)
        } else {
            (self.over_until(limits) <= now).then_some(RateStep::End)
        }
    }

    /// The peer is within its rate again once its buckets are half full. Otherwise its next frame might empty them
    /// again, and the owner would be told after each frame.
    pub(crate) fn recover(&mut self, now: Time, limits: &Limits) {
        if self.limited && !self.waits && self.half_full_at(limits) <= now {
            self.limited = false;
            self.over_since = None;
        }
    }

    /// Takes the change to report to the owner: whether the peer is limited.
    pub(crate) fn poll_limited(&mut self) -> Option<bool> {
        let changed = self.told_limited != self.limited;
        self.told_limited = self.limited;
        changed.then_some(self.limited)
    }

    /// Returns when to call [`Rates::on_timeout`]; [`Time::NEVER`] where nothing is due.
    pub(crate) fn due_at(&self, limits: &Limits) -> Time {
        match (self.waits, self.limited) {
            (true, _) => self.all_have_at(limits, |_| 1).min(self.over_until(limits)),
            (false, true) => self.half_full_at(limits),
            (false, false) => Time::NEVER,
        }
    }

    /// Returns whether bytes of the peer wait for a token.
    pub(crate) const fn waits(&self) -> bool {
        self.waits
    }

    /// Returns whether the peer is limited.
    pub(crate) const fn is_limited(&self) -> bool {
        self.limited
    }

    /// Returns since when the peer has been over its rate.
    pub(crate) const fn over_since(&self) -> Option<Time> {
        self.over_since
    }

    /// Returns the rate that the peer exceeds, for the trail.
    pub(crate) fn exceeded(&mut self, now: Time, limits: &Limits) -> &'static str {
        let frames = limits.frame_rate;
        match frames.is_some_and(|rate| !self.frames.has_token(now, rate)) {
            true => "frame_rate",
            false => "byte_rate",
        }
    }

    fn has_tokens(&mut self, now: Time, limits: &Limits) -> bool {
        let mut has = true;
        self.each(limits, |bucket, rate| has &= bucket.has_token(now, rate));
        has
    }

    fn over_until(&self, limits: &Limits) -> Time {
        match (self.over_since, limits.over_rate_timeout) {
            (Some(since), Some(timeout)) => since + timeout,
            (None, _) | (_, None) => Time::NEVER,
        }
    }

    fn half_full_at(&self, limits: &Limits) -> Time {
        self.all_have_at(limits, |rate| (rate.burst / 2).max(1))
    }

    fn all_have_at(&self, limits: &Limits, tokens: impl Fn(Rate) -> u32) -> Time {
        [
            (&self.frames, limits.frame_rate),
            (&self.bytes, limits.byte_rate),
        ]
        .into_iter()
        .filter_map(|(bucket, rate)| rate.map(|rate| bucket.has_at(tokens(rate), rate)))
        .max()
        .unwrap_or(Time::ORIGIN)
    }

    fn each(&mut self, limits: &Limits, mut with: impl FnMut(&mut Bucket, Rate)) {
        for (bucket, rate) in [
            (&mut self.frames, limits.frame_rate),
            (&mut self.bytes, limits.byte_rate),
        ] {
            if let Some(rate) = rate {
                with(bucket, rate);
            }
        }
    }
}

/// For a bucket that is never looked at.
const NO_RATE: Rate = Rate {
    per_second: 1,
    burst: 1,
};
