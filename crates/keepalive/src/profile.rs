//! The liveness profiles: the built-in ones, and the rules for a custom one.

use std::time::Duration;

use crate::{ProfileError, ProfileName, RETRIES_DEFAULT, give_up, kernel_give_up};

const HEARTBEAT_MIN: Duration = Duration::from_millis(100);
const HEARTBEAT_MAX: Duration = Duration::from_secs(10 * 60);
/// 1.5 times the longest heartbeat.
const SUSPECT_MAX: Duration = Duration::from_secs(15 * 60);
/// How long an inquiry takes to tell a cut from a freeze.
const INQUIRY: Duration = Duration::from_millis(2_500);
/// How long after the dead limit the kernel may give up at the earliest, so that our own timer decides.
const KERNEL_MARGIN: Duration = Duration::from_secs(2);
const RESUME_WINDOW_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The range that the kernel accepts for `TCP_RTO_MAX_MS`.
const RTO_MAX_MIN: Duration = Duration::from_secs(1);
const RTO_MAX_MAX: Duration = Duration::from_secs(120);

/// The limits by which a peer's silence is judged, and how long a session waits for its peer to come
/// back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name, a label of metrics.
    pub name: ProfileName,
    /// The longest time in which the client sends nothing; 100 ms to 10 min. It also limits pings, pongs and acks: 2 in
    /// each heartbeat below 1 s, otherwise 2 a second. More is a `ping_flood`.
    pub heartbeat: Duration,
    /// The silence after which the peer is suspect; 1.5 heartbeats to 15 min. A server asks a quiet peer before that,
    /// and leaves it at least 100 ms to answer.
    pub suspect: Duration,
    /// The silence after which the connection ends (`path_dead` or `peer_silent`). It lies at least 2.5 s after
    /// `suspect` and at least 2 s before the kernel's own give-up. `None` is never.
    pub dead: Option<Duration>,
    /// How long a session outlives its connection; then it ends as `resume_expired`. Zero (no resume) to one day.
    pub resume_window: Duration,
    /// The longest time between two retransmissions (`TCP_RTO_MAX_MS`); 1 s to 120 s. With it, the kernel must not give
    /// up earlier than 2 s after `dead`. `None` is the kernel's default.
    pub rto_max: Option<Duration>,
}

impl Profile {
    /// The names of the built-in profiles.
    pub const NAMES: [&'static str; 5] = [
        "competitive",
        "standard",
        "mobile",
        "background",
        "debugger",
    ];

    /// Returns the profile for action games on fixed lines.
    #[must_use]
    pub fn competitive() -> Self {
        Self {
            name: ProfileName::known("competitive"),
            heartbeat: Duration::from_secs(1),
            suspect: Duration::from_millis(2_500),
            dead: Some(Duration::from_secs(8)),
            resume_window: Duration::from_secs(30),
            rto_max: Some(Duration::from_millis(1_000)),
        }
    }

