//! A profile with a short dead limit, for demonstrations and tests.

use lastword::Config;
use lastword::config::ProfileConfig;

/// The default configuration with [`NAME`] as the profile of every player.
#[cfg(target_os = "linux")]
pub(crate) fn quick() -> Config {
    let mut config = Config::default();
    add(&mut config);
    config.liveness.profile = NAME.to_owned();
    config
}

/// Adds the profile [`NAME`] to a configuration.
pub(crate) fn add(config: &mut Config) {
    let profile = ProfileConfig {
        heartbeat_ms: Some(200),
        suspect_ms: Some(300),
        dead_ms: Some(2_800),
        ..ProfileConfig::default()
    };
    config.liveness.profiles.insert(NAME.to_owned(), profile);
}

/// A profile that gives up after 2.8 s of silence, the shortest possible limit.
pub(crate) const NAME: &str = "quick";
