//! Liveness profiles of lastword: when a silent peer is suspected and given up, and the kernel knobs that go
//! with it. It reads no clock and touches no socket: time and readings are handed in.

mod error;
mod give_up;
mod knobs;
mod liveness;
mod name;
mod profile;
mod silence;

pub use error::ProfileError;
pub use give_up::kernel_give_up;
pub use knobs::KernelKnobs;
pub use liveness::{Due, Liveness, SWEEP, detection_bound};
pub use name::ProfileName;
pub use profile::Profile;
pub use silence::{LastSample, Silence, verdict};
