//! Why the connections of any TCP server on this host end, with nothing embedded: from what the kernel tells every process.
//!
//! ```text
//!   kernel ── a message for each socket that dies ──►┐
//!          ── dumps of the watched ports ──────────►├─► Tracker ── Observed ──► decide ──► End
//!          ── counters of aborts ──────────────────►┘
//! ```
//! `docs/watch.md` says what each label means and what cannot be seen from outside.

pub mod decide;
mod label;
mod listeners;
mod pace;
pub mod tracker;
mod watcher;

pub use label::{Certainty, Label};
pub use listeners::{Listener, Process, listeners};
pub use pace::Pace;
pub use tracker::End;
pub use watcher::{Living, Turn, Watcher};
