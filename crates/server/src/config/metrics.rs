//! The metrics section: the names that become labels, and are therefore limited in number.

use lastword_keepalive::ProfileName;
use lastword_session::wire::GAME_CODE_MIN;
use serde::Deserialize;

use super::{Config, ConfigError, Key};

/// The names that become labels of metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// The names of groups of players, such as their platform, that an authenticator may assign: at most 16. Each has 1
    /// to 32 characters of `a` to `z`, `0` to `9` and `_`. Default none. No cause; a label of metrics. A player with
    /// another name counts as `none`, which is logged and counted.
    pub cohorts: Vec<String>,
    /// The game's codes that `lastword_game_closes_total` counts separately: at most 64, each from 4096. Default none.
    /// No cause: an end with another code, or with none, is counted as `undeclared`.
    pub game_codes: Vec<u16>,
}

impl MetricsConfig {
    /// The cohort of a player without one, and of every connection before authentication.
    pub const NO_COHORT: &'static str = "none";

    pub(super) fn errors(&self) -> Vec<ConfigError> {
        let cohorts = self.errors_of_cohorts().into_iter();
        cohorts.chain(self.errors_of_codes()).collect()
    }

    fn errors_of_cohorts(&self) -> Vec<ConfigError> {
        let names = self.cohorts.iter().enumerate();
        let bad_names = names.filter_map(|(index, name)| {
            let remedy = self.remedy_of_name(index, name)?;
            Some((format!("{name:?}"), remedy))
        });
        let count = self.cohorts.len();
        let too_many = (count > Config::COHORTS_MAX).then_some((
            format!("{count} names"),
            "each multiplies the series of the disconnect counters: put similar ones under one name",
        ));
        let errors = too_many.into_iter().chain(bad_names);
        errors
            .map(|error| broken("metrics.cohorts", error))
            .collect()
    }

    fn remedy_of_name(&self, index: usize, name: &str) -> Option<&'static str> {
        if ProfileName::new(name).is_err() {
            return Some("it becomes a label of metrics: rename it");
        }
        if name == Self::NO_COHORT {
            return Some("whoever has no cohort is counted under this name: rename it");
        }
        let is_again = self.cohorts.iter().take(index).any(|other| other == name);
        is_again.then_some("it is there twice: remove one of them")
    }

    fn errors_of_codes(&self) -> Vec<ConfigError> {
        let codes = self.game_codes.iter().enumerate();
        let bad_codes = codes.filter_map(|(index, code)| {
            let remedy = self.remedy_of_code(index, *code)?;
            Some((code.to_string(), remedy))
        });
        let count = self.game_codes.len();
        let too_many = (count > Config::GAME_CODES_MAX).then_some((
            format!("{count} codes"),
            "each is a series of its own: declare those that you look at",
        ));
        let errors = too_many.into_iter().chain(bad_codes);
        errors
            .map(|error| broken("metrics.game_codes", error))
            .collect()
    }

    fn remedy_of_code(&self, index: usize, code: u16) -> Option<&'static str> {
        if code < GAME_CODE_MIN {
            return Some("codes below 4096 are the layer's: choose another");
        }
        let is_again = self
            .game_codes
            .iter()
            .take(index)
            .any(|other| *other == code);
        is_again.then_some("it is there twice: remove one of them")
    }
}

fn broken(key: &str, (value, remedy): (String, &str)) -> ConfigError {
    ConfigError {
        key: key.to_owned(),
        value,
        allowed: Key::find(key).map_or_else(String::new, |key| key.allowed.to_string()),
        remedy: remedy.to_owned(),
    }
}
