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
pub mod tracker;

pub use label::{Certainty, Label};
