//! Reads the certificates that the configuration names, and checks them.

use super::{Config, ConfigError, Key, ListenConfig};
use crate::tls::{Stamp, Tls};

impl Config {
    /// Reads the certificates of each listener (`listen.tls`), and checks that each key belongs to its certificate. A
    /// running server does the same at its start and at a reload.
    ///
    /// # Errors
    /// One error for each listener whose files cannot be read or used.
    pub fn check_certificates(&self) -> Result<(), Vec<ConfigError>> {
        self.read_certificates().map(drop)
    }

    /// The same. Returns TLS of each listener.
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
