//! The clock of one connection's silence: when its peer is suspected and when it is given up.

use std::time::Duration;

use crate::Profile;

/// The step at which deadlines are swept: no verdict comes later than this after its limit.
pub const SWEEP: Duration = Duration::from_millis(100);

/// The longest that a silence lasts before its verdict: the dead limit and one `sweep` of the deadlines.
///
/// `None` is never. Our own measured stalls come on top, since they prolong every deadline.
#[must_use]
pub fn detection_bound(profile: &Profile, sweep: Duration) -> Option<Duration> {
    profile.dead.map(|dead| dead.saturating_add(sweep))
}

/// A limit that a silence has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Due {
    /// The suspect limit: the game is told, and the peer is asked.
    Suspect,
    /// The dead limit: the verdict falls, if one more read finds nothing.
    Dead,
}

/// How long the peer of one connection has been silent, and which limits that silence has passed.
///
/// All times are microseconds of the driver's monotonic clock. Only the peer's bytes are life: nothing that we
/// send, and nothing that the kernel took from us, moves a deadline.
#[derive(Clone, Copy, Debug)]
pub struct Liveness {
    suspect_us: u64,
    dead_us: Option<u64>,
    last_byte_in_us: u64,
    own_stall_us: u64,
    passed: Option<Due>,
}

impl Liveness {
    /// Starts the clock at `now_us`, as if a byte had just come.
    #[must_use]
    pub fn new(profile: &Profile, now_us: u64) -> Self {
        Self {
            suspect_us: micros(profile.suspect),
            dead_us: profile.dead.map(micros),
            last_byte_in_us: now_us,
            own_stall_us: 0,
            passed: None,
        }
    }

    /// Takes note of bytes from the peer; they end a silence and cancel what it had led to.
    ///
    /// Returns the limit that the silence had passed, so that a suspicion can be taken back.
    pub fn handle_bytes(&mut self, now_us: u64) -> Option<Due> {
        self.last_byte_in_us = self.last_byte_in_us.max(now_us);
        self.own_stall_us = 0;
        self.passed.take()
    }

    /// Takes note of a stall of our own (suspend, starvation, a paused machine) that ended at `now_us`: time in
    /// which nobody listened is not the peer's silence.
    pub fn handle_stall(&mut self, now_us: u64, stall: Duration) {
        // What lay before the last byte has no part in this silence.
        let silence_us = now_us.saturating_sub(self.last_byte_in_us);
        self.own_stall_us = self
            .own_stall_us
            .saturating_add(micros(stall))
            .min(silence_us);
    }

    /// Yields each limit that the silence has passed at `now_us` once, in order, then `None`.
    pub fn poll_due(&mut self, now_us: u64) -> Option<Due> {
        let (due, at_us) = self.next_due()?;
        if now_us < at_us {
            return None;
        }
        self.passed = Some(due);
        Some(due)
    }

    /// The next limit and when it falls due; `None` after the last.
    #[must_use]
    pub fn next_due(&self) -> Option<(Due, u64)> {
        match self.passed {
            None => Some((Due::Suspect, self.suspect_at_us())),
            Some(Due::Suspect) => self.dead_at_us().map(|at_us| (Due::Dead, at_us)),
            Some(Due::Dead) => None,
        }
    }

    /// When the peer becomes, or became, suspect.
    #[must_use]
    pub const fn suspect_at_us(&self) -> u64 {
        self.after_silence_of(self.suspect_us)
    }

    /// When the peer is, or was, given up; `None` is never.
    #[must_use]
    pub fn dead_at_us(&self) -> Option<u64> {
        self.dead_us.map(|dead_us| self.after_silence_of(dead_us))
    }

    /// When the last byte came.
    #[must_use]
    pub const fn last_byte_in_us(&self) -> u64 {
        self.last_byte_in_us
    }

    /// How much of the silence was a stall of our own.
    #[must_use]
    pub const fn own_stall(&self) -> Duration {
        Duration::from_micros(self.own_stall_us)
    }

