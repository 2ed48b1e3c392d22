//! The values that most tests begin with.

use std::time::Duration;

use lastword_session::wire::{Extensions, Hello, Welcome};
use lastword_session::{Admission, Time, Timing};

/// The start of every test. It is not the origin, so that a clock that was never set is noticed.
pub(crate) const START: Time = Time::from_micros(1_000_000);

pub(crate) const HEARTBEAT: Duration = secs(5);
pub(crate) const SUSPECT: Duration = millis(7_500);
/// When a server asks a quiet peer, before it suspects the peer.
pub(crate) const QUIET: Duration = millis(6_250);
pub(crate) const DEAD: Duration = secs(15);

/// The timing of profile `standard`.
pub(crate) const ADMISSION: Admission = Admission {
    session: [7; 16],
    timing: Timing {
        heartbeat_ms: 5_000,
        suspect_ms: 7_500,
        dead_ms: 15_000,
    },
    resume_window: None,
};

pub(crate) const HELLO: Hello<'static> = Hello {
    version_min: 1,
    version_max: 1,
    resume: false,
    no_resume: true,
    frame_limit: 65_536,
    session: [0; 16],
    received: 0,
    token: &[],
    extensions: Extensions::EMPTY,
    credentials: b"ada",
};

pub(crate) const WELCOME: Welcome<'static> = Welcome {
    version: 1,
    resumed: false,
    session: [7; 16],
    connection: 1,
    received: 0,
    heartbeat_ms: 5_000,
    dead_ms: 15_000,
    resume_window_ms: 0,
    frame_limit: 65_536,
    token: &[],
    extensions: Extensions::EMPTY,
};

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
