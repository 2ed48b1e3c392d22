//! Properties of a session: any cut of the bytes is the same to it, and it ends exactly once, for a cause that
//! its phase allows, whatever happens to it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod chunks;
mod ends;
mod life;
