//! Values of a configuration that are allowed but probably not meant.

use std::fmt;

use lastword_keepalive::retries_for;
use lastword_transport::canonical;

use super::{Config, KernelAbilities, Key, RtoMax};

/// A value that is allowed but probably unwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    /// The path of the key, such as `admin.listen`.
    pub key: String,
    /// The value, as written in the file.
    pub value: String,
    /// The consequence, and what to do.
    pub consequence: String,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}: {}", self.key, self.value, self.consequence)
    }
}

impl Config {
    /// Returns the values that are allowed but probably unwise, in the order of the file.
    #[must_use]
    pub fn warnings(&self) -> Vec<ConfigWarning> {
        self.seconds()
            .chain(self.never_dead())
            .chain(self.without_keepalive())
            .chain(self.without_rto_max())
            .chain(self.token_in_the_clear())
            .collect()
    }

    /// Returns the settings of this host that do not fit this configuration: `net.ipv4.tcp_retries2`, where the kernel
    /// may give a connection up before a dead limit.
    #[must_use]
    pub fn host_warnings(&self, kernel: KernelAbilities) -> Vec<ConfigWarning> {
        self.too_few_retries(kernel).into_iter().collect()
    }

    fn too_few_retries(&self, kernel: KernelAbilities) -> Option<ConfigWarning> {
        let retries = kernel.retries?;
        let short = self.profiles().into_iter().filter_map(|profile| {
            let min = profile.give_up_min()?;
            let is_short = self.give_up(&profile, kernel)?.retransmission < min;
            let rto_max = profile.rto_max.filter(|_| kernel.rto_max);
            is_short.then(|| (profile.name.to_string(), retries_for(min, rto_max)))
        });
        let (names, needed): (Vec<_>, Vec<_>) = short.unzip();
        let needed = needed.into_iter().max()?;
        Some(ConfigWarning {
            key: "net.ipv4.tcp_retries2".to_owned(),
            value: retries.to_string(),
            consequence: format!(
                "the kernel may give a connection up before the dead limit of {}; set it to {needed} or more in the \
                 network namespace of this server",
                names.join(", ")
            ),
        })
    }

    /// The times that were probably given in seconds.
    fn seconds(&self) -> impl Iterator<Item = ConfigWarning> {
        let keys = Key::all();
        let once = keys.filter_map(|key| Some((key, key.path.to_owned(), key.value_in(self)?)));
        let windows = self.liveness.profiles.iter().filter_map(|(name, profile)| {
            let path = format!("liveness.profiles.{name}.resume_window_ms");
            Some((Key::find(&path)?, path, profile.resume_window_ms?))
        });
        let hasty = once.chain(windows);
        let hasty = hasty.filter(|(key, _, value)| key.looks_like_seconds(*value));
        hasty.map(|(_, key, value)| ConfigWarning {
            key,
            value: value.to_string(),
            consequence: format!(
                "the unit is milliseconds; if {value} seconds are meant, write {}",
                value.saturating_mul(1_000)
            ),
        })
    }

    fn never_dead(&self) -> Option<ConfigWarning> {
        let default = self.default_profile();
        default.dead.is_none().then(|| ConfigWarning {
            key: "liveness.profile".to_owned(),
            value: format!("{:?}", default.name.as_str()),
            consequence: "it has no dead limit, so a frozen player is never removed; choose a profile with a dead limit"
                .to_owned(),
        })
    }

    fn without_keepalive(&self) -> Option<ConfigWarning> {
        (!self.kernel.keepalive).then(|| ConfigWarning {
            key: "kernel.keepalive".to_owned(),
            value: "false".to_owned(),
            consequence: "the dead path of an idle connection is never found if the profile has no dead limit \
                (debugger) or the client sends no heartbeat; set it to true, except for a test"
                .to_owned(),
        })
    }

    fn without_rto_max(&self) -> Option<ConfigWarning> {
        (self.kernel.rto_max == RtoMax::Off).then(|| ConfigWarning {
            key: "kernel.rto_max".to_owned(),
            value: "\"off\"".to_owned(),
            consequence: "an outage longer than about 40 % of a dead limit may end a connection; set it to auto, \
                except for a test"
                .to_owned(),
        })
    }

