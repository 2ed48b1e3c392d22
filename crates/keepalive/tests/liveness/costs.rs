//! The cost of a healthy session: it causes no wake, and at most one sample with each heartbeat. The cost of a silent
//! one, where many are silent at once.

use std::time::Duration;

use lastword_keepalive::{Profile, Silence, Timing};

use crate::causes::faults;
use crate::world::{Faults, STANDARD, World};

#[test]
fn a_healthy_idle_session_is_never_woken_and_sampled_once_a_heartbeat() {
    let mut world = World::new(STANDARD);
    assert_eq!(world.run(Duration::from_secs(600)), None);
    assert_eq!((world.wakes, world.pings), (0, 0));
    assert!((100..=600).contains(&world.samples), "{}", world.samples);
}

#[test]
fn a_busy_session_is_sampled_about_once_a_second() {
    let mut world = World::new(STANDARD);
    world.writes_every = Some(Duration::from_millis(10));
    assert_eq!(world.run(Duration::from_secs(600)), None);
    assert!(world.samples <= 800, "{}", world.samples);
    assert_eq!((world.wakes, world.pings), (0, 0));
}

/// Profiles leave very different times between suspicion and dead limit.
#[test]
fn a_mass_outage_is_judged_as_well_as_a_single_one_and_costs_less() {
    for name in ["competitive", "standard", "mobile", "background"] {
        let timing = Timing::from(&Profile::builtin(name).expect("it is built in"));
        for (fault, faults, silence) in faults() {
            for writes_every in [None, Some(Duration::from_millis(50))] {
                let what = format!("{name}, {fault}, writes every {writes_every:?}");
                let alone = judged(timing, faults, writes_every, 1);
                assert_eq!(alone.0, silence, "{what}");
                for inquiries in [5_000, 20_000, 100_000, u32::MAX] {
                    let among_many = judged(timing, faults, writes_every, inquiries);
                    assert_eq!(among_many.0, silence, "{what}, {inquiries}");
                    let apart = among_many.1.abs_diff(alone.1);
                    assert!(apart <= Duration::from_millis(100), "{what}: {apart:?}");
                    if inquiries == u32::MAX {
                        let asked = among_many.2;
                        assert!((8..=12).contains(&asked), "{what}: {asked}");
                    }
                }
            }
        }
    }
}

/// Returns the silence, when it was judged, and how often the peer was sampled or pinged from the fault on.
fn judged(
    timing: Timing,
    faults: Faults,
    writes_every: Option<Duration>,
    inquiries: u32,
) -> (Silence, Duration, u32) {
    let mut world = World::new(timing);
    world.writes_every = writes_every;
    world.inquiries = inquiries;
    assert_eq!(world.run(Duration::from_secs(60)), None, "all is well");
    let (since, before) = (world.now, world.samples + world.pings);
    world.faults = faults;
    let verdict = world.verdict(Duration::from_secs(120));
    let asked = world.samples + world.pings - before;
    (verdict.silence, world.now.since(since), asked)
}
