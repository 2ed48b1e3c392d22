//! Every key of the configuration, with its allowed values and a hint how to choose. The checks, the reference file and
//! the error messages about a broken file all use this table.

use std::fmt;

use super::{Config, ConfigError};

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// The dotted path; `NAME` stands for the name of a profile.
    pub path: &'static str,
    /// The values that it takes.
    pub allowed: Allowed,
    /// How to choose a value.
    pub remedy: &'static str,
    read: Option<fn(&Config) -> u32>,
    /// Below this many milliseconds the value was probably meant in seconds.
    hasty_below: u32,
}

/// The values that a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A whole number.
    Number {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
        /// The meaning of 0, if 0 lies outside the range but is allowed.
        zero: Option<&'static str>,
    },
    /// One of two or more words, quoted or not.
    OneOf(&'static [&'static str]),
    /// Values that fit this description.
    Words(&'static str),
}

impl Key {
    /// Every key, in the order of the reference file.
    pub const ALL: &'static [Self] = &[
        words(
            "listen.addr",
            ADDR,
            "a host name is not looked up: write its address",
        ),
        number("listen.backlog", 1, 65_535, |c| c.listen.backlog)
            .with("the kernel caps it at net.core.somaxconn"),
        number("listen.connections_max", 1, 10_000_000, |c| {
            c.listen.connections_max
        })
        .with("each takes a file descriptor"),
        number("listen.authentications_max", 1, 1_000_000, |c| {
            c.listen.authentications_max
        })
        .with("as many as the authenticator can serve at a time"),
        one_of(
            "listen.behind_proxy",
            &["true", "false"],
            "true if all peers are proxies",
        ),
        number("limits.hello_bytes_max", 1_024, 65_536, |c| {
            c.limits.hello_bytes_max
        })
        .with("it has to hold the longest credentials"),
        number("limits.frame_bytes_max", 1_024, 16_777_215, |c| {
            c.limits.frame_bytes_max
        })
        .with("it has to hold the longest message"),
        number("limits.inbox_bytes_max", 1_024, QUEUE, |c| {
            c.limits.inbox_bytes_max
        })
        .with("at least limits.frame_bytes_max"),
        number("limits.inbox_frames_max", 1, 65_536, |c| {
            c.limits.inbox_frames_max
        })
        .with("what a session may have waiting between two ticks"),
        number("limits.events_bytes_max", 65_536, QUEUE, |c| {
            c.limits.events_bytes_max
        })
        .with("what all sessions together send between two ticks"),
        number("limits.events_frames_max", 1_024, 16_777_216, |c| {
            c.limits.events_frames_max
        })
        .with("what all sessions together send between two ticks"),
        number("limits.outbound_bytes_max", 1_028, QUEUE, |c| {
            c.limits.outbound_bytes_max
        })
        .with("at least limits.frame_bytes_max and 4 of header"),
        number("timeouts.hello_ms", 100, TEN_MINUTES, |c| {
            c.timeouts.hello_ms
        })
        .hasty_below(HASTY)
        .with(DEADLINE),
        number("timeouts.auth_ms", 100, TEN_MINUTES, |c| c.timeouts.auth_ms)
            .hasty_below(HASTY)
            .with("what the authenticator needs at its slowest"),
        number("timeouts.frame_ms", 100, TEN_MINUTES, |c| {
            c.timeouts.frame_ms
        })
        .hasty_below(HASTY)
        .with(DEADLINE),
        number("timeouts.linger_ms", 100, TEN_MINUTES, |c| {
            c.timeouts.linger_ms
        })
        .hasty_below(HASTY)
        .with(DEADLINE),
        number("timeouts.outbound_age_ms", 100, TEN_MINUTES, |c| {
            c.timeouts.outbound_age_ms
        })
        .or_zero("off")
        .hasty_below(HASTY)
        .with("how stale a message may be and still be of use"),
        number("timeouts.write_progress_ms", 1_000, TEN_MINUTES, |c| {
            c.timeouts.write_progress_ms
        })
        .or_zero("off")
        .with("how long a client may take nothing of what it is sent"),
        number("timeouts.idle_ms", 1_000, DAY, |c| c.timeouts.idle_ms)
            .or_zero("off")
            .hasty_below(HOUR_IN_SECONDS)
            .with("how long a player may do nothing"),
        number("timeouts.delivery_ms", 100, TEN_MINUTES, |c| {
            c.timeouts.delivery_ms
        })
        .hasty_below(HASTY)
        .with("how long the game may stall without losing what came before an end"),
        number("drain.timeout_ms", 0, DAY, |c| c.drain.timeout_ms)
            .hasty_below(1_000)
            .with("less than the service manager waits before it kills the server"),
        words(
            "liveness.profile",
            "competitive, standard, mobile, background, debugger, or a name under [liveness.profiles]",
            "standard suits most games",
        ),
        profile(
            "liveness.profiles.NAME.heartbeat_ms",
            100,
            TEN_MINUTES,
            "what a player's network can bear",
        ),
        profile(
            "liveness.profiles.NAME.suspect_ms",
            150,
            900_000,
            "at least 1.5 heartbeats",
        ),
        profile(
            "liveness.profiles.NAME.dead_ms",
            2_650,
            922_600,
            "at least suspect_ms + 2500",
        )
        .or_zero("never"),
        profile(
            "liveness.profiles.NAME.resume_window_ms",
            0,
            DAY,
            "0 is no resume",
        )
        .hasty_below(1_000),
        profile(
            "liveness.profiles.NAME.rto_max_ms",
            1_000,
            120_000,
            "high enough for dead_ms",
        )
        .or_zero("the kernel's default"),
        one_of(
            "kernel.keepalive",
            &["true", "false"],
            "true unless you test what heartbeats alone find",
        ),
        one_of(
            "kernel.rto_max",
            &["auto", "off"],
            "auto unless you test what kernels without it do",
        ),
        words(
            "metrics.cohorts",
            "at most 16 names of 1 to 32 characters of a to z, 0 to 9 and _",
            "write a list of names, such as [\"console\", \"pc\"]",
        ),
        words(
            "metrics.game_codes",
            "at most 64 different codes from 4096 to 65535",
            "write a list of codes, such as [4096, 4100]",
        ),
        words(
            "admin.listen",
            ADDR_OR_EMPTY,
            "a host name is not looked up: write its address",
        ),
        words(
            "admin.metrics_listen",
            ADDR_OR_EMPTY,
            "a host name is not looked up: write its address",
        ),
        words(
            "admin.token",
            TOKEN_OR_EMPTY,
            "make one with `openssl rand -hex 32`; better in a file of its own, with admin.token_file",
        ),
        words(
            "admin.token_file",
            "\"\" (none), or the path of a file",
            "the file holds the token and nothing else",
        ),
    ];

    /// Returns the key at this path; the path may have a profile's name instead of `NAME`.
    #[must_use]
    pub fn find(path: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|key| key.is_at(path))
    }

    /// Where in the file a key or a section belongs.
    pub(super) fn position(path: &str) -> usize {
        let at = |key: &Self| key.is_at(path) || key.path.starts_with(path);
        Self::ALL.iter().position(at).unwrap_or(Self::ALL.len())
    }

    pub(super) fn check(&self, config: &Config) -> Option<ConfigError> {
        let value = self.value_in(config)?;
        (!self.allowed.holds(value)).then(|| ConfigError {
            key: self.path.to_owned(),
            value: value.to_string(),
            allowed: self.allowed.to_string(),
            remedy: self.remedy.to_owned(),
        })
    }

    /// Whether this value is allowed but was probably meant in seconds, and would be allowed in seconds as well.
    pub(super) fn looks_like_seconds(&self, value: u32) -> bool {
        let in_seconds = value.saturating_mul(1_000);
        (1..self.hasty_below).contains(&value)
            && [value, in_seconds]
                .into_iter()
                .all(|value| self.allowed.holds(value))
    }

    /// The configuration's value of a number that occurs once in a file.
    pub(super) fn value_in(&self, config: &Config) -> Option<u32> {
        self.read.map(|read| read(config))
    }

    fn is_at(&self, path: &str) -> bool {
        match self.path.split_once("NAME") {
            None => self.path == path,
            Some((before, after)) => path
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|name| !name.is_empty()),
        }
    }

    const fn with(self, remedy: &'static str) -> Self {
        Self { remedy, ..self }
    }

    const fn hasty_below(self, hasty_below: u32) -> Self {
        Self {
            hasty_below,
            ..self
        }
    }

    const fn or_zero(self, meaning: &'static str) -> Self {
        let allowed = match self.allowed {
            Allowed::Number { min, max, .. } => Allowed::Number {
                min,
                max,
                zero: Some(meaning),
            },
            other @ (Allowed::OneOf(_) | Allowed::Words(_)) => other,
        };
        Self { allowed, ..self }
    }
}

