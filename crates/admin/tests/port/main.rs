//! The admin port of a server on real sockets, asked by hand.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers below stand outside the test functions that the lint exempts"
)]

mod access;
mod closes;
mod config;
mod health;
mod http;
mod live;
mod log;
mod metrics;
mod panics;
mod publishing;
mod recorders;
mod server;
mod sessions;
mod suspended;
