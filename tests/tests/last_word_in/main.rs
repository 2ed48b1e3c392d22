//! The peer's last word: what its kernel got across reaches the game before the end does, however slow the game.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "helpers of a test: a failure here is the test's failure"
)]

mod close;
mod game;
mod reset;
mod stalled;