    /// Returns the default, for most games.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            name: ProfileName::known("standard"),
            heartbeat: Duration::from_secs(5),
            suspect: Duration::from_millis(7_500),
            dead: Some(Duration::from_secs(15)),
            resume_window: Duration::from_secs(60),
            rto_max: Some(Duration::from_millis(1_200)),
        }
    }

    /// Returns the profile for phones in the foreground.
    #[must_use]
    pub fn mobile() -> Self {
        Self {
            name: ProfileName::known("mobile"),
            heartbeat: Duration::from_secs(5),
            suspect: Duration::from_secs(8),
            dead: Some(Duration::from_secs(20)),
            resume_window: Duration::from_secs(180),
            rto_max: Some(Duration::from_millis(1_600)),
        }
    }

    /// Returns the profile for turn-based games and chat, with a heartbeat below the usual NAT limits.
    #[must_use]
    pub fn background() -> Self {
        Self {
            name: ProfileName::known("background"),
            heartbeat: Duration::from_secs(20),
            suspect: Duration::from_secs(30),
            dead: Some(Duration::from_secs(60)),
            resume_window: Duration::from_secs(600),
            rto_max: Some(Duration::from_millis(5_100)),
        }
    }

    /// Returns the profile for a client that stops in a debugger: only the kernel's keepalive gives it up.
    #[must_use]
    pub fn debugger() -> Self {
        Self {
            name: ProfileName::known("debugger"),
            heartbeat: Duration::from_secs(5),
            suspect: Duration::from_millis(7_500),
            dead: None,
            resume_window: Duration::from_secs(600),
            rto_max: None,
        }
    }

    /// Returns the built-in profile of this name.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        match name {
            "competitive" => Some(Self::competitive()),
            "standard" => Some(Self::standard()),
            "mobile" => Some(Self::mobile()),
            "background" => Some(Self::background()),
            "debugger" => Some(Self::debugger()),
            _ => None,
        }
    }

    /// Builds a custom profile.
    ///
    /// # Errors
    /// The first rule that it breaks, as [`Profile::validate`] reports it.
    pub fn custom(
        name: &str,
        heartbeat: Duration,
        suspect: Duration,
        dead: Option<Duration>,
        resume_window: Duration,
        rto_max: Option<Duration>,
    ) -> Result<Self, ProfileError> {
        let profile = Self {
            name: ProfileName::new(name)?,
            heartbeat,
            suspect,
            dead,
            resume_window,
            rto_max,
        };
        profile.validate()?;
        Ok(profile)
    }

    /// Returns the earliest time at which the kernel may give up, so that our own timer decides first: 2 s after
    /// `dead`. `None` if only the kernel gives up.
    #[must_use]
    pub fn give_up_min(&self) -> Option<Duration> {
        self.dead.map(|dead| dead.saturating_add(KERNEL_MARGIN))
    }

    /// Checks the rules that the fields state. The kernel's give-up is computed for [`RETRIES_DEFAULT`] retries, so a
    /// profile is valid either on every host or on none.
    ///
    /// # Errors
    /// The first rule that is broken, in the order of the fields.
    pub fn validate(&self) -> Result<(), ProfileError> {
        self.validate_heartbeat()?;
        self.validate_suspect()?;
        self.validate_dead()?;
        self.validate_resume_window()?;
        self.validate_rto_max()
    }

    fn validate_heartbeat(&self) -> Result<(), ProfileError> {
        let (min, max) = (HEARTBEAT_MIN, HEARTBEAT_MAX);
        let heartbeat = self.heartbeat;
        check((min..=max).contains(&heartbeat), || {
            ProfileError::Heartbeat {
                heartbeat,
                min,
                max,
            }
        })
    }

    fn validate_suspect(&self) -> Result<(), ProfileError> {
        let (min, max) = (self.heartbeat * 3 / 2, SUSPECT_MAX);
        let suspect = self.suspect;
        check((min..=max).contains(&suspect), || ProfileError::Suspect {
            suspect,
            min,
            max,
        })
    }

    fn validate_dead(&self) -> Result<(), ProfileError> {
        let Some(dead) = self.dead else {
            return Ok(());
        };
        let min = self.suspect + INQUIRY;
        let max = kernel_give_up(None, RETRIES_DEFAULT).saturating_sub(KERNEL_MARGIN);
        check((min..=max).contains(&dead), || ProfileError::Dead {
            dead,
            min,
            max,
        })
    }

    fn validate_resume_window(&self) -> Result<(), ProfileError> {
        let (resume_window, max) = (self.resume_window, RESUME_WINDOW_MAX);
        check(resume_window <= max, || ProfileError::ResumeWindow {
            resume_window,
            max,
        })
    }

    fn validate_rto_max(&self) -> Result<(), ProfileError> {
        let Some(rto_max) = self.rto_max else {
            return Ok(());
        };
        let (min, max) = (RTO_MAX_MIN, RTO_MAX_MAX);
        check((min..=max).contains(&rto_max), || ProfileError::RtoMax {
            rto_max,
            min,
            max,
        })?;
        let Some(earliest) = self.give_up_min() else {
            return Ok(());
        };
        let give_up = kernel_give_up(self.rto_max, RETRIES_DEFAULT);
        check(give_up >= earliest, || ProfileError::GiveUp {
            rto_max,
            give_up,
            min: give_up::rto_max_for(earliest),
            max,
        })
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::standard()
    }
}

fn check(holds: bool, error: impl FnOnce() -> ProfileError) -> Result<(), ProfileError> {
    if holds { Ok(()) } else { Err(error()) }
}