    const fn after_silence_of(&self, limit_us: u64) -> u64 {
        self.last_byte_in_us
            .saturating_add(self.own_stall_us)
            .saturating_add(limit_us)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_US: u64 = 1_000_000_000;
    const SECOND_US: u64 = 1_000_000;

    #[test]
    fn a_silent_peer_is_suspected_and_then_given_up_each_once_and_on_time() {
        for name in Profile::NAMES {
            let profile = Profile::builtin(name).unwrap();
            let mut peer = Liveness::new(&profile, START_US);
            let suspect_us = START_US + micros(profile.suspect);
            assert_eq!(peer.poll_due(suspect_us - 1), None);
            assert_eq!(peer.poll_due(suspect_us), Some(Due::Suspect));
            assert_eq!(peer.poll_due(suspect_us), None);

            let Some(dead) = profile.dead else {
                assert_eq!(peer.next_due(), None);
                assert_eq!(peer.poll_due(u64::MAX), None);
                continue;
            };
            let dead_us = START_US + micros(dead);
            assert_eq!(peer.poll_due(dead_us - 1), None);
            assert_eq!(peer.poll_due(dead_us), Some(Due::Dead));
            assert_eq!(peer.poll_due(u64::MAX), None);
        }
    }

    #[test]
    fn a_late_sweep_yields_both_limits_in_order() {
        let mut peer = Liveness::new(&Profile::standard(), START_US);
        let late_us = START_US + 60 * SECOND_US;
        assert_eq!(peer.poll_due(late_us), Some(Due::Suspect));
        assert_eq!(peer.poll_due(late_us), Some(Due::Dead));
        assert_eq!(peer.poll_due(late_us), None);
    }

    #[test]
    fn a_byte_found_by_the_last_read_cancels_the_verdict() {
        let mut peer = Liveness::new(&Profile::standard(), START_US);
        let dead_us = peer.dead_at_us().unwrap();
        assert_eq!(peer.poll_due(dead_us), Some(Due::Suspect));
        assert_eq!(peer.poll_due(dead_us), Some(Due::Dead));

        assert_eq!(peer.handle_bytes(dead_us), Some(Due::Dead));
        assert_eq!(peer.poll_due(dead_us), None);
        assert_eq!(peer.suspect_at_us(), dead_us + 7_500_000);
        assert_eq!(peer.poll_due(dead_us + 7_500_000), Some(Due::Suspect));
    }

    #[test]
    fn a_heartbeat_in_time_is_never_suspected() {
        for name in Profile::NAMES {
            let profile = Profile::builtin(name).unwrap();
            let mut peer = Liveness::new(&profile, START_US);
            let mut now_us = START_US;
            for _ in 0..1000 {
                now_us += micros(profile.heartbeat);
                assert_eq!(peer.poll_due(now_us), None, "{name}");
                assert_eq!(peer.handle_bytes(now_us), None, "{name}");
            }
        }
    }

    #[test]
    fn our_own_stall_prolongs_both_limits_until_the_next_byte() {
        let mut peer = Liveness::new(&Profile::standard(), START_US);
        let (suspect_us, dead_us) = (peer.suspect_at_us(), peer.dead_at_us().unwrap());
        peer.handle_stall(START_US + 4 * SECOND_US, Duration::from_secs(3));
        assert_eq!(peer.suspect_at_us(), suspect_us + 3 * SECOND_US);
        assert_eq!(peer.dead_at_us(), Some(dead_us + 3 * SECOND_US));
        assert_eq!(peer.own_stall(), Duration::from_secs(3));

        peer.handle_bytes(START_US + 5 * SECOND_US);
        assert_eq!(peer.own_stall(), Duration::ZERO);
        assert_eq!(peer.suspect_at_us(), suspect_us + 5 * SECOND_US);
    }

    #[test]
    fn a_stall_counts_only_as_far_as_it_lies_in_the_silence() {
        let mut peer = Liveness::new(&Profile::standard(), START_US);
        peer.handle_bytes(START_US + 10 * SECOND_US);
        peer.handle_stall(START_US + 11 * SECOND_US, Duration::from_secs(9));
        assert_eq!(peer.own_stall(), Duration::from_secs(1));
    }

    #[test]
    fn a_clock_that_steps_back_shortens_nothing() {
        let mut peer = Liveness::new(&Profile::standard(), START_US);
        let suspect_us = peer.suspect_at_us();
        peer.handle_bytes(0);
        peer.handle_stall(0, Duration::from_secs(1));
        assert_eq!(peer.last_byte_in_us(), START_US);
        assert_eq!(peer.suspect_at_us(), suspect_us);
    }

    #[test]
    fn the_bound_is_the_dead_limit_and_one_sweep_or_never() {
        let bound = |name| detection_bound(&Profile::builtin(name).unwrap(), SWEEP);
        assert_eq!(bound("standard"), Some(Duration::from_millis(15_100)));
        assert_eq!(bound("debugger"), None);
    }

    #[test]
    fn one_connection_pays_little_for_it() {
        assert!(size_of::<Liveness>() <= 48);
    }
}
