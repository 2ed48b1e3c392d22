//! The socket options of a profile, which control the kernel's own probes and retries.

use std::time::Duration;

use crate::Profile;

/// How long after the dead limit keepalive ends: late enough that our own verdict always comes first.
const AFTER_DEAD: Duration = Duration::from_secs(5);
/// When keepalive ends a connection where there is no dead limit, in seconds.
const END_WITHOUT_DEAD_SECS: u64 = 65;
/// The least time from the suspect limit to the end of keepalive where there is no dead limit, in seconds.
const PROBING_WITHOUT_DEAD_SECS: u64 = 20;
/// The intended number of keepalive probes. A short span, with one probe a second, holds up to twice as many.
const PROBES_AIM: u64 = 5;

/// `TCP_USER_TIMEOUT` just before the final close: bounds how long the kernel keeps data that a dead peer does not
/// acknowledge. While a connection lives, the option is off or [`USER_TIMEOUT_HELD`], because shorter values would
/// also end living slow readers and links that came back.
pub const USER_TIMEOUT_FINAL: Duration = Duration::from_secs(5);
/// `TCP_USER_TIMEOUT` of a living connection while the kernel would count its give-up from an old retransmission
/// (`docs/kernel.md`, fact 6.2). If the retransmission is older than this, the kernel may still end the
/// connection early.
pub const USER_TIMEOUT_HELD: Duration = Duration::from_secs(24 * 60 * 60);

/// The socket options of a profile.
///
/// Connections inherit them from the listener, where there is one. They are set on the connection itself for a player
/// with another profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelKnobs {
    /// `SO_KEEPALIVE`: whether the kernel probes a silent peer at all. Without it, only a heartbeat finds that the path
    /// of an idle connection is dead.
    pub keepalive: bool,
    /// `TCP_KEEPIDLE`: the silence before the first probe; whole seconds. It is no shorter than the suspect limit, so a
    /// peer that keeps its heartbeat is never probed.
    pub keepalive_idle: Duration,
    /// `TCP_KEEPINTVL`: the time between probes; whole seconds.
    pub keepalive_interval: Duration,
    /// `TCP_KEEPCNT`: how many probes without an answer end the connection (`path_dead`).
    pub keepalive_count: u32,
    /// `TCP_RTO_MAX_MS`: the longest time between two retransmissions; `None` leaves the kernel's default. It
    /// determines when the kernel gives up unacknowledged data (`path_dead`).
    pub rto_max: Option<Duration>,
    /// `TCP_NOTSENT_LOWAT` in bytes: unsent data waits in our queue, where it can still be dropped.
    pub notsent_lowat: u32,
    /// `TCP_NODELAY`: small frames leave at once.
    pub nodelay: bool,
    /// `SO_OOBINLINE`: urgent data is read like other data, so that urgent data cannot look like
    /// the peer's FIN.
    pub oob_inline: bool,
}

impl Profile {
    /// Returns the socket options of this profile. Their guarantees hold if the profile is valid.
    #[must_use]
    pub fn knobs(&self) -> KernelKnobs {
        let keepalive = Keepalive::of(self);
        KernelKnobs {
            keepalive: true,
            keepalive_idle: Duration::from_secs(keepalive.idle_secs),
            keepalive_interval: Duration::from_secs(keepalive.interval_secs),
            keepalive_count: u32::try_from(keepalive.count).unwrap_or(u32::MAX),
            rto_max: self.rto_max,
            notsent_lowat: 16_384,
            nodelay: true,
            oob_inline: true,
        }
    }
}

impl KernelKnobs {
    /// Returns the same options without keepalive.
    #[must_use]
    pub const fn without_keepalive(mut self) -> Self {
        self.keepalive = false;
        self
    }

    /// Returns when keepalive ends an idle connection whose path is dead, from the last byte received; `None` is never.
    #[must_use]
    pub fn keepalive_end(&self) -> Option<Duration> {
        let probing = self.keepalive_interval.saturating_mul(self.keepalive_count);
        let end = self.keepalive_idle.saturating_add(probing);
        self.keepalive.then_some(end)
    }
}

struct Keepalive {
    idle_secs: u64,
    interval_secs: u64,
    count: u64,
}

