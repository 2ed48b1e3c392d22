//! What pongs tell: the round trip and its variance as RFC 6298 smooths them, and how far the peer's clock is ahead of
//! ours. It decides nothing.
//!
//! The offset is held as an interval, as the selection of RFC 5905 does. The peer read its clock after our ping left and
//! before its answer came, so each exchange bounds the offset for certain, by a width of its round trip. Intervals are
//! intersected: one quick exchange narrows the estimate, slow ones do not spoil it, and a delay in one direction alone
//! does not shift it. Between two pongs the interval widens by what two clocks drift apart. An exchange that excludes what
//! is held takes its place: a clock stood still, with its machine.

use std::time::Duration;

use crate::wire::Pong;
use crate::{ClockOffset, Time};

/// The smoothed round trip of heartbeats, and the offset of the peer's clock, as far as pongs have told them.
// Packed: without padding it fits where it is kept once for every session, in the mailbox as in the session itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(Rust, packed(4))]
pub struct RoundTrip {
    /// 0 before the first sample.
    smoothed_us: u32,
    variance_us: u32,
    /// 0 while the offset is not known.
    error_us: u32,
    offset_us: i64,
}

/// A ping of ours and the pong that answers it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'a> {
    /// When we asked.
    pub(crate) asked: Time,
    /// When the answer was read.
    pub(crate) answered: Time,
    pub(crate) pong: &'a Pong,
    /// When the last answer before this one was read.
    pub(crate) before: Time,
}

impl RoundTrip {
    /// The smoothed round trip (RFC 6298), once there was one.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        (self.smoothed_us > 0).then(|| Duration::from_micros(u64::from(self.smoothed_us)))
    }

    /// The smoothed deviation from the smoothed round trip (RFC 6298), once there was a round trip.
    #[must_use]
    pub fn variance(&self) -> Option<Duration> {
        self.rtt()
            .map(|_| Duration::from_micros(u64::from(self.variance_us)))
    }

    /// How far the peer's clock is ahead of ours, once it is known.
    #[must_use]
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        (self.error_us > 0).then(|| ClockOffset {
            micros: self.offset_us,
            error: Duration::from_micros(u64::from(self.error_us)),
        })
    }

    /// Takes a round trip.
    pub(crate) fn smooth(&mut self, rtt: Duration) {
        let us = to_u32(rtt.as_micros()).max(1);
        if self.smoothed_us == 0 {
            self.smoothed_us = us;
            self.variance_us = us / 2;
            return;
        }
        let deviation = u32::abs_diff(self.smoothed_us, us);
        self.variance_us = moved(self.variance_us, deviation, 4);
        self.smoothed_us = moved(self.smoothed_us, us, 8).max(1);
    }

    /// Takes what an exchange says of the peer's clock. A clock beyond 2^63 µs is none.
    pub(crate) fn locate(&mut self, exchange: &Exchange<'_>) {
        let Some(seen) = exchange.bounds() else {
            return;
        };
        let since = exchange.answered.since(exchange.before);
        let bounds = match self.bounds_after(since) {
            Some(held) => held.common(seen).unwrap_or(seen),
            None => seen,
        };
        let width = bounds.most.abs_diff(bounds.least);
        self.offset_us = bounds.least.saturating_add_unsigned(width / 2);
        self.error_us = to_u32(width.div_ceil(2)).max(1);
    }

    /// What is held, that much later.
    fn bounds_after(&self, time: Duration) -> Option<Bounds> {
        let ClockOffset { micros, error } = self.clock_offset()?;
        let error = drift(time).saturating_add(micros_of(error));
        Some(Bounds {
            least: micros.saturating_sub_unsigned(error),
            most: micros.saturating_add_unsigned(error),
        })
    }
}

impl Exchange<'_> {
    /// From our ping to its answer, without what the peer held it for. `None` where it claims to have held it for
    /// longer than we waited.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        let held = Duration::from_micros(u64::from(self.pong.held_us));
        self.answered.since(self.asked).checked_sub(held)
    }

    /// Between which the offset lies: our clock had passed `asked` when the peer read its own, and had yet to reach
    /// `answered` when the answer left, `held_us` later. Both clocks are cut to microseconds, and drift meanwhile.
    fn bounds(&self) -> Option<Bounds> {
        let [asked, answered, peer] = [
            self.asked.as_micros(),
            self.answered.as_micros(),
            self.pong.clock_us,
        ]
        .map(|clock| i64::try_from(clock).ok());
        let (asked, answered, peer) = (asked?, answered?, peer?);
        let left = peer.saturating_add(i64::from(self.pong.held_us));
        let slack = drift(self.answered.since(self.asked)).saturating_add(1);
        Some(Bounds {
            least: left.saturating_sub(answered).saturating_sub_unsigned(slack),
            most: peer.saturating_sub(asked).saturating_add_unsigned(slack),
        })
    }
}

/// The least and the most that an offset can be, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    least: i64,
    most: i64,
}

impl Bounds {
    /// What both allow.
    fn common(self, other: Self) -> Option<Self> {
        let least = self.least.max(other.least);
        let most = self.most.min(other.most);
        (least <= most).then_some(Self { least, most })
    }
}

/// `old`, a share of 1/`share` nearer to `new`.
fn moved(old: u32, new: u32, share: u64) -> u32 {
    let sum = u64::from(old) * (share - 1) + u64::from(new) + share / 2;
    to_u32(sum / share)
}

/// How far two clocks drift apart in this time at most, in microseconds.
fn drift(time: Duration) -> u64 {
    micros_of(time / DRIFT)
}

fn micros_of(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn to_u32(n: impl TryInto<u32>) -> u32 {
    n.try_into().unwrap_or(u32::MAX)
}

/// The part of a time that is their drift: 100 ppm, two quartz clocks of 50 ppm in opposite directions.
const DRIFT: u32 = 10_000;

#[cfg(test)]
mod tests;
