//! The client on real sockets, against the real server and against servers that a test controls.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod dialect;
mod dialing;
mod echo;
mod endings;
mod heartbeats;
mod leaving;
mod puppet;
mod reconnecting;
mod resuming;
mod runtimes;
mod servers;

use std::time::Duration;

/// Waits for `what` to happen, with a deadline far beyond any successful run.
async fn within<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .unwrap_or_else(|_| panic!("did not happen: {what}"))
}
