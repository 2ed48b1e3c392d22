//! The listeners: their rules, and the way to name a key of one of them.

use std::net::SocketAddr;

use super::{Config, ConfigError, Key, ListenConfig};

impl Config {
    /// Listens on this address alone, with the other keys of the first listener.
    pub fn listen_at(&mut self, addr: SocketAddr) {
        let first = self.listen.drain(..).next();
        self.listen.push(ListenConfig {
            addr,
            ..first.unwrap_or_default()
        });
    }

    /// The listener at this address; of several, the one in this place of the list.
    pub(super) fn listener_at(&self, place: usize, addr: SocketAddr) -> Option<&ListenConfig> {
        let is_it = |listen: &&ListenConfig| listen.addr == addr;
        let in_place = self.listen.get(place).filter(is_it);
        in_place.or_else(|| self.listen.iter().find(is_it))
    }

    /// Whether every listener is behind a proxy.
    pub(super) fn is_behind_proxies(&self) -> bool {
        let mut listeners = self.listen.iter();
        listeners.all(|listen| listen.behind_proxy || !listen.proxy.is_empty())
    }

    /// The path of a key of a listener: with the place in the list, if there are several.
    pub(super) fn listener_key(&self, place: usize, name: &str) -> String {
        match self.listen.len() {
            0 | 1 => format!("listen.{name}"),
            _ => format!("listen[{place}].{name}"),
        }
    }

    pub(super) fn errors_of_listeners(&self) -> impl Iterator<Item = ConfigError> {
        let count = self.listen.len();
        let wrong = !(1..=Self::LISTENERS_MAX).contains(&count);
        let wrong = wrong.then(|| ConfigError {
            key: "listen".to_owned(),
            value: format!("a list of {count}"),
            allowed: format!("1 to {} listeners", Self::LISTENERS_MAX),
            remedy: "write a [[listen]] table for each address; one can be a wildcard".to_owned(),
        });
        let each = self.listen.iter().enumerate();
        let each = each.flat_map(|(place, listen)| {
            let backlog = ("backlog", listen.backlog.to_string());
            let accept = ("accept", format!("{:?}", listen.accept).to_lowercase());
            let is_allowed = |key: &Key| key.allowed.holds(listen.backlog);
            [
                self.broken(place, backlog, is_allowed),
                self.broken(place, accept, |_| is_set(&listen.accept)),
            ]
        });
        wrong.into_iter().chain(each.flatten())
    }

    fn broken(
        &self,
        place: usize,
        (name, value): (&str, String),
        is_allowed: impl Fn(&Key) -> bool,
    ) -> Option<ConfigError> {
        let path = self.listener_key(place, name);
        let key = Key::find(&path).filter(|key| !is_allowed(key))?;
        Some(ConfigError {
            key: path,
            value,
            allowed: key.allowed.to_string(),
            remedy: key.remedy.to_owned(),
        })
    }
}

/// Whether a list has at least one value, and none twice.
fn is_set<T: PartialEq>(values: &[T]) -> bool {
    let mut each = values.iter().enumerate();
    !values.is_empty() && each.all(|(n, value)| !values.iter().take(n).any(|other| other == value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Wire;

    fn told(listen: Vec<ListenConfig>) -> Vec<String> {
        let config = Config {
            listen,
            ..Config::default()
        };
        let errors = config.validate().err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect()
    }

    fn at(port: u16) -> ListenConfig {
        ListenConfig {
            addr: ([127, 0, 0, 1], port).into(),
            ..ListenConfig::default()
        }
    }

    #[test]
    fn a_server_has_one_listener_or_several() {
        assert!(told(vec![at(7_000), at(7_001)]).is_empty());
        assert!(told((7_000..7_064).map(at).collect()).is_empty());
        let remedy = "write a [[listen]] table for each address; one can be a wildcard";
        for count in [0, 65] {
            let expected =
                format!("`listen` is a list of {count}; allowed is 1 to 64 listeners: {remedy}");
            assert_eq!(told((7_000..7_000 + count).map(at).collect()), [expected]);
        }
    }

    #[test]
    fn a_broken_rule_of_one_of_several_listeners_names_the_listener() {
        let broken = ListenConfig {
            backlog: 0,
            accept: Vec::new(),
            ..at(7_001)
        };
        let alone = told(vec![broken.clone()]);
        assert!(alone[0].starts_with("`listen.backlog` is 0; allowed is 1 to 65535: "));
        assert!(alone[1].starts_with("`listen.accept` is []; allowed is a list of one"));
        let second = told(vec![at(7_000), broken]);
        assert!(
            second[0].starts_with("`listen[1].backlog` is 0"),
            "{second:?}"
        );
        assert!(
            second[1].starts_with("`listen[1].accept` is []"),
            "{second:?}"
        );
        let twice = told(vec![ListenConfig {
            accept: vec![Wire::Native, Wire::Native],
            ..at(7_000)
        }]);
        assert!(
            twice[0].starts_with("`listen.accept` is [native, native]"),
            "{twice:?}"
        );
    }

    #[test]
    fn an_address_given_apart_takes_the_place_of_all_listeners_and_keeps_the_keys_of_the_first() {
        let mut config = Config {
            listen: vec![
                ListenConfig {
                    backlog: 9,
                    ..at(7_000)
                },
                at(7_001),
            ],
            ..Config::default()
        };
        config.listen_at(([127, 0, 0, 1], 1).into());
        let expected = ListenConfig {
            backlog: 9,
            ..at(1)
        };
        assert_eq!(config.listen, [expected]);
    }
}
