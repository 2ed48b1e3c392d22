//! A bucket of tokens that refills at a steady rate. It is one word, because the table of addresses has one for each
//! address. The bucket of a session (`lastword_session::bucket`) takes two: it also has debts, and credits for pauses that
//! may exceed its depth.

use std::time::Duration;

use lastword_session::Time;

/// How often something may happen, and how many times at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// The time in which one token comes.
    token: Duration,
    /// The time in which an empty bucket fills.
    depth: Duration,
}

/// A bucket, as the time at which it will be full again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    full_at: Time,
}

impl Rate {
    /// `None` is no limit.
    pub(super) fn new(per_second: u32, burst: u32) -> Option<Self> {
        let token = Duration::from_secs(1).checked_div(per_second)?;
        Some(Self {
            token,
            depth: token * burst.max(1),
        })
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            full_at: Time::ORIGIN,
        }
    }
}

impl Bucket {
    pub(super) fn has_token(self, now: Time, rate: Option<Rate>) -> bool {
        rate.is_none_or(|rate| (self.full_at.max(now) + rate.token).since(now) <= rate.depth)
    }

    pub(super) fn take(&mut self, now: Time, rate: Option<Rate>) {
        if let Some(rate) = rate {
            self.full_at = self.full_at.max(now) + rate.token;
        }
    }

    pub(super) fn is_full(self, now: Time) -> bool {
        self.full_at <= now
    }
}
