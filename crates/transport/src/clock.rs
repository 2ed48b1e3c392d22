//! The two clocks: the real clock, and the clock of every deadline, which stands still while this process stands
//! still.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use lastword_session::Time;

use crate::stalls::Stalls;

/// The clock of a [`Table`](crate::Table)'s deadlines. It stands still while this process stalls (starved, stopped,
/// blocked, or its machine paused), so that no deadline passes and no peer is blamed.
///
/// The default clock belongs to no table and never stands still.
#[derive(Clone, Debug, Default)]
pub struct Clock(pub(crate) Arc<Stalls>);

impl Clock {
    /// Reads the clock. It never goes back.
    #[must_use]
    pub fn now(&self) -> Time {
        self.0.at(Self::real())
    }

    /// Reads the real, monotonic clock. Its origin is the first time that this process reads it, and the result is
    /// never [`Time::ORIGIN`] itself. It stands still while the machine is suspended, as Linux's `CLOCK_MONOTONIC` does.
    #[must_use]
    pub fn real() -> Time {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        Time::ORIGIN + ORIGIN.elapsed() + Duration::from_micros(1)
    }
}
