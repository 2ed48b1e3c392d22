//! Sessions that outlive their connections, over real sockets, in each shape of a game.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

mod bounds;
mod chaos;
mod game;
mod lives;
mod places;
mod player;
mod races;
mod refusals;
mod relay;
#[cfg(target_os = "linux")]
mod storms;
mod told;
mod tombstones;

use std::time::Duration;

use lastword_server::{Config, ProfileConfig};
use lastword_tests::config;

/// The tests' configuration, with sessions that wait so long for their players.
fn with_window(window: Duration) -> Config {
    let mut config = config();
    let profile = ProfileConfig {
        resume_window_ms: Some(u32::try_from(window.as_millis()).unwrap()),
        ..ProfileConfig::default()
    };
    config
        .liveness
        .profiles
        .insert("patient".to_owned(), profile);
    config.liveness.profile = "patient".to_owned();
    config
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);
