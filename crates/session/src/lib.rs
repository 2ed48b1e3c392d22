//! The wire, the causes, the classifier and one session as a sans-I/O state machine.

mod observation;
mod phase;
mod time;

pub use observation::{Call, FirstError, KernelSample, Observation, OsError, System, Terminal};
pub use phase::Phase;
pub use time::Time;
