//! Tests the command as a process: its output, its end, and its exit status.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers below stand outside the test functions that the lint exempts"
)]

#[cfg(target_os = "linux")]
mod cases;
mod certificate;
mod check;
mod command;
mod config;
#[cfg(target_os = "linux")]
mod dashboards;
mod demo;
mod endings;
#[cfg(target_os = "linux")]
mod exhausted;
#[cfg(target_os = "linux")]
mod kernels;
mod log;
#[cfg(target_os = "linux")]
mod log_output;
mod metrics;
mod player;
#[cfg(target_os = "linux")]
mod prometheus;
#[cfg(target_os = "linux")]
mod reload;
#[cfg(target_os = "linux")]
mod retries;
#[cfg(target_os = "linux")]
mod signals;
mod stall;
mod start;
mod storm;
mod terminal;
#[cfg(target_os = "linux")]
mod watch;
