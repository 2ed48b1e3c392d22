//! The liveness section: the built-in profiles, the game's own, and their errors in the words of the file.

use std::time::Duration;

use lastword_keepalive::{Profile, ProfileError, ProfileName};

use super::{
    Config, ConfigError, LivenessConfig, ProfileConfig, RtoMax, from_ms, from_ms_or_off, to_ms,
};

impl LivenessConfig {
    /// The names of all profiles, the built-in ones first.
    pub(super) fn names(&self) -> Vec<&str> {
        let own = self.profiles.keys().map(String::as_str);
        let own = own.filter(|name| !Profile::NAMES.contains(name));
        Profile::NAMES.into_iter().chain(own).collect()
    }

    /// The profile of this name, if there is one and its name can be a label.
    pub(super) fn profile(&self, name: &str, rto_max: RtoMax) -> Option<Profile> {
        let base = Profile::builtin(name);
        let mut profile = match self.profiles.get(name) {
            Some(config) => config.over(base.unwrap_or_default(), ProfileName::new(name).ok()?),
            None => base?,
        };
        if rto_max == RtoMax::Off {
            profile.rto_max = None;
        }
        Some(profile)
    }

    pub(super) fn errors(&self, rto_max: RtoMax) -> Vec<ConfigError> {
        let unknown = self.unknown_default().into_iter();
        let broken = self.profiles.keys().filter_map(|name| {
            let checked = ProfileName::new(name).and_then(|_| {
                let profile = self.profile(name, rto_max).unwrap_or_default();
                profile.validate()
            });
            checked.err().map(|error| in_words(name, &error))
        });
        unknown.chain(self.too_many()).chain(broken).collect()
    }

    fn unknown_default(&self) -> Option<ConfigError> {
        let names = self.names();
        (!names.contains(&self.profile.as_str())).then(|| ConfigError {
            key: "liveness.profile".to_owned(),
            value: format!("{:?}", self.profile),
            allowed: names.join(", "),
            remedy: format!(
                "name one of these, or describe it under [liveness.profiles.{}]",
                self.profile
            ),
        })
    }

    fn too_many(&self) -> Option<ConfigError> {
        let count = self.names().len();
        (count > Config::PROFILES_MAX).then(|| ConfigError {
            key: "liveness.profiles".to_owned(),
            value: format!("{count} names"),
            allowed: format!(
                "at most {} names, the built-in ones included",
                Config::PROFILES_MAX
            ),
            remedy: "remove some, or change built-in ones instead".to_owned(),
        })
    }
}

impl ProfileConfig {
    fn over(&self, base: Profile, name: ProfileName) -> Profile {
        Profile {
            name,
            heartbeat: self.heartbeat_ms.map_or(base.heartbeat, from_ms),
            suspect: self.suspect_ms.map_or(base.suspect, from_ms),
            dead: self.dead_ms.map_or(base.dead, from_ms_or_off),
            resume_window: self.resume_window_ms.map_or(base.resume_window, from_ms),
            rto_max: self.rto_max_ms.map_or(base.rto_max, from_ms_or_off),
        }
    }
}

/// Describes the broken rule of a profile with keys and milliseconds.
fn in_words(name: &str, error: &ProfileError) -> ConfigError {
    let (value, allowed) = value_and_allowed(error);
    let is_name = matches!(error, ProfileError::Name { .. });
    let key = if is_name {
        "liveness.profiles".to_owned()
    } else {
        format!("liveness.profiles.{name}.{}_ms", error.key())
    };
    ConfigError {
        key,
        value,
        allowed,
        remedy: remedy(error),
    }
}

fn value_and_allowed(error: &ProfileError) -> (String, String) {
    let (value, min, max, or) = match error {
        ProfileError::Name { name } => {
            let allowed = format!(
                "1 to {} characters of a to z, 0 to 9 and _",
                ProfileName::LEN_MAX
            );
            return (format!("{name:?}"), allowed);
        }
        ProfileError::Heartbeat {
            heartbeat,
            min,
            max,
        } => (heartbeat, min, max, ""),
        ProfileError::Suspect { suspect, min, max } => (suspect, min, max, ""),
        ProfileError::Dead { dead, min, max } => (dead, min, max, "0 (never), or "),
        ProfileError::ResumeWindow { resume_window, max } => {
            (resume_window, &Duration::ZERO, max, "")
        }
        ProfileError::RtoMax { rto_max, min, max }
        | ProfileError::GiveUp {
            rto_max, min, max, ..
        } => (rto_max, min, max, "0 (the kernel's default), or "),
    };
    let allowed = format!("{or}{} to {}", to_ms(*min), to_ms(*max));
    (to_ms(*value).to_string(), allowed)
}

fn remedy(error: &ProfileError) -> String {
    let words = match error {
        ProfileError::Name { .. } => "it becomes a label of metrics: rename it",
        ProfileError::Heartbeat { .. } => "choose how often a player's network can send",
        ProfileError::Suspect { .. } => {
            "a heartbeat may be late by half its interval: raise this value, or lower heartbeat_ms"
        }
        ProfileError::Dead { .. } => {
            "after suspect_ms the peer is asked for 2500 ms: raise it, or lower suspect_ms"
        }
        ProfileError::ResumeWindow { .. } => "a suspended session takes memory: lower it",
        ProfileError::RtoMax { .. } => "the kernel accepts no other value",
        ProfileError::GiveUp { give_up, .. } => {
            return format!(
                "with it the kernel gives up after {} ms, which is too soon for dead_ms: raise it, or lower dead_ms",
                to_ms(*give_up)
            );
        }
    };
    words.to_owned()
}
