//! How often the watched ports are polled: four times a second, and down to once where a poll costs much.

use std::time::Duration;

/// The time from one poll to the next, from the cost of the last ones.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    cost: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            cost: Duration::ZERO,
        }
    }
}

impl Pace {
    /// Takes note of the processor time that a poll took.
    pub fn took(&mut self, cost: Duration) {
        // One poll that the machine delayed does not slow down the others.
        self.cost = (self.cost * 3 + cost) / 4;
    }

    /// Returns the mean cost of a poll, in processor time.
    #[must_use]
    pub const fn cost(&self) -> Duration {
        self.cost
    }

    /// Returns the time between the begins of two polls: 250 ms, or longer so that polls take at most 2 % of a core, but no
    /// longer than 1 s.
    #[must_use]
    pub fn interval(&self) -> Duration {
        (self.cost * SHARE).clamp(FASTEST, SLOWEST)
    }
}

/// Polls may take one part of so many.
const SHARE: u32 = 50;
const FASTEST: Duration = Duration::from_millis(250);
const SLOWEST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_as_frequent_as_their_cost_allows() {
        for (cost_us, interval_ms) in [(0, 250), (4_000, 250), (10_000, 500), (90_000, 1_000)] {
            let mut pace = Pace::default();
            for _ in 0..50 {
                pace.took(Duration::from_micros(cost_us));
            }
            let difference = pace.interval().abs_diff(Duration::from_millis(interval_ms));
            assert!(difference < Duration::from_millis(1), "{cost_us}");
        }
    }

    #[test]
    fn one_slow_poll_changes_little() {
        let mut pace = Pace::default();
        pace.took(Duration::from_millis(18));
        assert_eq!(pace.interval(), FASTEST);
    }
}
