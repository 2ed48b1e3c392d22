//! Notices that the machine was asleep.

use std::fmt;
use std::time::Duration;

use lastword_transport::time_asleep;

/// Compares how long the machine has slept in all with the last time that it was asked.
pub(crate) struct WakeWatch {
    asleep: Box<dyn Fn() -> Option<Duration> + Send + Sync>,
    seen: Option<Duration>,
}

impl WakeWatch {
    /// Watches this machine. On a system that does not tell its sleeps, no wake is noticed.
    pub(crate) fn of_this_machine() -> Self {
        Self::of(time_asleep)
    }

    /// Watches a machine that was asleep for `asleep()` in all. `None`: not known now.
    pub(crate) fn of(asleep: impl Fn() -> Option<Duration> + Send + Sync + 'static) -> Self {
        let seen = asleep();
        Self {
            asleep: Box::new(asleep),
            seen,
        }
    }

    /// Returns for how long the machine slept since the last call, if that is a sleep.
    pub(crate) fn slept(&mut self) -> Option<Duration> {
        let asleep = (self.asleep)()?;
        let slept = asleep.checked_sub(self.seen.replace(asleep)?)?;
        (slept >= SLEEP_LEAST).then_some(slept)
    }
}

impl fmt::Debug for WakeWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeWatch").finish_non_exhaustive()
    }
}

/// The shortest sleep that counts. The two clocks behind it are read within 50 ms.
const SLEEP_LEAST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_sleep_is_noticed_once_and_a_short_or_unknown_one_never() {
        let asleep = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&asleep);
        let mut watch = WakeWatch::of(move || *shared.lock().unwrap());
        let mut slept = |ms: Option<u64>| {
            *asleep.lock().unwrap() = ms.map(Duration::from_millis);
            watch.slept().map(|slept| slept.as_millis())
        };
        // Unknown at first: the first reading is where the count begins.
        assert_eq!(slept(None), None);
        assert_eq!(slept(Some(5_000)), None);
        assert_eq!(slept(Some(5_999)), None);
        assert_eq!(slept(Some(6_999)), Some(1_000));
        assert_eq!(slept(Some(6_999)), None);
        assert_eq!(slept(None), None);
        assert_eq!(slept(Some(50_000)), Some(43_001));
        assert_eq!(slept(Some(40_000)), None);
    }

    #[test]
    fn this_machine_is_awake() {
        let mut watch = WakeWatch::of_this_machine();
        for _ in 0..100 {
            assert_eq!(watch.slept(), None);
        }
    }
}
