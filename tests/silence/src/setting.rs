//! The settings under which rows are played: the profile, and whether the kernel's retries are bounded.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// One profile with one value of `kernel.rto_max`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) profile: String,
    pub(crate) rto_max: RtoMax,
}

/// `kernel.rto_max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
pub(crate) enum RtoMax {
    /// The profile's, where the kernel has the option
    Auto,
    /// The kernel's default
    Off,
}

impl RtoMax {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Off => "off",
        }
    }
}

impl Setting {
    /// Each profile with each value.
    pub(crate) fn all(profiles: &[String], ways: &[RtoMax]) -> Vec<Self> {
        let with = |profile: &String| {
            let profile = profile.clone();
            ways.iter().map(move |&rto_max| Self {
                profile: profile.clone(),
                rto_max,
            })
        };
        profiles.iter().flat_map(with).collect()
    }
}
