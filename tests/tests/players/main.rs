//! Players: their names, the game's data of them, their cohorts and profiles.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

mod data;
mod names;
mod unknown;
