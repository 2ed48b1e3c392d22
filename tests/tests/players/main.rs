//! What a game says of its players, and what it is told of them: names, data, cohorts, profiles.
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