impl Allowed {
    /// Returns whether this number is allowed; a key of words takes any number.
    #[must_use]
    pub fn holds(self, value: u32) -> bool {
        match self {
            Self::Number { min, max, zero } => {
                (min..=max).contains(&value) || (value == 0 && zero.is_some())
            }
            Self::OneOf(_) | Self::Words(_) => true,
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number {
                min,
                max,
                zero: None,
            } => write!(f, "{min} to {max}"),
            Self::Number {
                min,
                max,
                zero: Some(meaning),
            } => {
                write!(f, "0 ({meaning}), or {min} to {max}")
            }
            Self::OneOf(words) => f.write_str(&words.join(" or ")),
            Self::Words(words) => f.write_str(words),
        }
    }
}

const fn number(path: &'static str, min: u32, max: u32, read: fn(&Config) -> u32) -> Key {
    let allowed = Allowed::Number {
        min,
        max,
        zero: None,
    };
    Key {
        path,
        allowed,
        remedy: "",
        read: Some(read),
        hasty_below: 0,
    }
}

/// A key of a profile. The rules of these keys are in the profile, because the values depend on each other.
const fn profile(path: &'static str, min: u32, max: u32, remedy: &'static str) -> Key {
    let allowed = Allowed::Number {
        min,
        max,
        zero: None,
    };
    Key {
        path,
        allowed,
        remedy,
        read: None,
        hasty_below: 0,
    }
}

