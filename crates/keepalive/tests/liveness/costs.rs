//! The cost of a healthy session: it causes no wake, and at most one sample with each heartbeat.

use std::time::Duration;

use crate::world::{STANDARD, World};

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
