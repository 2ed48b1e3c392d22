//! When the kernel itself gives a connection up whose data is not acknowledged, by `TCP_RTO_MAX_MS`.

use std::time::Duration;

/// What Linux does of its own accord: `TCP_RTO_MAX_MS` of 120 s, fifteen retries.
const DEFAULT_MS: (u64, u64) = (120_000, 924_000);

/// `TCP_RTO_MAX_MS` and the time from the first unacknowledged byte to the give-up, measured on Linux 6.18 with
/// `tcp_retries2` at its default of 15.
///
/// The kernel computes a floor from the two and gives up at the first retry after it, so that single
/// measurements lie up to one `rto_max` above the floor, wherever the round trip puts that retry.
const MEASURED_MS: [(u64, u64); 11] = [
    (1_000, 14_980),
    (1_100, 16_230),
    (1_200, 17_480),
    (1_500, 22_730),
    (2_000, 27_530),
    (3_000, 40_360),
    (4_000, 51_690),
    (5_000, 63_100),
    (10_000, 115_880),
    (30_000, 300_460),
    DEFAULT_MS,
];

/// Tells when Linux gives up a connection whose data nobody acknowledges; `None` is the kernel's default.
///
/// Measured for the values that profiles use, interpolated between them, and clamped to 1 s to 120 s as the
/// option is. A kernel before 6.15 has no such option and keeps to its default, about 924 s.
#[must_use]
pub fn kernel_give_up(rto_max: Option<Duration>) -> Duration {
    let Some(rto_max) = rto_max else {
        return Duration::from_millis(DEFAULT_MS.1);
    };
    let rto_max_ms = u64::try_from(rto_max.as_millis()).unwrap_or(u64::MAX);
    let give_up_ms = walk(|from, to| {
        (rto_max_ms < to.0).then(|| {
            let above = rto_max_ms.saturating_sub(from.0);
            from.1 + above * (to.1 - from.1) / (to.0 - from.0)
        })
    });
    Duration::from_millis(give_up_ms.unwrap_or(DEFAULT_MS.1))
}

/// The shortest `rto_max` with which the kernel gives up no earlier than `give_up`; the inverse of
/// [`kernel_give_up`].
pub(crate) fn rto_max_for(give_up: Duration) -> Duration {
    let give_up_ms = u64::try_from(give_up.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
    let rto_max_ms = walk(|from, to| {
        (give_up_ms < to.1).then(|| {
            let above = give_up_ms.saturating_sub(from.1);
            from.0 + (above * (to.0 - from.0)).div_ceil(to.1 - from.1)
        })
    });
    Duration::from_millis(rto_max_ms.unwrap_or(DEFAULT_MS.0))
}

/// The first answer of `pick` along the stretches of the table.
fn walk(pick: impl Fn((u64, u64), (u64, u64)) -> Option<u64>) -> Option<u64> {
    let ends = MEASURED_MS.iter().skip(1);
    let mut stretches = MEASURED_MS.iter().zip(ends);
    stretches.find_map(|(from, to)| pick(*from, *to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give_up_ms(rto_max_ms: u64) -> u128 {
        kernel_give_up(Some(Duration::from_millis(rto_max_ms))).as_millis()
    }

    #[test]
    fn the_measured_values_are_exact() {
        for (rto_max_ms, measured_ms) in MEASURED_MS {
            assert_eq!(give_up_ms(rto_max_ms), u128::from(measured_ms));
        }
        assert_eq!(kernel_give_up(None), Duration::from_secs(924));
    }

    #[test]
    fn between_them_it_grows_and_beyond_them_it_stays() {
        assert_eq!(give_up_ms(1_350), 20_105);
        for rto_max_ms in 1_000..120_000 {
            assert!(give_up_ms(rto_max_ms) <= give_up_ms(rto_max_ms + 1));
        }
        assert_eq!(give_up_ms(0), 14_980);
        assert_eq!(kernel_give_up(Some(Duration::MAX)), kernel_give_up(None));
    }

    #[test]
    fn it_is_never_below_the_floor_that_the_kernel_computes() {
        // tcp_model_timeout() of net/ipv4/tcp_timer.c, for 200 ms and 15 retries.
        let floor_ms = |rto_max_ms: u64| {
            let doublings = u64::from((rto_max_ms / 200).ilog2());
            ((2 << doublings) - 1) * 200 + (15 - doublings) * rto_max_ms
        };
        for (rto_max_ms, measured_ms) in MEASURED_MS {
            let floor_ms = floor_ms(rto_max_ms);
            // The default was not measured to its end: 924.6 s is the kernel's own number.
            assert!(measured_ms + 600 >= floor_ms, "{rto_max_ms}");
            assert!(measured_ms <= floor_ms + rto_max_ms + 1_000, "{rto_max_ms}");
        }
    }

    #[test]
    fn the_shortest_limit_for_a_give_up_is_enough_and_no_less_is() {
        for give_up_ms in (15_000..924_000).step_by(37) {
            let give_up = Duration::from_millis(give_up_ms);
            let rto_max = rto_max_for(give_up);
            assert!(kernel_give_up(Some(rto_max)) >= give_up);
            let less = rto_max - Duration::from_millis(1);
            assert!(kernel_give_up(Some(less)) < give_up);
        }
        assert_eq!(rto_max_for(Duration::ZERO), Duration::from_secs(1));
        assert_eq!(rto_max_for(Duration::MAX), Duration::from_secs(120));
    }
}
