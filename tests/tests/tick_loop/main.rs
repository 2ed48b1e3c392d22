//! A game that ticks on a thread without a runtime: one queue of events, in order for each session, and no event is
//! ever lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a failure here is the test's failure"
)]

mod abandoned;
mod calls;
mod drains;
mod game;
mod order;
mod waits;
