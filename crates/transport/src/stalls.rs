//! Measures for how long this process stood still (starved, stopped, blocked, or its machine paused), and derives the
//! clock that stands still with it.
//!
//! The sweep of a table is due at a known time. From [`TOLERANCE`] after that time the clock stands still, until the
//! sweep comes. So the clock is right also for a connection that is polled before the sweep.
//!
//! While the machine is suspended, the monotonic clock itself stands still, so no time has to be subtracted.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lastword_session::Time;

/// The stalls of one process, as one sweep finds them.
#[derive(Debug)]
pub(crate) struct Stalls {
    /// How far the clock is behind the real one, microseconds: all stalls that are over.
    behind: AtomicU64,
    /// The clock goes no further than this until the next sweep, microseconds.
    limit: AtomicU64,
    record: Mutex<Record>,
}

/// The figures for metrics. They decide nothing.
#[derive(Debug, Default)]
struct Record {
    /// For how long in all the process, or one of its workers, stood still.
    total: Duration,
    /// When tasks were late, on the clock: the start and the end of each such time, in order, without the oldest
    /// ones.
    late: Vec<(Time, Time)>,
    lag: Lag,
}

impl Default for Stalls {
    fn default() -> Self {
        Self {
            behind: AtomicU64::new(0),
            limit: AtomicU64::new(u64::MAX),
            record: Mutex::default(),
        }
    }
}

impl Stalls {
    /// The clock at a real time.
    pub(crate) fn at(&self, real: Time) -> Time {
        // In this order: a reader that sees the new limit also sees how far the clock had fallen behind.
        let limit = self.limit.load(Ordering::Acquire);
        let behind = self.behind.load(Ordering::Relaxed);
        Time::from_micros(real.as_micros().saturating_sub(behind).min(limit))
    }

    /// Notes that the sweep came now. Returns the clock.
    pub(crate) fn swept(&self, real: Time) -> Time {
        let behind = self.behind.load(Ordering::Relaxed);
        let limit = Time::from_micros(self.limit.load(Ordering::Relaxed));
        let late = real.before(Duration::from_micros(behind)).since(limit);
        // In whole milliseconds, as the state machines count it.
        let stood = Duration::from_millis(u64::try_from(late.as_millis()).unwrap_or(u64::MAX));
        let micros = u64::try_from(stood.as_micros()).unwrap_or(u64::MAX);
        self.behind.store(behind + micros, Ordering::Release);
        let mut record = self.lock();
        record.total += stood;
        if limit != Time::NEVER {
            let lag = real
                .before(Duration::from_micros(behind))
                .since(limit.before(TOLERANCE));
            record.lag.note(real, lag);
        }
        drop(record);
        real.before(Duration::from_micros(behind + micros))
    }

    /// Sets when the next sweep is due, on this clock.
    pub(crate) fn expect(&self, next: Time) {
        let limit = next + TOLERANCE;
        self.limit.store(limit.as_micros(), Ordering::Release);
    }

    /// Counts the lateness of a connection's task until `now` on this clock, when only its worker was blocked and the
    /// sweep was in time. The clock stands still in a stall of the whole process, so these two never overlap.
    pub(crate) fn task_was_late(&self, late: Duration, now: Time) {
        self.lock().count(late, now);
    }

    /// For how long in all this process, or one of its workers, stood still. It never shrinks.
    pub(crate) fn total(&self) -> Duration {
        self.lock().total
    }

    /// The greatest lateness of a sweep in the last 30 to 60 s.
    pub(crate) fn lag(&self) -> Duration {
        let lag = &self.lock().lag;
        lag.worst.max(lag.worst_before)
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// Counts `late` until now, but counts no time twice, because several tasks may be late at the same time.
    fn count(&mut self, late: Duration, now: Time) {
        let from = now.before(late);
        let (mut counted, mut first) = (Duration::ZERO, from);
        while let Some((since, until)) = self.late.last().copied().filter(|it| it.1 > from) {
            self.late.pop();
            counted += until.since(since.max(from));
            first = first.min(since);
        }
        self.total += late.saturating_sub(counted);
        self.late.push((first, now));
        if self.late.len() > LATE_MAX {
            self.late.remove(0);
        }
    }
}

/// The greatest lateness of this half minute and of the previous one. Reading it changes nothing, however often.
#[derive(Debug, Default)]
struct Lag {
    window: u64,
    worst: Duration,
    worst_before: Duration,
}

impl Lag {
    fn note(&mut self, now: Time, late: Duration) {
        let window = now.as_micros() / LAG_WINDOW_MICROS;
        if window != self.window {
            let is_next = window == self.window + 1;
            self.worst_before = if is_next { self.worst } else { Duration::ZERO };
            self.worst = Duration::ZERO;
            self.window = window;
        }
        self.worst = self.worst.max(late);
    }
}

/// Shorter lateness is not a stall. A sweep was 2 ms late in median; the timer's step is 1 ms. With one busy process on
/// each core it was at most 17 ms late (`docs/measurements.md`).
pub(crate) const TOLERANCE: Duration = Duration::from_millis(20);
const LAG_WINDOW_MICROS: u64 = 30_000_000;
/// The number of late times that are kept. A task that was late for longer than all of these counts some time again.
const LATE_MAX: usize = 32;
