//! The peer's last data: everything that its kernel delivered reaches the game before the end does, even if the game is
//! slow.
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
