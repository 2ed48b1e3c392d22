//! Real time for the state machines: one origin for every connection of the process.

use std::sync::LazyLock;
use std::time::Instant;

use lastword_session::Time;

/// The monotonic clock. Its origin is the first time that this process reads it. It stands still while the machine is
/// suspended, as Linux's `CLOCK_MONOTONIC` does.
///
/// It has no size, so a connection carries none of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// Reads the clock. The result is never [`Time::ORIGIN`] itself.
    #[must_use]
    pub fn now(self) -> Time {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        let micros = u64::try_from(ORIGIN.elapsed().as_micros()).unwrap_or(u64::MAX);
        Time::from_micros(micros.saturating_add(1))
    }
}
