//! When the kernel itself gives up a connection whose data is not acknowledged, given `TCP_RTO_MAX_MS`.

use std::time::Duration;

/// `TCP_RTO_MIN` of Linux: the first retry interval, which is then doubled.
const RTO_MIN_MS: u64 = 200;
/// The range that Linux accepts for `TCP_RTO_MAX_MS`; its default is the longest.
const RTO_MAX_MS: (u64, u64) = (1_000, 120_000);
/// `net.ipv4.tcp_retries2` at its default.
const RETRIES: u64 = 15;

/// Returns the earliest time at which Linux gives up a connection whose data is not acknowledged.
///
/// `None` is the kernel's default. This is the time that the kernel itself computes (`tcp_model_timeout()` of
/// `net/ipv4/tcp_timer.c`), with `net.ipv4.tcp_retries2` at its default of 15. The kernel gives up at the first retry
/// after this time: half a second to a little over `rto_max` later, depending on the round trip.
///
/// `rto_max` is clamped to 1 s to 120 s, as the option is. A kernel before 6.15 has no such option and keeps to its
/// default, 924.6 s.
#[must_use]
pub fn kernel_give_up(rto_max: Option<Duration>) -> Duration {
    let (min, max) = RTO_MAX_MS;
    let rto_max_ms = rto_max.map_or(max, |it| u64::try_from(it.as_millis()).unwrap_or(max));
    Duration::from_millis(model_ms(rto_max_ms.clamp(min, max)))
}

/// Returns the shortest `rto_max` with which the kernel gives up no earlier than `give_up`; the inverse of
/// [`kernel_give_up`]. Where no value is long enough, it returns the longest that the kernel accepts.
pub(crate) fn rto_max_for(give_up: Duration) -> Duration {
    let give_up_ms = u64::try_from(give_up.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
    let (mut min, mut max) = RTO_MAX_MS;
    while min < max {
        let middle = min.midpoint(max);
        if model_ms(middle) < give_up_ms {
            min = middle + 1;
        } else {
            max = middle;
        }
    }
    Duration::from_millis(max)
}

/// Retries start `RTO_MIN_MS` apart and double; the remaining ones are `rto_max_ms` apart. The result grows with
/// `rto_max_ms`.
fn model_ms(rto_max_ms: u64) -> u64 {
    let doublings = u64::from((rto_max_ms / RTO_MIN_MS).ilog2());
    ((2 << doublings) - 1) * RTO_MIN_MS + (RETRIES - doublings) * rto_max_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `TCP_RTO_MAX_MS`, and the shortest time from the first unacknowledged byte to the give-up that was measured with
    /// it on Linux 6.18 (`docs/measurements.md`).
    const MEASURED_MS: [(u64, u64); 14] = [
        (1_000, 14_970),
        (1_100, 16_230),
        (1_200, 17_470),
        (1_500, 21_300),
        (1_550, 22_050),
        (1_600, 22_870),
        (1_700, 24_060),
        (2_000, 27_510),
        (3_000, 40_360),
        (4_000, 51_690),
        (5_000, 61_990),
        (5_100, 63_010),
        (10_000, 115_880),
        (30_000, 300_460),
    ];

    fn give_up_ms(rto_max_ms: u64) -> u64 {
        model_ms(rto_max_ms.clamp(1_000, 120_000))
    }

    #[test]
    fn nothing_was_measured_to_come_earlier_nor_a_whole_retry_later() {
        for (rto_max_ms, measured_ms) in MEASURED_MS {
            let said_ms = give_up_ms(rto_max_ms);
            assert!(measured_ms >= said_ms, "{rto_max_ms}");
            assert!(measured_ms <= said_ms + rto_max_ms, "{rto_max_ms}");
        }
    }

    #[test]
    fn the_default_is_the_kernel_s_own_number() {
        assert_eq!(kernel_give_up(None), Duration::from_millis(924_600));
        assert_eq!(kernel_give_up(Some(Duration::MAX)), kernel_give_up(None));
        let least = Duration::from_millis(14_400);
        assert_eq!(kernel_give_up(Some(Duration::ZERO)), least);
    }

    #[test]
    fn it_grows_with_the_limit_and_never_by_leaps() {
        for rto_max_ms in 1_000..120_000 {
            let (less, more) = (give_up_ms(rto_max_ms), give_up_ms(rto_max_ms + 1));
            assert!(less < more && more <= less + RETRIES, "{rto_max_ms}");
        }
    }

    #[test]
    fn the_shortest_limit_for_a_give_up_is_enough_and_no_less_is() {
        for give_up_ms in (14_401..924_600).step_by(37) {
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
