//! Liveness profiles of lastword: when a silent peer is suspected and given up, and the kernel knobs that go
//! with it. It reads no clock and touches no socket: time and readings are handed in.

mod bound;
mod error;
mod give_up;
mod knobs;
mod name;
mod profile;
mod silence;

pub use bound::{SWEEP, detection_bound};
pub use error::ProfileError;
pub use give_up::kernel_give_up;
pub use knobs::{KernelKnobs, USER_TIMEOUT_FINAL};
pub use name::ProfileName;
pub use profile::Profile;
pub use silence::{LastSample, Silence, verdict};
