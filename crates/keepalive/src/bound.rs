//! The bound of a silence's detection.

use std::time::Duration;

use crate::Profile;

/// The step at which deadlines are swept: no verdict comes later than this after its limit.
pub const SWEEP: Duration = Duration::from_millis(100);

/// The longest that a silence lasts before its verdict: the dead limit and one `sweep` of the deadlines.
/// `None` is never.
#[must_use]
pub fn detection_bound(profile: &Profile, sweep: Duration) -> Option<Duration> {
    profile.dead.map(|dead| dead.saturating_add(sweep))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_dead_limit_and_one_sweep_or_never() {
        let bound = |name| detection_bound(&Profile::builtin(name).unwrap(), SWEEP);
        assert_eq!(bound("standard"), Some(Duration::from_millis(15_100)));
        assert_eq!(bound("debugger"), None);
    }
}
