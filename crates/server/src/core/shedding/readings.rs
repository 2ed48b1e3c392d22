//! Reads the memory, the stalls and the free descriptors of this process.

use std::time::Duration;

use lastword_session::Time;
use lastword_transport::Clock;

use super::pressure::Readings;
use crate::books::OpenFds;
use crate::config::Marks;

/// Reads the process at each tick.
#[derive(Debug, Default)]
pub(super) struct Meter {
    open_fds: OpenFds,
    last: Option<(Time, Duration)>,
    /// The share of each of the last ticks in which the process stood still, per mille.
    stalls: [u64; WINDOW],
}

impl Meter {
    /// Reads the values that have a mark. `stalled` is the total time for which this process stood still
    /// so far.
    pub(super) fn read(&mut self, stalled: Duration, marks: Marks) -> Readings {
        let memory = marks.memory_bytes_max;
        let descriptors = marks.free_descriptors_min;
        Readings {
            memory_bytes: memory.and_then(|_| lastword_sys::memory_bytes()),
            stall_ms: self.stall_ms(Clock::real(), stalled),
            free_descriptors: descriptors.and_then(|_| self.free_descriptors()),
        }
    }

    /// For how many milliseconds of a second the process stood still, averaged over the last ticks. Each tick counts
    /// the same, however long it took. So one long stop, such as a SIGSTOP, does not look like a process that cannot
    /// keep up.
    fn stall_ms(&mut self, now: Time, stalled: Duration) -> u64 {
        let (then, before) = self.last.replace((now, stalled)).unwrap_or((now, stalled));
        let (took, stood) = (now.since(then), stalled.saturating_sub(before));
        let share = stood.as_millis() * 1_000 / took.as_millis().max(1);
        self.stalls.rotate_right(1);
        if let Some(latest) = self.stalls.first_mut() {
            *latest = u64::try_from(share.min(1_000)).unwrap_or(1_000);
        }
        self.stalls.iter().sum::<u64>() / WINDOW as u64
    }

    fn free_descriptors(&mut self) -> Option<u64> {
        let max = lastword_sys::max_fds()?;
        Some(max.saturating_sub(self.open_fds.read()?))
    }
}

const WINDOW: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// The readings for ticks that took this long, and in which the process stood still for this long.
    fn stalls(ticks: &[(u64, u64)]) -> Vec<u64> {
        let mut meter = Meter::default();
        let (mut now, mut stalled) = (Time::ORIGIN, Duration::ZERO);
        meter.stall_ms(now, stalled);
        let each = ticks.iter().map(|(took, stood)| {
            now = now + Duration::from_millis(*took);
            stalled += Duration::from_millis(*stood);
            meter.stall_ms(now, stalled)
        });
        each.collect()
    }

    #[test]
    fn a_process_that_stands_still_half_of_the_time_is_so_however_long_its_ticks_are() {
        assert_eq!(stalls(&[(250, 125); 5])[3..], [500, 500]);
        assert_eq!(stalls(&[(2_000, 1_000); 5])[3..], [500, 500]);
        assert_eq!(stalls(&[(2_250, 2_000); 4])[3], 888);
    }

    #[test]
    fn one_long_stop_counts_as_one_tick() {
        let minute = 60_000;
        let told = stalls(&[
            (250, 0),
            (minute, minute),
            (250, 0),
            (250, 0),
            (250, 0),
            (250, 0),
        ]);
        assert_eq!(told, [0, 250, 250, 250, 250, 0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_free_descriptors() {
        let marks = Marks {
            memory_bytes_max: Some(1),
            free_descriptors_min: Some(1),
            ..Marks::default()
        };
        let readings = Meter::default().read(Duration::ZERO, marks);
        assert!(readings.memory_bytes.is_some_and(|bytes| bytes > 100_000));
        assert!(readings.free_descriptors.is_some_and(|free| free > 0));
    }
}
