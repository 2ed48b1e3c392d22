//! The configuration: plain data with its defaults, its rules, and the values that the session core takes from it. It
//! reads no file: the reader of the file knows the line of a refused key.

mod addresses;
mod admin;
mod certificates;
mod drain;
mod error;
mod kernel;
mod keys;
mod limits;
mod listen;
mod liveness;
mod marks;
mod metrics;
mod network;
mod optional;
mod rates;
mod reach;
mod reload;
mod sessions;
mod settings;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod warning;

use std::time::Duration;

use lastword_keepalive::{KernelKnobs, Profile};
use lastword_session::{Limits, Message};
use serde::Deserialize;

pub use error::ConfigError;
pub use kernel::KernelAbilities;
pub use keys::{Allowed, Key, Section};
pub use network::{Network, NoNetwork};
pub use reach::{Bound, GiveUp, Reach, UnreachableReason};
pub use reload::Reload;
pub use table::{
    AdminConfig, AdmissionConfig, DrainConfig, KernelConfig, LimitsConfig, ListenConfig,
    LivenessConfig, MetricsConfig, ProfileConfig, RatesConfig, RtoMax, SecondLogin, SessionsConfig,
    TimeoutsConfig, Wire,
};
pub use token::{NoToken, Token, TokenFileError};
pub use warning::ConfigWarning;

pub(crate) use marks::Marks;
pub(crate) use settings::{ListenerSettings, Settings};

/// The configuration of a server; `config/lastword.toml` shows every key with its default.
///
/// A missing key has its default, and an unknown key is refused, so a game can nest this in its own file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where connections are accepted: one or more listeners.
    pub listen: Vec<ListenConfig>,
    /// Which connections are let in, over all listeners.
    pub admission: AdmissionConfig,
    /// How many sessions a player may have.
    pub sessions: SessionsConfig,
    /// How much one connection may send, and how much may wait for it.
    pub limits: LimitsConfig,
    /// How much each live client may send.
    pub rates: RatesConfig,
    /// How long each part of a connection's life may take.
    pub timeouts: TimeoutsConfig,
    /// How the server shuts down.
    pub drain: DrainConfig,
    /// How a peer's silence is judged.
    pub liveness: LivenessConfig,
    /// The socket options that are set in the kernel.
    pub kernel: KernelConfig,
    /// The names that become labels of metrics.
    pub metrics: MetricsConfig,
    /// Where metrics, health and the live page are served, and which clients may see them.
    pub admin: AdminConfig,
}

impl Default for Config {
    /// One listener, and every key with its default.
    fn default() -> Self {
        Self {
            listen: vec![ListenConfig::default()],
            admission: AdmissionConfig::default(),
            sessions: SessionsConfig::default(),
            limits: LimitsConfig::default(),
            rates: RatesConfig::default(),
            timeouts: TimeoutsConfig::default(),
            drain: DrainConfig::default(),
            liveness: LivenessConfig::default(),
            kernel: KernelConfig::default(),
            metrics: MetricsConfig::default(),
            admin: AdminConfig::default(),
        }
    }
}

impl Config {
    /// The most listeners.
    pub const LISTENERS_MAX: usize = 64;

    /// The most profiles that may have a name, the built-in ones included. Each name is a label of metrics.
    pub const PROFILES_MAX: usize = 8;

    /// The most cohorts. Each one multiplies the series of the disconnect counters.
    pub const COHORTS_MAX: usize = 16;

    /// The most codes of the game that metrics tell apart.
    pub const GAME_CODES_MAX: usize = 64;

    /// Checks every rule.
    ///
    /// # Errors
    /// Every broken rule, in the order of the file.
    pub fn validate(&self) -> Result<(), Vec<ConfigError>> {
        let mut errors: Vec<_> = Key::all()
            .filter_map(|key| key.check(self))
            .chain(self.errors_of_listeners())
            .chain(self.limits.caps_below_the_frame_limit())
            .chain(self.rates.small_bursts(&self.limits))
            .chain(self.drain.errors())
            .chain(self.liveness.errors(self.kernel.rto_max))
            .chain(self.metrics.errors())
            .chain(self.admin.errors())
            .chain(self.addresses_given_twice())
            .collect();
        errors.sort_by_key(|error| Key::position(&error.key));
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// The limits of one connection, as the session core takes them.
    pub(crate) fn session_limits(&self) -> Limits {
        let (limits, timeouts) = (&self.limits, &self.timeouts);
        Limits {
            hello_bytes_max: limits.hello_bytes_max,
            frame_bytes_max: limits.frame_bytes_max,
            outbound_frame_bytes_max: limits.outbound_frame_bytes_max,
            frame_rate: self.rates.frames(),
            byte_rate: self.rates.bytes(limits),
            over_rate_timeout: from_ms_or_off(self.rates.over_ms),
            proxy_timeout: from_ms(timeouts.proxy_ms),
            tls_timeout: from_ms(timeouts.tls_ms),
            hello_timeout: from_ms(timeouts.hello_ms),
            auth_timeout: from_ms(timeouts.auth_ms),
            frame_timeout: from_ms(timeouts.frame_ms),
            linger_timeout: from_ms(timeouts.linger_ms),
            outbound_bytes_max: usize::try_from(limits.outbound_bytes_max).unwrap_or(usize::MAX),
            outbound_age_max: from_ms_or_off(timeouts.outbound_age_ms),
            write_progress_timeout: from_ms_or_off(timeouts.write_progress_ms),
            idle_timeout: from_ms_or_off(timeouts.idle_ms),
            delivery_timeout: from_ms(timeouts.delivery_ms),
        }
    }

    /// Returns the profile of a player to whom the authenticator gives none. It is the built-in default if
    /// `liveness.profile` names no profile.
    #[must_use]
    pub fn default_profile(&self) -> Profile {
        self.liveness
            .profile(&self.liveness.profile, self.kernel.rto_max)
            .unwrap_or_default()
    }

    /// Returns every named profile: the default one, the other built-in ones, the game's own.
    #[must_use]
    pub fn profiles(&self) -> Vec<Profile> {
        let default = self.default_profile();
        let others = self.liveness.names();
        let others = others
            .into_iter()
            .filter(|name| *name != default.name.as_str())
            .filter_map(|name| self.liveness.profile(name, self.kernel.rto_max));
        std::iter::once(default).chain(others).collect()
    }

    /// The socket options of a session of `profile`. Until its player is known, a connection has the options of
    /// the default profile, which are the listener's.
    pub(crate) fn knobs(&self, profile: &Profile) -> KernelKnobs {
        let knobs = profile.knobs();
        if self.kernel.keepalive {
            knobs
        } else {
            knobs.without_keepalive()
        }
    }

    /// Returns what a drain tells clients: the words, the delay, and where to go if there is an address.
    #[must_use]
    pub fn drain_message(&self) -> Message {
        self.drain.message()
    }

    /// The longest time that a drain takes.
    pub(crate) fn drain_timeout(&self) -> Duration {
        from_ms(self.drain.timeout_ms)
    }
}

fn from_ms(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

fn from_ms_or_off(ms: u32) -> Option<Duration> {
    (ms > 0).then(|| from_ms(ms))
}

/// A duration in the unit of the file, rounded up to a whole millisecond.
fn to_ms(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX)
}
