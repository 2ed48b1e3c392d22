//! A silence that can be waited for.

use lastword::{Config, ProfileConfig};

/// The defaults with a profile that gives up after 2.8 s of silence, the least there is.
pub(crate) fn quick() -> Config {
    let mut config = Config::default();
    let profile = ProfileConfig {
        heartbeat_ms: Some(200),
        suspect_ms: Some(300),
        dead_ms: Some(2_800),
        ..ProfileConfig::default()
    };
    config.liveness.profiles.insert("quick".to_owned(), profile);
    config.liveness.profile = "quick".to_owned();
    config
}
