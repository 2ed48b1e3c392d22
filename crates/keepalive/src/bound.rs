//! The longest time to detect each kind of silence.

use std::time::Duration;

use crate::{Profile, Silence};

/// The interval at which deadlines are swept. A verdict comes at most this long after its limit, apart from our own
/// stalls.
pub const SWEEP: Duration = Duration::from_millis(100);

/// How long the peer's own data may take after its kernel retried: a round trip, and the rest of a heartbeat.
pub(crate) const RETRY_MARGIN: Duration = Duration::from_secs(1);

/// Returns the longest time from the last sign of life to the verdict, one [`SWEEP`] included; `None` is never.
///
/// The sign of life is the last byte received. For a path that is dead outbound, or a peer that does not read, it is
/// the last progress of its kernel's acknowledgements. `write_progress` is the timeout of that name.
///
/// A silence that began with an outage may last longer than the dead limit: up to twice the limit plus a second. If the
/// peer's kernel answers again before the limit, the time until its next retry may be as long as the outage was. We
/// wait for that retry once. Such a silence always ends as [`Silence::PeerSilent`].
#[must_use]
pub fn detection_bound(
    silence: Silence,
    profile: &Profile,
    write_progress: Option<Duration>,
) -> Option<Duration> {
    let limit = match silence {
        Silence::PathDead
        | Silence::PathDeadOutbound
        | Silence::LocalNetworkDown
        | Silence::PeerFrozen => profile.dead,
        Silence::PeerSilent => profile
            .dead
            .map(|dead| dead.saturating_mul(2).saturating_add(RETRY_MARGIN)),
        // Only a byte from the peer proves that the peer is there, and the peer must send one each
        // heartbeat.
        Silence::PeerNotReading => {
            write_progress.map(|timeout| timeout.saturating_add(profile.heartbeat))
        }
    };
    limit.map(|limit| limit.saturating_add(SWEEP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_dead_limit_and_one_sweep_or_never() {
        let bound = |name| {
            let profile = Profile::builtin(name).unwrap();
            detection_bound(Silence::PathDead, &profile, None)
        };
        assert_eq!(bound("standard"), Some(Duration::from_millis(15_100)));
        assert_eq!(bound("debugger"), None);
    }

    #[test]
    fn a_silence_with_an_outage_may_last_twice_as_long_and_a_second_more() {
        let bound = |profile| detection_bound(Silence::PeerSilent, &profile, None);
        let within = Some(Duration::from_millis(17_100));
        assert_eq!(bound(Profile::competitive()), within);
        assert_eq!(bound(Profile::debugger()), None);
    }

    #[test]
    fn a_peer_that_does_not_read_is_found_by_its_next_heartbeat() {
        let bound =
            |timeout| detection_bound(Silence::PeerNotReading, &Profile::standard(), timeout);
        let timeout = Duration::from_secs(10);
        assert_eq!(bound(Some(timeout)), Some(Duration::from_millis(15_100)));
        assert_eq!(bound(None), None);
    }
}
