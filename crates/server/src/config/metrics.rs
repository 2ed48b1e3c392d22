//! The metrics section: the names that become labels, and are therefore limited in number.

use lastword_keepalive::ProfileName;
use lastword_session::wire::GAME_CODE_MIN;

use super::{Config, ConfigError, Key, MetricsConfig};

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
            return Some("players without a cohort are counted under this name: rename it");
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
            "each code is a time series of its own: declare only those that you need",
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
