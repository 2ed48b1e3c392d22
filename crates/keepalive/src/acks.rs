//! Tracks whether the peer's kernel still acknowledges our data: the one part of the evidence that healthy sessions
//! keep.

use std::time::Duration;

use crate::{KernelSample, Time, to_millis};

/// The progress of `tcpi_bytes_acked`, from sample to sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acks {
    /// The low bits of `tcpi_bytes_acked`: any progress changes them.
    bytes: u32,
    /// How long the peer's kernel may take nothing while the peer talks, in milliseconds; 0 is for ever.
    limit_ms: u32,
    sampled: Time,
    /// Since when data has waited without an acknowledgement, as far as we saw; `NEVER` if no data waits.
    waits_since: Time,
}

impl Acks {
    pub(crate) const fn new(now: Time) -> Self {
        Self {
            bytes: 0,
            limit_ms: 0,
            sampled: now,
            waits_since: Time::NEVER,
        }
    }

    /// Notes that our bytes went to the kernel.
    pub(crate) fn wrote(&mut self, now: Time) {
        self.waits_since = self.waits_since.min(now);
    }

    pub(crate) fn sampled(&mut self, now: Time, sample: &KernelSample) {
        let [.., a, b, c, d] = sample.bytes_acked.to_be_bytes();
        let bytes = u32::from_be_bytes([a, b, c, d]);
        // The last progress came between two samples. The kernel may have retried without success since
        // before now.
        let at_least = now.before(sample.waits_for());
        if !sample.is_pending() {
            self.waits_since = Time::NEVER;
        } else if bytes == self.bytes {
            self.waits_since = self.waits_since.min(at_least);
        } else {
            self.waits_since = at_least;
        }
        self.bytes = bytes;
        self.sampled = now;
    }

    pub(crate) fn set_limit(&mut self, limit: Option<Duration>) {
        self.limit_ms = limit.map_or(0, to_millis);
    }

    pub(crate) const fn has_limit(&self) -> bool {
        self.limit_ms > 0
    }

    /// When the limit without progress is reached.
    pub(crate) fn no_progress_limit_at(&self) -> Time {
        match self.limit_ms {
            0 => Time::NEVER,
            ms => self.waits_since.after_ms(ms),
        }
    }

    pub(crate) const fn last_sample(&self) -> Time {
        self.sampled
    }

    /// Since when data has waited without progress; `None` where no data waits.
    pub(crate) fn waits_since(&self) -> Option<Time> {
        (self.waits_since != Time::NEVER).then_some(self.waits_since)
    }
}
