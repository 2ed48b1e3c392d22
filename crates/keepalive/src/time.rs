//! The clock of the state machines: points in time that the driver hands in. Nothing here reads a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in monotonic time: microseconds since an origin that the driver chose.
///
/// Deadlines are kept on a clock that stands still while this process stands still
/// ([`Liveness::stood_still`](crate::Liveness::stood_still)). The clock of `ping` and `pong` is the real clock. So is
/// the clock of every time that is compared with the kernel's ages. A `Time` takes 8 bytes, where
/// [`std::time::Instant`] takes 16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The driver's origin.
    pub const ORIGIN: Self = Self(0);
    /// A deadline that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// Builds a point from microseconds since the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Returns the point this much earlier, or the origin where that would lie before it.
    #[must_use]
    pub const fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(micros(time)))
    }

    /// Returns the point this many milliseconds later. Cheaper than adding a [`Duration`].
    #[must_use]
    pub const fn after_ms(self, ms: u32) -> Self {
        Self(self.0.saturating_add(ms as u64 * 1_000))
    }

    /// Returns the point this many milliseconds earlier, or the origin where that would lie before it.
    #[must_use]
    pub const fn before_ms(self, ms: u32) -> Self {
        Self(self.0.saturating_sub(ms as u64 * 1_000))
    }

    /// Returns the time from `earlier` to `self`, or zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(micros(rhs)))
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, rhs: Self) -> Duration {
        self.since(rhs)
    }
}

/// Each wake-up of a connection converts several times. With 64 bits, a conversion takes half of the
/// instructions.
const fn micros(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000);
    seconds.saturating_add(duration.subsec_micros() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_saturates_at_never() {
        assert_eq!(Time::NEVER + Duration::from_secs(1), Time::NEVER);
        assert_eq!(Time::from_micros(5) + Duration::MAX, Time::NEVER);
    }

    #[test]
    fn a_later_origin_gives_zero_and_not_a_panic() {
        assert_eq!(Time::from_micros(1) - Time::from_micros(9), Duration::ZERO);
    }
}
