//! The tick shape: the events of all sessions in one bounded queue, which the game drains once a tick.
//!
//! The game's thread needs no runtime. If a tick stalls, reading from a session pauses at the session's cap, and
//! reading from all sessions pauses at the queue's cap. Events with reserved room (joined, link, left, draining) are
//! never delayed or lost.

mod batch;
mod event;
mod producer;
mod queue;
#[cfg(test)]
mod tests;

pub use event::Event;

pub(crate) use batch::{Batch, Cursor};
pub(crate) use producer::EventShape;
pub(crate) use queue::{Caps, Queue, WakeRequest};