    fn token_in_the_clear(&self) -> Option<ConfigWarning> {
        let addr = self.admin.listen;
        let addr = addr.filter(|addr| !canonical(*addr).ip().is_loopback())?;
        Some(ConfigWarning {
            key: "admin.listen".to_owned(),
            value: format!("\"{addr}\""),
            consequence: "its token and the names of players travel unencrypted; listen on 127.0.0.1 behind a tunnel \
                or a proxy with TLS, or choose an address that only operators can reach"
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        assert_eq!(config.validate(), Ok(()));
        let warnings = config.warnings();
        warnings.into_iter().map(|warning| warning.key).collect()
    }

    #[test]
    fn the_defaults_raise_no_warning() {
        assert!(keys(|_| {}).is_empty());
    }

    #[test]
    fn a_time_that_was_probably_given_in_seconds_is_reported_with_its_milliseconds() {
        let told = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            assert_eq!(config.validate(), Ok(()));
            let warnings = config.warnings();
            warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            told(|c| c.drain.timeout_ms = 30),
            [
                "`drain.timeout_ms` is 30: the unit is milliseconds; if 30 seconds are meant, write 30000"
            ]
        );
        let hasty: [fn(&mut Config); 9] = [
            |c| c.timeouts.hello_ms = 120,
            |c| c.timeouts.auth_ms = 100,
            |c| c.timeouts.frame_ms = 100,
            |c| c.timeouts.linger_ms = 100,
            |c| c.timeouts.outbound_age_ms = 100,
            |c| c.timeouts.idle_ms = 1_800,
            |c| c.timeouts.delivery_ms = 100,
            |c| c.drain.timeout_ms = 999,
            |c| {
                let mine = crate::config::ProfileConfig {
                    resume_window_ms: Some(60),
                    ..crate::config::ProfileConfig::default()
                };
                c.liveness.profiles.insert("mine".to_owned(), mine);
            },
        ];
        for change in hasty {
            assert_eq!(told(change).len(), 1);
        }
        let meant: [fn(&mut Config); 5] = [
            |c| c.drain.timeout_ms = 0,
            |c| c.drain.timeout_ms = 1_000,
            |c| c.timeouts.hello_ms = 500,
            |c| c.timeouts.outbound_age_ms = 0,
            |c| c.timeouts.idle_ms = 5_000,
        ];
        for change in meant {
            assert!(told(change).is_empty());
        }
    }

    #[test]
    fn a_host_whose_kernel_gives_up_before_a_dead_limit_is_reported_with_the_value_that_it_needs() {
        let told = |config: &Config, retries| {
            let warnings = config.host_warnings(KernelAbilities {
                is_linux: true,
                tcp_info: lastword_sys::TcpInfo {
                    fields: lastword_sys::TcpInfoFields::Window,
                    is_tested: true,
                },
                rto_max: true,
                retries,
            });
            warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let config = Config::default();
        for enough in [None, Some(15), Some(60), Some(255)] {
            assert!(told(&config, enough).is_empty(), "{enough:?}");
        }
        assert_eq!(
            told(&config, Some(8)),
            [
                "`net.ipv4.tcp_retries2` is 8: the kernel may give a connection up before the dead limit of standard, \
                 competitive, mobile, background; set it to 15 or more in the network namespace of this server"
            ]
        );
        // The competitive profile has a margin that the others have not.
        assert!(!told(&config, Some(14))[0].contains("competitive"));
        // Without a limit of the time between two retries, eight take 102 s.
        let mut unlimited = config;
        unlimited.kernel.rto_max = RtoMax::Off;
        assert!(told(&unlimited, Some(8)).is_empty());
        let five = told(&unlimited, Some(5));
        assert!(
            five[0].contains("of standard, mobile, background; set it to 8 or more"),
            "{five:?}"
        );
    }

    #[test]
    fn warnings_come_in_the_order_of_the_file() {
        let told = keys(|c| {
            c.admin.listen = Some(([0, 0, 0, 0], 9464).into());
            c.admin.token = crate::config::Token::new("0123456789abcdef").ok();
            c.kernel.rto_max = RtoMax::Off;
            c.kernel.keepalive = false;
            c.liveness.profile = "debugger".to_owned();
        });
        let expected = [
            "liveness.profile",
            "kernel.keepalive",
            "kernel.rto_max",
            "admin.listen",
        ];
        assert_eq!(told, expected);
    }
}
