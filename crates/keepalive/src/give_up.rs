//! When the kernel itself gives up a connection, given `TCP_RTO_MAX_MS` and `net.ipv4.tcp_retries2`.

use std::time::Duration;

/// `TCP_RTO_MIN` of Linux: the first retry interval, which is then doubled.
const RTO_MIN_MS: u64 = 200;
/// The range that Linux accepts for `TCP_RTO_MAX_MS`; its default is the longest.
const RTO_MAX_MS: (u64, u64) = (1_000, 120_000);
/// `TCP_RESOURCE_PROBE_INTERVAL` of Linux: the time between two probes that the host's own queue discards.
const OWN_QUEUE_PROBE_MS: u64 = 500;

/// The default of `net.ipv4.tcp_retries2`.
pub const RETRIES_DEFAULT: u8 = 15;

/// Returns the earliest time at which Linux gives up a connection whose data is not acknowledged.
///
/// `rto_max` is the limit of `TCP_RTO_MAX_MS`; `None` is the kernel's default. `retries` is `net.ipv4.tcp_retries2`, by
/// default [`RETRIES_DEFAULT`]. This is the time that the kernel itself computes (`tcp_model_timeout()` of
/// `net/ipv4/tcp_timer.c`). The kernel gives up at the first retry after this time: half a second to a little over
/// `rto_max` later, depending on the round trip.
///
/// `rto_max` is clamped to 1 s to 120 s, as the option is. A kernel before 6.15 has no such option and uses its
/// default: 924.6 s with 15 retries.
#[must_use]
pub fn kernel_give_up(rto_max: Option<Duration>, retries: u8) -> Duration {
    Duration::from_millis(model_ms(clamped_ms(rto_max), retries))
}

/// Returns the earliest time at which Linux gives up a connection while this host's own queue discards all packets.
///
/// This holds if none of the connection's data is in flight. The kernel then probes every 500 ms, without back-off,
/// until `retries` probes have no answer. `retries` is `net.ipv4.tcp_retries2`; no option of a socket changes this time
/// (`docs/kernel.md`, fact 6.12).
#[must_use]
pub fn own_queue_give_up(retries: u8) -> Duration {
    Duration::from_millis(OWN_QUEUE_PROBE_MS * u64::from(retries))
}

/// Returns the least `net.ipv4.tcp_retries2` with which the kernel gives up no earlier than `give_up`, as
/// [`kernel_give_up`] computes it with `rto_max`. Where no value is high enough, it returns the highest.
#[must_use]
pub fn retries_for(give_up: Duration, rto_max: Option<Duration>) -> u8 {
    let enough = |retries: &u8| kernel_give_up(rto_max, *retries) >= give_up;
    (0..u8::MAX).find(enough).unwrap_or(u8::MAX)
}

