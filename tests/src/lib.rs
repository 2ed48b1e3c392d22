//! Shared parts of the tests: a server whose ends can be awaited, and raw clients that do exactly as told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a failure here is the test's failure"
)]

mod clients;
mod kernel;
mod lab;
mod raw;
mod server;
mod wire;

pub use clients::{client_ip, number_of, run_clients};
#[cfg(target_os = "linux")]
pub use kernel::server_end;
pub use kernel::{resident_bytes, rx_queue, tcp_info, until};
pub use lab::{in_server_host, outage};
pub use raw::Raw;
pub use server::{Ask, Echo, EndCollector, Fixture, Log, config, quick};
pub use wire::{data, frame, goodbye, hello, kind};

/// The longest wait of a test.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// Waits for `what` to happen, with a deadline.
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("did not happen: {what}"))
}
