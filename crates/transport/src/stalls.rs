//! Records when this process was late itself (starved, stopped, blocked, or its machine paused). Such time does not
//! count as a peer's silence.
//!
//! Times are from the monotonic clock, which stands still while the machine is suspended. In a suspend no peer is
//! heard, but no time passes either, so there is nothing to excuse.

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lastword_session::Time;

/// The stalls of one process, as its sweep finds them; one record for all connections of a table.
#[derive(Debug)]
pub(crate) struct Stalls {
    record: Mutex<Record>,
}

impl Stalls {
    /// Creates an empty record; the first sweep is due at `due`.
    pub(crate) fn new(due: Time) -> Self {
        Self {
            record: Mutex::new(Record {
                due,
                past: Vec::new(),
                lag: Lag::default(),
            }),
        }
    }

    /// Notes that the due sweep came now, and that the next one is due at `next`.
    pub(crate) fn swept(&self, now: Time, next: Time) {
        let mut record = self.lock();
        let due = std::mem::replace(&mut record.due, next);
        record.lag.note(now, now.since(due));
        record.add(due, now);
    }

    /// Notes that other work due at `due` came now: one of our workers was blocked while the sweep was not.
    pub(crate) fn came(&self, due: Time, now: Time) {
        self.lock().add(due, now);
    }

    /// The part of `since..now` in which this process was late. A stall that is not over counts too: after a stall, a
    /// connection may be polled before the sweep.
    pub(crate) fn between(&self, since: Time, now: Time) -> Duration {
        let record = self.lock();
        let open = Stall::of(record.due, now);
        let all = record.past.iter().chain(&open);
        let late: Duration = all.map(|stall| stall.within(since, now)).sum();
        late.min(now.since(since))
    }

    /// The length of all past stalls. It never shrinks.
    pub(crate) fn total(&self) -> Duration {
        self.lock().past.iter().map(|stall| stall.late).sum()
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

#[derive(Debug)]
struct Record {
    /// When the next sweep is due.
    due: Time,
    /// Sorted by time; no two touch.
    past: Vec<Stall>,
    lag: Lag,
}

impl Record {
    fn add(&mut self, due: Time, now: Time) {
        let Some(stall) = Stall::of(due, now) else {
            return;
        };
        let first = self.past.partition_point(|other| other.end < stall.start);
        let beyond = self.past.partition_point(|other| other.start <= stall.end);
        let joined = self.past.drain(first..beyond).fold(stall, Stall::join);
        self.past.insert(first, joined);
        if self.past.len() > KEPT {
            self.coarsen(now);
        }
    }

    /// Joins the two neighbours whose span is the smallest part of their age. No stall is forgotten, but old ones are
    /// known less exactly.
    fn coarsen(&mut self, now: Time) {
        let pairs = self.past.iter().zip(self.past.iter().skip(1));
        let parts = pairs.map(|(a, b)| b.end.since(a.start).div_duration_f64(now.since(a.start)));
        let least = parts.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b));
        let Some((index, _)) = least else { return };
        let later = self.past.remove(index + 1);
        if let Some(earlier) = self.past.get_mut(index) {
            *earlier = earlier.join(later);
        }
    }
}

/// One stall, or several joined ones: then `late` is shorter than the time from `start` to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stall {
    start: Time,
    end: Time,
    late: Duration,
}

impl Stall {
    /// The stall of work that was due at `due` and came now; `None` where it was only ordinarily late.
    fn of(due: Time, now: Time) -> Option<Self> {
        let late = now.since(due);
        (late >= STALL_MIN).then_some(Self {
            start: due,
            end: now,
            late,
        })
    }

    /// Joins both stalls. The result is exact where they overlap and are whole: then their sum is longer than their
    /// span.
    fn join(self, other: Self) -> Self {
        let start = self.start.min(other.start);
        let end = self.end.max(other.end);
        let late = end.since(start).min(self.late + other.late);
        Self { start, end, late }
    }

    /// How much of the stall may lie in `since..now`.
    fn within(&self, since: Time, now: Time) -> Duration {
        let common = self.end.min(now).since(self.start.max(since));
        common.min(self.late)
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
const STALL_MIN: Duration = Duration::from_millis(20);
/// The number of stalls that are kept separately.
const KEPT: usize = 64;
const LAG_WINDOW_MICROS: u64 = 30_000_000;
