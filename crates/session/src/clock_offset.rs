//! The offset between two monotonic clocks with unrelated origins.

use std::time::Duration;

use crate::Time;

/// The offset of the peer's monotonic clock from ours, and its largest possible error.
///
/// It is learnt from pongs. The reading of the peer's clock is the peer's own claim. An honest peer read its clock
/// between our ping and our receipt of the answer. So the error is at most half of the shortest round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// The peer's clock minus our clock, in microseconds. It is negative if the peer's clock shows less than our
    /// clock.
    pub micros: i64,
    /// The largest possible error of `micros` at the last pong. After that, the possible error grows by 100 µs a
    /// second, which is the most that two ordinary clocks drift apart.
    pub error: Duration,
}

impl ClockOffset {
    /// Returns the peer's clock at the moment when our clock shows `ours`.
    #[must_use]
    pub fn peer_time(self, ours: Time) -> Time {
        Time::from_micros(ours.as_micros().saturating_add_signed(self.micros))
    }

    /// Returns our clock at the moment when the peer's clock shows `peers`.
    #[must_use]
    pub fn our_time(self, peers: Time) -> Time {
        let behind = self.micros.saturating_neg();
        Time::from_micros(peers.as_micros().saturating_add_signed(behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(micros: i64) -> ClockOffset {
        ClockOffset {
            micros,
            error: Duration::ZERO,
        }
    }

    #[test]
    fn there_and_back_is_the_same_moment() {
        let ours = Time::from_micros(5_000_000);
        for micros in [-4_000_000, 0, 7_000_000_000] {
            let theirs = offset(micros).peer_time(ours);
            assert_eq!(offset(micros).our_time(theirs), ours, "{micros}");
        }
        let theirs = offset(-4_000_000).peer_time(ours);
        assert_eq!(theirs, Time::from_micros(1_000_000));
    }

    #[test]
    fn an_offset_beyond_all_time_stops_at_its_edges() {
        let ours = Time::from_micros(5);
        assert_eq!(offset(i64::MIN).peer_time(ours), Time::ORIGIN);
        assert_eq!(offset(-9).peer_time(ours), Time::ORIGIN);
        assert_eq!(offset(i64::MAX).our_time(ours), Time::ORIGIN);
        assert_eq!(offset(i64::MAX).peer_time(Time::NEVER), Time::NEVER);
    }
}
