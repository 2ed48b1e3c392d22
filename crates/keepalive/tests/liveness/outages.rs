//! Outages: which of them end nothing, and how long a silence may last that began with one.

use std::time::Duration;

use lastword_keepalive::{Profile, Silence, Timing, detection_bound};

use crate::world::{CUT, Faults, NONE, World, secs};

const FROZEN: Faults = Faults {
    frozen: true,
    ..NONE
};
/// The kernel's own longest time between two retries.
const DEFAULT_RTO_MAX: Duration = secs(120);

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A session of a client with the retries of its own kernel, and whether the game writes.
fn session(profile: &Profile, writes_every: Option<Duration>) -> World {
    let mut world = World::new(Timing::from(profile));
    world.rto_max = profile.rto_max.expect("it is bounded");
    world.peer_rto_max = DEFAULT_RTO_MAX;
    world.writes_every = writes_every;
    world
}

/// The first gaps between two retries, on short and on long paths: they decide which retry is the first after an outage.
const PEER_RTOS_MS: [u64; 4] = [200, 260, 300, 340];

/// Returns the world after an outage that began this long after the first 20 s, or the silence that ended it.
fn after_outage(mut world: World, shift: Duration, outage: Duration) -> Result<World, Silence> {
    assert_eq!(world.run(secs(20) + shift), None);
    world.faults = CUT;
    let during = world.run(outage);
    world.faults = NONE;
    let end = during.or_else(|| world.run(secs(40)));
    end.map_or(Ok(world), |verdict| Err(verdict.silence))
}

/// The client beats once a second, so the last byte before the outage is at most a second old.
#[test]
fn an_outage_up_to_a_heartbeat_and_a_second_before_the_dead_limit_ends_nothing() {
    for profile in [Profile::competitive(), Profile::standard()] {
        let dead = profile.dead.expect("a limit");
        let longest = dead - profile.heartbeat - secs(1);
        for outage_ms in (500..=u64::try_from(longest.as_millis()).unwrap()).step_by(500) {
            for shift_ms in (0..1_000).step_by(250) {
                for peer_rto_ms in PEER_RTOS_MS {
                    let writes_every = (shift_ms % 500 == 0).then_some(millis(50));
                    let mut world = session(&profile, writes_every);
                    world.peer_rto = millis(peer_rto_ms);
                    let after = after_outage(world, millis(shift_ms), millis(outage_ms));
                    let what = format!("{}: {outage_ms} ms at {shift_ms} ms", profile.name);
                    assert_eq!(after.err(), None, "{what}, {peer_rto_ms} ms");
                }
            }
        }
    }
}

/// The answer to our question comes before the dead limit, and the client's own retry may come after it.
#[test]
fn a_client_with_its_own_retries_lives_through_nearly_the_whole_dead_limit() {
    for outage_ms in (9_000..=12_000).step_by(500) {
        for shift_ms in (0..1_000).step_by(250) {
            for peer_rto_ms in PEER_RTOS_MS {
                let mut world = session(&Profile::standard(), Some(millis(50)));
                world.peer_rto = millis(peer_rto_ms);
                let after = after_outage(world, millis(shift_ms), millis(outage_ms));
                let what = format!("{outage_ms} ms at {shift_ms} ms, {peer_rto_ms} ms");
                assert_eq!(after.err(), None, "{what}");
            }
        }
    }
}

/// Its kernel answers again, and its process says nothing: it is waited for once, and no longer than promised.
#[test]
fn a_peer_that_froze_in_an_outage_is_given_up_within_the_longer_bound() {
    for profile in [Profile::competitive(), Profile::standard()] {
        let dead = profile.dead.expect("a limit");
        let bound = detection_bound(Silence::PeerSilent, &profile, None).expect("a bound");
        for outage in [dead / 4, dead - secs(2)] {
            let mut world = session(&profile, Some(millis(50)));
            assert_eq!(world.run(secs(20)), None);
            let silent_since = world.liveness.last_in();
            world.faults = Faults {
                frozen: true,
                ..CUT
            };
            assert_eq!(world.run(outage), None);
            world.faults = FROZEN;
            let verdict = world.verdict(secs(40));
            assert_eq!(verdict.silence, Silence::PeerSilent);
            assert_eq!(verdict.since, silent_since);
            let silence = world.now.since(silent_since);
            assert!(silence <= bound, "{silence:?}");
            let waits = silence > dead + secs(1);
            assert_eq!(waits, outage > dead / 4, "{silence:?} after {outage:?}");
        }
    }
}

/// Only an answer before the dead limit is waited for, so that a flapping link cannot stretch a silence for ever.
#[test]
fn a_second_outage_does_not_stretch_the_wait() {
    let profile = Profile::standard();
    let mut world = session(&profile, Some(millis(50)));
    assert_eq!(world.run(secs(20)), None);
    let silent_since = world.liveness.last_in();
    for (is_down, time) in [(true, 10), (false, 3), (true, 5)] {
        let faults = if is_down { CUT } else { NONE };
        world.faults = Faults {
            frozen: true,
            ..faults
        };
        assert_eq!(world.run(secs(time)), None);
    }
    world.faults = FROZEN;
    let verdict = world.verdict(secs(20));
    assert_eq!(verdict.silence, Silence::PeerSilent);
    // The first answer came a retry after the first 10 s. With the second one it would be more than 24 s.
    let silence = world.now.since(silent_since);
    assert!(silence < secs(24), "{silence:?}");
}

/// A path that stays dead gives no answer to wait for.
#[test]
fn a_cut_that_lasts_ends_at_the_dead_limit() {
    for profile in [Profile::competitive(), Profile::standard()] {
        let bound = detection_bound(Silence::PathDead, &profile, None).expect("a bound");
        let mut world = session(&profile, Some(millis(50)));
        assert_eq!(world.run(secs(20)), None);
        let silent_since = world.liveness.last_in();
        world.faults = CUT;
        let verdict = world.verdict(secs(40));
        assert_eq!(verdict.silence, Silence::PathDead);
        assert!(world.now.since(silent_since) <= bound);
    }
}
