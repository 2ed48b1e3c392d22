//! The number of open descriptors, counted as often as that is cheap.

use lastword_keepalive::Time;
use lastword_transport::Clock;

/// The number of open descriptors when they were last counted.
///
/// From Linux 6.2 on a count is one call. On an older kernel a directory must be listed, which takes about 50 ms with
/// 100,000 open descriptors. At most a thousandth of the time is spent on counting, so the number is then up to a
/// minute old.
#[derive(Debug)]
pub(crate) struct OpenFds {
    count: Option<u64>,
    /// When the descriptors may be counted again.
    next: Time,
}

impl Default for OpenFds {
    fn default() -> Self {
        Self {
            count: None,
            next: Time::ORIGIN,
        }
    }
}

impl OpenFds {
    /// Returns the number of open descriptors; `None` where it is not known.
    pub(crate) fn read(&mut self) -> Option<u64> {
        self.read_with(Clock::real, lastword_sys::open_fds)
    }

    fn read_with(
        &mut self,
        now: impl Fn() -> Time,
        count: impl FnOnce() -> Option<u64>,
    ) -> Option<u64> {
        let begun = now();
        if begun >= self.next {
            self.count = count();
            let took = now() - begun;
            self.next = begun + took.saturating_mul(PAUSE);
        }
        self.count
    }
}

/// The least time from the start of one count to the start of the next, as a multiple of the time
/// that the count took.
const PAUSE: u32 = 1_000;

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;

    /// Reads once a second for so many seconds; returns how often they were counted, and the last number.
    fn read_each_second(seconds: u64, took: Duration) -> (u64, Option<u64>) {
        let clock = Cell::new(Time::ORIGIN);
        let (mut fds, mut counted, mut shown) = (OpenFds::default(), 0, None);
        for second in 1..=seconds {
            clock.set(Time::ORIGIN + Duration::from_secs(second));
            shown = fds.read_with(
                || clock.get(),
                || {
                    clock.set(clock.get() + took);
                    counted += 1;
                    Some(second)
                },
            );
        }
        (counted, shown)
    }

    #[test]
    fn a_slow_count_is_made_seldom_and_a_quick_one_each_time() {
        let of = |took| read_each_second(100, took);
        assert_eq!(of(Duration::ZERO), (100, Some(100)));
        assert_eq!(of(Duration::from_micros(900)), (100, Some(100)));
        assert_eq!(of(Duration::from_millis(50)), (2, Some(51)));
    }

    #[test]
    fn a_number_that_is_not_known_is_none() {
        let mut fds = OpenFds::default();
        assert_eq!(fds.read_with(|| Time::ORIGIN, || None), None);
    }
}
