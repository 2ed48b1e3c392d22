//! For how long this machine was asleep: the difference of two clocks, of which one stands still in a sleep.

use std::time::Duration;

/// Returns for how long this machine was suspended since it booted. It grows only while the machine sleeps. A change of
/// the date does not change it. Its error is below 50 ms.
///
/// | system | the clock that goes on | the clock that stands still |
/// |---|---|---|
/// | Linux, Android | `CLOCK_BOOTTIME` | `CLOCK_MONOTONIC` |
/// | macOS, iOS | `CLOCK_MONOTONIC_RAW` | `CLOCK_UPTIME_RAW` |
///
/// `None` on other systems, where it is not read yet. It is also `None` where the process is interrupted at each try to
/// read both clocks together.
#[must_use]
pub fn time_asleep() -> Option<Duration> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return clocks::difference(libc::CLOCK_BOOTTIME, libc::CLOCK_MONOTONIC);
    #[cfg(target_vendor = "apple")]
    return clocks::difference(libc::CLOCK_MONOTONIC_RAW, libc::CLOCK_UPTIME_RAW);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    None
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod clocks {
    use std::time::Duration;

    /// Returns how far the first clock is ahead of the second. The second is read before and after the first, so that an
    /// interruption between the readings does not pass for a sleep.
    pub(super) fn difference(runs: libc::clockid_t, stands: libc::clockid_t) -> Option<Duration> {
        (0..TRIES).find_map(|_| {
            let (before, ahead, after) = (read(stands)?, read(runs)?, read(stands)?);
            let is_prompt = after.checked_sub(before)? < PROMPT;
            // A machine that never slept can be behind by the time between the readings.
            is_prompt.then(|| ahead.saturating_sub(before))
        })
    }

    fn read(clock: libc::clockid_t) -> Option<Duration> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is the struct that the call fills, and the call may write to it.
        let status = unsafe { libc::clock_gettime(clock, &raw mut time) };
        let seconds = u64::try_from(time.tv_sec).ok()?;
        let nanos = u32::try_from(time.tv_nsec).ok()?;
        (status == 0).then(|| Duration::new(seconds, nanos))
    }

    const TRIES: u32 = 4;
    const PROMPT: Duration = Duration::from_millis(50);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_time_asleep_is_that_of_the_two_clocks_and_does_not_run_while_awake() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let first = time_asleep().unwrap();
        // A machine was not asleep for longer than since its boot. /proc/uptime is CLOCK_BOOTTIME.
        assert!(first.as_secs_f64() <= uptime + 1.0, "{first:?} of {uptime}");
        for _ in 0..1_000 {
            let next = time_asleep().unwrap();
            assert!(
                next.abs_diff(first) < Duration::from_millis(50),
                "{next:?} after {first:?}"
            );
        }
    }
}
