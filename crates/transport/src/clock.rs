//! Real time for the state machines: one origin for every connection of a server or client.

use std::time::Instant;

use lastword_session::Time;

/// A monotonic clock with an origin of its own. It stands still while the machine is suspended, as Linux's
/// `CLOCK_MONOTONIC` does.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts a clock. A time read from it is never [`Time::ORIGIN`] itself.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Reads it.
    #[must_use]
    pub fn now(&self) -> Time {
        let micros = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        Time::from_micros(micros.saturating_add(1))
    }
}
