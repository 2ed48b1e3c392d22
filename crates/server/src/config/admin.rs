//! The admin section: where operators and scrapers are served, and which of them need a token.

use lastword_transport::canonical;

use super::{AdminConfig, ConfigError};

impl AdminConfig {
    /// Returns a section that turns the port off: it overrides a file for a server without an admin port.
    #[must_use]
    pub fn off() -> Self {
        Self {
            listen: None,
            ..Self::default()
        }
    }

    /// Returns whether the section asks for a port.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.listen.is_some() || self.metrics_listen.is_some()
    }

    /// The keys that differ from their default, if the section asks for a port.
    pub(crate) fn keys_set(&self) -> Vec<&'static str> {
        let default = Self::default();
        let keys = [
            ("admin.listen", self.listen != default.listen),
            ("admin.metrics_listen", self.metrics_listen.is_some()),
            ("admin.token", self.token.is_some()),
            ("admin.token_file", self.token_file.is_some()),
        ];
        let set = keys.into_iter().filter(|(_, is_set)| *is_set);
        set.map(|(key, _)| key).filter(|_| self.is_on()).collect()
    }

    /// The broken rules of this section.
    pub(super) fn errors(&self) -> impl Iterator<Item = ConfigError> {
        let both = self.token.is_some() && self.token_file.is_some();
        let both = both.then(|| ConfigError {
            key: "admin.token_file".to_owned(),
            value: "given together with admin.token".to_owned(),
            allowed: "one of the two".to_owned(),
            remedy: "leave admin.token out".to_owned(),
        });
        self.open_to_others().into_iter().chain(both)
    }

    fn has_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    fn open_to_others(&self) -> Option<ConfigError> {
        let addr = self
            .listen
            .filter(|addr| !canonical(*addr).ip().is_loopback())?;
        (!self.has_token()).then(|| ConfigError {
            key: "admin.listen".to_owned(),
            value: format!("\"{addr}\""),
            allowed: "a loopback address, or any other with a token".to_owned(),
            remedy: TOKEN_REMEDY.to_owned(),
        })
    }
}

const TOKEN_REMEDY: &str = "name a file with a token in admin.token_file (`openssl rand -hex 32`), or listen on \
    127.0.0.1; scrapers that have no token ask admin.metrics_listen";

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::config::Token;

    #[test]
    fn others_than_this_machine_are_let_in_with_a_token_only() {
        let everybody = Some(SocketAddr::from(([0, 0, 0, 0], 9464)));
        let keys = |config: &AdminConfig| config.errors().map(|e| e.key).collect::<Vec<_>>();
        let mut config = AdminConfig {
            listen: everybody,
            ..AdminConfig::default()
        };
        assert_eq!(keys(&config), ["admin.listen"]);
        config.token = Token::new("0123456789abcdef").ok();
        assert!(keys(&config).is_empty());
        config.token_file = Some("token".into());
        assert_eq!(keys(&config), ["admin.token_file"]);
        config.token = None;
        assert!(keys(&config).is_empty());
        config = AdminConfig {
            metrics_listen: everybody,
            ..AdminConfig::default()
        };
        assert!(keys(&config).is_empty(), "metrics show no player");
        config.listen = "[::ffff:127.0.0.1]:9464".parse().ok();
        assert!(keys(&config).is_empty(), "it is loopback");
    }
}
