//! Why the connections of any TCP server on this host end, with nothing embedded: from what the kernel tells every process.
//!
//! ```text
//!   kernel ── a message for each socket that dies ──►┐
//!          ── dumps of the watched ports ──────────►├─► Tracker ── Observed ──► decide ──► End
//!          ── counters of aborts ──────────────────►┘
//! ```
//! `docs/watch.md` says what each label means and what cannot be seen from outside.

#![cfg(all(target_os = "linux", any(target_env = "gnu", target_env = "musl")))]

pub mod decide;
mod label;
mod listeners;
mod pace;
mod record;
mod totals;
pub mod tracker;
mod watcher;

pub use label::{Certainty, Label};
pub use listeners::{Listener, Process, listeners};
pub use pace::Pace;
pub use record::{Record, network};
pub use totals::Totals;
pub use tracker::End;
pub use watcher::{Living, Turn, Watcher};
