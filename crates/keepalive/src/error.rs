//! The reasons to refuse a profile: one variant for each rule, with the key, its value and the allowed range.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The most characters of a profile's name.
pub(crate) const NAME_CHARS_MAX: usize = 32;

/// A rule that a profile breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileError {
    /// The name has a character that is not allowed, or is empty or too long.
    Name {
        /// The name as it was given.
        name: String,
    },
    /// The heartbeat is out of its range.
    Heartbeat {
        /// The value that was given.
        heartbeat: Duration,
        /// The shortest that is allowed.
        min: Duration,
        /// The longest that is allowed.
        max: Duration,
    },
    /// The suspect limit is too close to the heartbeat, or too long.
    Suspect {
        /// The value that was given.
        suspect: Duration,
        /// The shortest that is allowed: one and a half heartbeats.
        min: Duration,
        /// The longest that is allowed.
        max: Duration,
    },
    /// The dead limit leaves no time for the inquiry, or comes after the kernel's own give-up.
    Dead {
        /// The value that was given.
        dead: Duration,
        /// The shortest that is allowed: the suspect limit plus the time of an inquiry.
        min: Duration,
        /// The longest that is allowed: a margin before Linux gives up by default.
        max: Duration,
    },
    /// The resume window is too long.
    ResumeWindow {
        /// The value that was given.
        resume_window: Duration,
        /// The longest that is allowed.
        max: Duration,
    },
    /// The limit between retransmissions is out of the kernel's range.
    RtoMax {
        /// The value that was given.
        rto_max: Duration,
        /// The shortest that the kernel takes.
        min: Duration,
        /// The longest that the kernel takes.
        max: Duration,
    },
    /// The limit between retransmissions makes the kernel give up too close to the dead limit.
    GiveUp {
        /// The value that was given.
        rto_max: Duration,
        /// When the kernel gives up with this value.
        give_up: Duration,
        /// The shortest that is allowed with this dead limit.
        min: Duration,
        /// The longest that the kernel takes.
        max: Duration,
    },
}

impl ProfileError {
    /// Returns the configuration key whose value is refused.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Name { .. } => "name",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Suspect { .. } => "suspect",
            Self::Dead { .. } => "dead",
            Self::ResumeWindow { .. } => "resume_window",
            Self::RtoMax { .. } | Self::GiveUp { .. } => "rto_max",
        }
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is ", self.key())?;
        match self {
            Self::Name { name } => write!(
                f,
                "{name:?}; allowed are 1 to {} characters of a to z, 0 to 9 and _",
                NAME_CHARS_MAX
            ),
            Self::Heartbeat {
                heartbeat: value,
                min,
                max,
            }
            | Self::RtoMax {
                rto_max: value,
                min,
                max,
            } => write!(f, "{value:?}; allowed is {min:?} to {max:?}"),
            Self::Suspect { suspect, min, max } => write!(
                f,
                "{suspect:?}; allowed is {min:?} (1.5 heartbeats) to {max:?}"
            ),
            Self::Dead { dead, min, max } => write!(
                f,
                "{dead:?}; allowed is {min:?} (`suspect` + 2.5s, for the inquiry) to {max:?} (Linux gives up \
                 2s later), or none"
            ),
            Self::ResumeWindow { resume_window, max } => {
                write!(f, "{resume_window:?}; allowed is 0s to {max:?}")
            }
            Self::GiveUp {
                rto_max,
                give_up,
                min,
                max,
            } => write!(
                f,
                "{rto_max:?}, with which the kernel gives up after {give_up:?}; allowed is {min:?} (it gives up \
                 at `dead` + 2s) to {max:?}, or none"
            ),
        }
    }
}

impl Error for ProfileError {}
