//! The liveness machine against a simulated kernel: which silence is called what, when, and what it costs.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

mod causes;
mod costs;
mod limits;
mod world;
