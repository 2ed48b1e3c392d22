//! Checks that the addresses one server listens on do not clash, since the second of two could not be bound.

use std::net::{IpAddr, SocketAddr};

use super::{Config, ConfigError, ListenConfig};

impl Config {
    /// The pairs of addresses that cannot be bound together.
    pub(super) fn addresses_given_twice(&self) -> impl Iterator<Item = ConfigError> {
        let listeners = self.listen.iter().enumerate();
        let listeners =
            listeners.map(|(place, listen)| (self.listener_key(place, "addr"), listen.addr));
        let others = [
            (ADMIN, self.admin.listen),
            (METRICS, self.admin.metrics_listen),
        ];
        let others = others
            .into_iter()
            .filter_map(|(key, addr)| Some((key.to_owned(), addr?)));
        let all: Vec<_> = listeners.chain(others).collect();
        let mut errors = Vec::new();
        for (n, second) in all.iter().enumerate() {
            let before = all.iter().take(n);
            let clashing = before.filter(|first| clash(first.1, second.1));
            errors.extend(clashing.map(|first| Self::given_twice(second, first)));
        }
        errors.into_iter()
    }

    /// Blames the key that is not at its default, because that key is in the file.
    fn given_twice(second: &(String, SocketAddr), first: &(String, SocketAddr)) -> ConfigError {
        let is_default = second.0 == ADMIN && Some(second.1) == Self::default().admin.listen;
        let game_is_default = first.1 == ListenConfig::default().addr;
        let ((key, addr), (other, taken)) = if is_default && !game_is_default {
            (first, second)
        } else {
            (second, first)
        };
        ConfigError {
            key: key.clone(),
            value: format!("\"{addr}\""),
            allowed: "an address and port that no other key has".to_owned(),
            remedy: format!("{other} is \"{taken}\" already, so choose another port"),
        }
    }
}

/// Whether the second address would be refused as in use. Port 0 takes a free port, which never clashes.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let (port, ips) = (
        one.port(),
        [one, other].map(|addr| addr.ip().to_canonical()),
    );
    port != 0 && port == other.port() && overlap(ips)
}

/// `[::]` is bound for both address families.
fn overlap([one, other]: [IpAddr; 2]) -> bool {
    let covers = |wide: IpAddr, ip: IpAddr| match wide {
        IpAddr::V4(_) => wide.is_unspecified() && ip.is_ipv4(),
        IpAddr::V6(_) => wide.is_unspecified(),
    };
    one == other || covers(one, other) || covers(other, one)
}

const ADMIN: &str = "admin.listen";
const METRICS: &str = "admin.metrics_listen";

#[cfg(test)]
mod tests {
    use super::*;

    fn told(game: &str, admin: &str, metrics: &str) -> Vec<String> {
        let mut config = Config::default();
        config.listen_at(game.parse().unwrap());
        config.admin.listen = admin.parse().ok();
        config.admin.metrics_listen = metrics.parse().ok();
        let errors = config.addresses_given_twice();
        errors.map(|error| error.to_string()).collect()
    }

    #[test]
    fn one_address_for_two_keys_is_reported_with_both_of_them() {
        assert_eq!(
            told("127.0.0.1:7000", "127.0.0.1:7000", ""),
            [
                "`admin.listen` is \"127.0.0.1:7000\"; allowed is an address and port that no other key has: listen.addr \
                 is \"127.0.0.1:7000\" already, so choose another port"
            ]
        );
        let all = told("127.0.0.1:7001", "127.0.0.1:7001", "127.0.0.1:7001");
        assert_eq!(all.len(), 3, "{all:#?}");
    }

    #[test]
    fn one_address_for_two_listeners_is_reported_with_both_of_them() {
        let mut config = Config::default();
        for addr in ["127.0.0.1:7001", "0.0.0.0:7000"] {
            config.listen.push(ListenConfig {
                addr: addr.parse().unwrap(),
                ..ListenConfig::default()
            });
        }
        let errors: Vec<_> = config.addresses_given_twice().collect();
        let [error] = &errors[..] else {
            panic!("{errors:?}")
        };
        assert_eq!(error.key, "listen[2].addr");
        assert!(error.remedy.starts_with("listen[0].addr is "), "{error}");
    }

    #[test]
    fn a_default_is_not_blamed() {
        for told in [
            told("127.0.0.1:9464", "127.0.0.1:9464", ""),
            told("[::]:9464", "127.0.0.1:9464", ""),
        ] {
            assert!(told[0].starts_with("`listen.addr` is "), "{told:?}");
        }
        let told = told("127.0.0.1:7000", "127.0.0.1:9464", "0.0.0.0:9464");
        assert!(
            told[0].starts_with("`admin.metrics_listen` is "),
            "{told:?}"
        );
    }

    #[test]
    fn a_wildcard_is_every_address_that_it_is_bound_for() {
        for (one, other, twice) in [
            ("0.0.0.0:7000", "127.0.0.1:7000", true),
            ("127.0.0.1:7000", "0.0.0.0:7000", true),
            ("[::]:7000", "127.0.0.1:7000", true),
            ("[::]:7000", "0.0.0.0:7000", true),
            ("[::]:7000", "[::1]:7000", true),
            ("[::ffff:127.0.0.1]:7000", "127.0.0.1:7000", true),
            ("0.0.0.0:7000", "[::1]:7000", false),
            ("127.0.0.1:7000", "[::1]:7000", false),
            ("127.0.0.1:7000", "127.0.0.2:7000", false),
            ("0.0.0.0:7000", "127.0.0.1:7001", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            assert_eq!(
                told(one, "", other).len(),
                usize::from(twice),
                "{one} {other}"
            );
        }
    }
}
