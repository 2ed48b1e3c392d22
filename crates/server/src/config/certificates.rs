//! Reads the certificates that the configuration names, and checks them.

use std::time::SystemTime;

use super::{Config, ConfigError, ConfigWarning, Key, ListenConfig};
use crate::tls::{Stamp, Tls};

impl Config {
    /// Reads the certificates of each listener (`listen.tls`), and checks that each key belongs to its certificate. A
    /// running server does the same at its start and at a reload. Returns a warning for each certificate that is not valid
    /// now, or not for another week.
    ///
    /// # Errors
    /// One error for each listener whose files cannot be read or used.
    pub fn check_certificates(&self) -> Result<Vec<ConfigWarning>, Vec<ConfigError>> {
        let tls = self.read_certificates()?;
        Ok(self.certificate_warnings(&tls))
    }

    /// A warning for each certificate of the listeners that is not valid now, or not for another week.
    pub(crate) fn certificate_warnings(&self, tls: &[Tls]) -> Vec<ConfigWarning> {
        let now = SystemTime::now();
        let of_listener = |(place, tls): (usize, &Tls)| {
            let key = self.listener_key(place, "tls");
            let warnings = tls.warnings(now).into_iter();
            let warnings = warnings.map(move |(certificate, consequence)| ConfigWarning {
                key: key.clone(),
                value: format!("{certificate:?}"),
                consequence,
            });
            warnings.collect::<Vec<_>>()
        };
        tls.iter().enumerate().flat_map(of_listener).collect()
    }

    /// Reads the certificates as [`Config::check_certificates`] does. Returns TLS of each listener.
    pub(crate) fn read_certificates(&self) -> Result<Vec<Tls>, Vec<ConfigError>> {
        let mut all = Vec::new();
        let mut errors = Vec::new();
        for (place, listen) in self.listen.iter().enumerate() {
            match Tls::read(&listen.tls) {
                Ok(tls) => all.push(tls),
                Err(remedy) => errors.push(self.unusable(place, listen, remedy)),
            }
        }
        match errors.is_empty() {
            true => Ok(all),
            false => Err(errors),
        }
    }

    /// The states of all their files, to be taken before [`Config::read_certificates`].
    pub(crate) fn certificate_stamps(&self) -> Vec<Stamp> {
        let files = self.listen.iter().flat_map(|listen| &listen.tls);
        files.flat_map(|files| files.stamps()).collect()
    }

    fn unusable(&self, place: usize, listen: &ListenConfig, remedy: String) -> ConfigError {
        let pairs = listen.tls.iter().map(|files| {
            let (certificate, key) = (&files.certificate, &files.key);
            format!("{{ certificate = {certificate:?}, key = {key:?} }}")
        });
        let pairs: Vec<_> = pairs.collect();
        let path = self.listener_key(place, "tls");
        ConfigError {
            allowed: Key::find(&path).map_or_else(String::new, |key| key.allowed.to_string()),
            key: path,
            value: format!("[{}]", pairs.join(", ")),
            remedy,
        }
    }
}
