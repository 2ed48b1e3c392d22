//! Properties of a connection: any cut of the bytes is the same to it. It ends exactly once, for a cause that its phase
//! allows, after any events.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod beating;
mod chunks;
mod ends;
mod life;
mod output;
mod rates;
mod script;
#[path = "../support/mod.rs"]
mod support;
