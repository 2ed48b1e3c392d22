//! The admin port of a server on real sockets, asked by hand.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers below stand outside the test functions that the lint exempts"
)]

mod health;
mod http;
mod metrics;
mod server;