impl Keepalive {
    /// Fits the probes between the suspect limit and the end. The remainder of the division goes to the idle time, so
    /// that the end is exact. The second probe still falls before the dead limit.
    fn of(profile: &Profile) -> Self {
        let suspect_secs = ceil_secs(profile.suspect);
        let end_secs = match profile.dead {
            Some(dead) => ceil_secs(dead.saturating_add(AFTER_DEAD)),
            None => {
                END_WITHOUT_DEAD_SECS.max(suspect_secs.saturating_add(PROBING_WITHOUT_DEAD_SECS))
            }
        };
        let span_secs = end_secs.saturating_sub(suspect_secs).max(1);
        let interval_secs = (span_secs / PROBES_AIM).max(1);
        let count = span_secs / interval_secs;
        Self {
            idle_secs: end_secs.saturating_sub(interval_secs.saturating_mul(count)),
            interval_secs,
            count,
        }
    }
}

fn ceil_secs(duration: Duration) -> u64 {
    let begun = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profiles_have_these_keepalives() {
        let expected = [
            ("competitive", (3, 2, 5)),
            ("standard", (8, 2, 6)),
            ("mobile", (10, 3, 5)),
            ("background", (30, 7, 5)),
            ("debugger", (10, 11, 5)),
        ];
        assert_eq!(expected.map(|(name, _)| name), Profile::NAMES);
        for (name, keepalive) in expected {
            let knobs = Profile::builtin(name).unwrap().knobs();
            let idle = knobs.keepalive_idle.as_secs();
            let interval = knobs.keepalive_interval.as_secs();
            assert_eq!((idle, interval, knobs.keepalive_count), keepalive, "{name}");
        }
    }

    #[test]
    fn keepalive_keeps_its_promises_for_every_valid_profile() {
        let mut checked = 0;
        for profile in grid() {
            if profile.validate().is_ok() {
                check(&profile);
                checked += 1;
            }
        }
        assert!(checked > 20_000, "{checked}");
        for name in Profile::NAMES {
            check(&Profile::builtin(name).unwrap());
        }
    }
    fn check(profile: &Profile) {
        let knobs = profile.knobs();
        let (idle, interval) = (knobs.keepalive_idle, knobs.keepalive_interval);
        assert_eq!((idle.subsec_nanos(), interval.subsec_nanos()), (0, 0));
        // The range that the kernel accepts.
        assert!((1..=32_767).contains(&idle.as_secs()), "{profile:?}");
        assert!((1..=32_767).contains(&interval.as_secs()), "{profile:?}");
        assert!((5..=127).contains(&knobs.keepalive_count), "{profile:?}");
        // A peer that keeps its heartbeat is never probed.
        assert!(
            idle >= profile.suspect && idle > profile.heartbeat,
            "{profile:?}"
        );

        let end = knobs.keepalive_end().unwrap();
        assert_eq!(knobs.without_keepalive().keepalive_end(), None);
        let Some(dead) = profile.dead else {
            let probing = profile.suspect + Duration::from_secs(20);
            assert!(end >= Duration::from_secs(65).max(probing), "{profile:?}");
            return;
        };
        let exact = dead + AFTER_DEAD;
        assert!(
            end >= exact && end < exact + Duration::from_secs(1),
            "{profile:?}"
        );
        // The second probe has half a second to be answered before the verdict.
        assert!(
            idle + interval + Duration::from_millis(500) <= dead,
            "{profile:?}"
        );
    }

    /// Profiles over the whole range of heartbeats, with the tightest limits and longer ones.
    fn grid() -> impl Iterator<Item = Profile> {
        let heartbeats = (100..=600_000).step_by(1_013).chain([600_000]);
        heartbeats.flat_map(|heartbeat_ms| {
            let suspects = [0, 1, 499, 1_000, 7_777].map(|more| heartbeat_ms * 3 / 2 + more);
            suspects.into_iter().flat_map(move |suspect_ms| {
                let limits = [
                    2_500, 2_501, 3_333, 5_000, 9_999, 12_500, 17_001, 60_000, 222_222,
                ];
                let deads = limits.map(|more| Some(suspect_ms + more));
                deads.into_iter().chain([None]).map(move |dead_ms| Profile {
                    heartbeat: Duration::from_millis(heartbeat_ms),
                    suspect: Duration::from_millis(suspect_ms),
                    dead: dead_ms.map(Duration::from_millis),
                    rto_max: None,
                    ..Profile::standard()
                })
            })
        })
    }
}