/// Returns the shortest `rto_max` with which the kernel gives up no earlier than `give_up`, after [`RETRIES_DEFAULT`]
/// retries. It is the inverse of [`kernel_give_up`]. If no value is long enough, it returns the longest value that the
/// kernel accepts.
pub(crate) fn rto_max_for(give_up: Duration) -> Duration {
    let give_up_ms = u64::try_from(give_up.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
    let (mut min, mut max) = RTO_MAX_MS;
    while min < max {
        let middle = min.midpoint(max);
        if model_ms(middle, RETRIES_DEFAULT) < give_up_ms {
            min = middle + 1;
        } else {
            max = middle;
        }
    }
    Duration::from_millis(max)
}

fn clamped_ms(rto_max: Option<Duration>) -> u64 {
    let (min, max) = RTO_MAX_MS;
    let rto_max_ms = rto_max.map_or(max, |it| u64::try_from(it.as_millis()).unwrap_or(max));
    rto_max_ms.clamp(min, max)
}

/// The interval between retries starts at `RTO_MIN_MS` and doubles until it reaches `rto_max_ms`. The result grows
/// with both parameters.
fn model_ms(rto_max_ms: u64, retries: u8) -> u64 {
    let retries = u64::from(retries);
    let doublings = retries.min((rto_max_ms / RTO_MIN_MS).ilog2().into());
    ((2 << doublings) - 1) * RTO_MIN_MS + (retries - doublings) * rto_max_ms
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

    /// `net.ipv4.tcp_retries2`, `TCP_RTO_MAX_MS`, and the shortest time that was measured with both.
    const MEASURED_BY_RETRIES_MS: [(u8, u64, u64); 3] =
        [(5, 1_000, 5_900), (8, 1_000, 7_900), (15, 1_000, 14_970)];
    /// `net.ipv4.tcp_retries2`, and the time after which a connection was given up whose packets its own queue discarded.
    const MEASURED_OWN_QUEUE_MS: [(u8, u64); 3] = [(8, 4_300), (15, 7_900), (60, 30_900)];

    fn give_up_ms(rto_max_ms: u64) -> u64 {
        model_ms(rto_max_ms.clamp(1_000, 120_000), RETRIES_DEFAULT)
    }

    fn give_up(rto_max: Option<Duration>) -> Duration {
        kernel_give_up(rto_max, RETRIES_DEFAULT)
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
        assert_eq!(give_up(None), Duration::from_millis(924_600));
        assert_eq!(give_up(Some(Duration::MAX)), give_up(None));
        let least = Duration::from_millis(14_400);
        assert_eq!(give_up(Some(Duration::ZERO)), least);
    }

    #[test]
    fn it_grows_with_the_limit_and_never_by_leaps() {
        for rto_max_ms in 1_000..120_000 {
            let (less, more) = (give_up_ms(rto_max_ms), give_up_ms(rto_max_ms + 1));
            let leap = u64::from(RETRIES_DEFAULT);
            assert!(less < more && more <= less + leap, "{rto_max_ms}");
        }
    }

    #[test]
    fn the_shortest_limit_for_a_give_up_is_enough_and_no_less_is() {
        for give_up_ms in (14_401..924_600).step_by(37) {
            let wanted = Duration::from_millis(give_up_ms);
            let rto_max = rto_max_for(wanted);
            assert!(give_up(Some(rto_max)) >= wanted);
            let less = rto_max - Duration::from_millis(1);
            assert!(give_up(Some(less)) < wanted);
        }
        assert_eq!(rto_max_for(Duration::ZERO), Duration::from_secs(1));
        assert_eq!(rto_max_for(Duration::MAX), Duration::from_secs(120));
    }

    #[test]
    fn with_other_numbers_of_retries_nothing_was_measured_to_come_earlier() {
        for (retries, rto_max_ms, measured_ms) in MEASURED_BY_RETRIES_MS {
            let said_ms = model_ms(rto_max_ms, retries);
            assert!(measured_ms >= said_ms, "{retries}");
            // The round trip makes each of the first retries later.
            assert!(measured_ms <= said_ms + 2 * rto_max_ms, "{retries}");
        }
        for (retries, measured_ms) in MEASURED_OWN_QUEUE_MS {
            let measured = Duration::from_millis(measured_ms);
            let said = own_queue_give_up(retries);
            assert!(measured >= said, "{retries}");
            assert!(measured <= said + Duration::from_secs(1), "{retries}");
        }
    }

    #[test]
    fn fewer_retries_than_doublings_end_before_the_limit_is_reached() {
        assert_eq!(kernel_give_up(None, 0), Duration::from_millis(200));
        assert_eq!(kernel_give_up(None, 1), Duration::from_millis(600));
        assert_eq!(kernel_give_up(None, 8), Duration::from_millis(102_200));
        let most = kernel_give_up(Some(Duration::from_secs(1)), u8::MAX);
        assert_eq!(most, Duration::from_millis(254_400));
    }

    #[test]
    fn the_fewest_retries_for_a_give_up_are_enough_and_no_fewer_are() {
        for rto_max in [None, Some(Duration::from_secs(1))] {
            for wanted_ms in (201..250_000).step_by(1_009) {
                let wanted = Duration::from_millis(wanted_ms);
                let retries = retries_for(wanted, rto_max);
                assert!(kernel_give_up(rto_max, retries) >= wanted);
                assert!(kernel_give_up(rto_max, retries - 1) < wanted);
            }
        }
        assert_eq!(retries_for(Duration::ZERO, None), 0);
        assert_eq!(retries_for(Duration::MAX, None), 255);
    }
}
