//! Liveness of lastword: when a silent peer is asked, suspected and given up, and which diagnosis the evidence
//! supports. It also derives the kernel knobs of a profile. It reads no clock and touches no socket: the caller
//! passes in the time and the samples.

use std::time::Duration;

mod acks;
mod bound;
mod close_observation;
mod diagnosis;
mod error;
mod give_up;
mod knobs;
mod liveness;
mod name;
mod own_fault;
mod profile;
mod question;
mod sample;
mod time;
mod timing;
mod unsettled;

pub use bound::{SWEEP, detection_bound};
pub use diagnosis::{Diagnosis, Silence, SilenceVerdict};
pub use error::ProfileError;
pub use give_up::{RETRIES_DEFAULT, kernel_give_up, own_queue_give_up, retries_for};
pub use knobs::{KernelKnobs, USER_TIMEOUT_FINAL, USER_TIMEOUT_HELD};
pub use liveness::{Liveness, LivenessAction, TimeoutReason};
pub use name::ProfileName;
pub use own_fault::OwnFault;
pub use profile::Profile;
pub use sample::KernelSample;
pub use time::Time;
pub use timing::Timing;

fn millis(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

fn to_millis(duration: Duration) -> u32 {
    let seconds = duration.as_secs().saturating_mul(1_000);
    let millis = seconds.saturating_add(duration.subsec_millis().into());
    u32::try_from(millis).unwrap_or(u32::MAX)
}
