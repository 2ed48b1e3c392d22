//! Learns from pongs the round trip and its variance, smoothed as in RFC 6298, and the offset of the peer's clock from
//! ours. It decides nothing.
//!
//! The offset is kept as an interval, as in the selection of RFC 5905. The peer read its clock after our ping left and
//! before its answer came. So each exchange bounds the offset for certain, by the width of its round trip. Intervals
//! are intersected: one quick exchange narrows the estimate, and slow ones do not spoil it. A delay in one direction
//! alone does not shift it. Between two pongs the interval widens by the drift of two clocks. An exchange that does not
//! overlap the kept interval replaces it: one of the clocks must have stood still, together with its machine.

use std::time::Duration;

use crate::wire::Pong;
use crate::{ClockOffset, Time};

/// The smoothed round trip of heartbeats and the offset of the peer's clock, as learnt from pongs.
///
/// Nothing is known before the first pong, and never on a dialect, whose pongs carry no clocks.
// Packed without padding, because every session keeps two of these: one in the mailbox and one in the session itself.
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

/// One of our pings and the pong that answers it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'a> {
    /// When we sent the ping.
    pub(crate) asked: Time,
    /// When we read the answer.
    pub(crate) answered: Time,
    pub(crate) pong: &'a Pong,
    /// When we read the answer before this one.
    pub(crate) before: Time,
}

impl RoundTrip {
    /// Returns the smoothed round trip (RFC 6298); `None` before the first one.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        (self.smoothed_us > 0).then(|| Duration::from_micros(u64::from(self.smoothed_us)))
    }

    /// Returns the smoothed deviation from [`RoundTrip::rtt`] (RFC 6298); `None` before the first round trip.
    #[must_use]
    pub fn variance(&self) -> Option<Duration> {
        self.rtt()
            .map(|_| Duration::from_micros(u64::from(self.variance_us)))
    }

    /// Returns how far the peer's clock is ahead of ours, as the peer reports it; `None` before the first pong.
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

    /// Takes the bounds of the clock offset from an exchange. Clocks above 2^63 µs are ignored.
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

    /// The kept interval, widened by the drift in `time`.
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
    /// The time from our ping to its answer, without the time that the peer held it. `None` where the peer claims to
    /// have held it longer than we waited.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        let held = Duration::from_micros(u64::from(self.pong.held_us));
        self.answered.since(self.asked).checked_sub(held)
    }

    /// The bounds of the offset. Our clock had passed `asked` when the peer read its own clock. Our clock had not
    /// reached `answered` when the answer left, `held_us` later. Both clocks are cut to microseconds, and drift
    /// meanwhile.
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

/// The least and the greatest possible offset, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    least: i64,
    most: i64,
}

impl Bounds {
    /// The intersection of both.
    fn common(self, other: Self) -> Option<Self> {
        let least = self.least.max(other.least);
        let most = self.most.min(other.most);
        (least <= most).then_some(Self { least, most })
    }
}

/// `old`, moved towards `new` by 1/`share` of the distance.
fn moved(old: u32, new: u32, share: u64) -> u32 {
    let sum = u64::from(old) * (share - 1) + u64::from(new) + share / 2;
    to_u32(sum / share)
}

/// The most that two clocks drift apart in this time, in microseconds.
fn drift(time: Duration) -> u64 {
    micros_of(time / DRIFT)
}

fn micros_of(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn to_u32(n: impl TryInto<u32>) -> u32 {
    n.try_into().unwrap_or(u32::MAX)
}

/// The drift is a time divided by this number: 100 ppm, for two quartz clocks of 50 ppm in opposite directions.
const DRIFT: u32 = 10_000;

#[cfg(test)]
mod tests;