const fn one_of(path: &'static str, words: &'static [&'static str], remedy: &'static str) -> Key {
    Key {
        path,
        allowed: Allowed::OneOf(words),
        remedy,
        read: None,
        hasty_below: 0,
    }
}

const fn words(path: &'static str, words: &'static str, remedy: &'static str) -> Key {
    Key {
        path,
        allowed: Allowed::Words(words),
        remedy,
        read: None,
        hasty_below: 0,
    }
}

const ADDR: &str = "an address and a port, such as \"0.0.0.0:7000\" or \"[::]:7000\"";
const TOKEN_OR_EMPTY: &str = "\"\" (none), or 16 to 256 visible ASCII characters";
const ADDR_OR_EMPTY: &str = "\"\" (off), or an address and a port, such as \"127.0.0.1:9464\"";
const DEADLINE: &str = "what the slowest player of yours needs, and no attacker has for long";
/// In milliseconds. A single round trip on a slow network can take longer.
const HASTY: u32 = 300;
const HOUR_IN_SECONDS: u32 = 3_601;
/// The most bytes that a queue may hold.
pub(super) const QUEUE: u32 = 1 << 30;
const TEN_MINUTES: u32 = 10 * 60 * 1_000;
const DAY: u32 = 24 * 60 * 60 * 1_000;
