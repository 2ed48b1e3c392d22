//! The liveness machine against a simulated kernel: the name of each silence, its time, and its cost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

mod causes;
mod costs;
mod give_up;
mod limits;
mod losses;
mod outages;
mod world;
