//! The rate at which connections begin.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The turns of a storm, evenly spread if the scenario has a rate.
#[derive(Debug)]
pub(crate) struct Pace {
    step: Option<Duration>,
    next: Instant,
}

impl Pace {
    pub(crate) fn new(rate_per_second: Option<u32>) -> Self {
        let step = rate_per_second.and_then(|rate| Duration::from_secs(1).checked_div(rate));
        Self {
            step,
            next: Instant::now(),
        }
    }

    /// Waits for the next turn. Cancel safe: a turn is not lost if the call is dropped.
    pub(crate) async fn turn(&mut self) {
        if let Some(step) = self.step {
            sleep_until(self.next).await;
            self.next += step;
        }
    }
}
