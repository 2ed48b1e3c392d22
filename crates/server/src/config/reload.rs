//! The changes of the configuration that a running server takes over, and those that need a restart.

use std::fmt;

use super::{Config, Key};

/// The keys that a reload found changed, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// The keys that have their new value now. New connections have the new timeouts and limits.
    pub applied: Vec<&'static str>,
    /// The keys that keep their old value until the server is started again.
    pub needs_restart: Vec<&'static str>,
}

impl Reload {
    /// The files that this key names have changed.
    pub(crate) fn read_anew(&mut self, key: &'static str) {
        if !self.applied.contains(&key) {
            self.applied.push(key);
            self.applied.sort_by_key(|path| Key::position(path));
        }
    }
}

impl fmt::Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applied = ("applied", &self.applied);
        let rest = ("needs a restart", &self.needs_restart);
        let parts = [applied, rest].into_iter();
        let parts = parts.filter(|(_, keys)| !keys.is_empty());
        let parts: Vec<_> = parts
            .map(|(what, keys)| format!("{what}: {}", keys.join(", ")))
            .collect();
        f.write_str(match parts.is_empty() {
            true => "no key has changed",
            false => "",
        })?;
        f.write_str(&parts.join("; "))
    }
}

impl Config {
    /// Takes over what a running server can change. The rest stays, so that a later reload names it again.
    pub(crate) fn reload(&mut self, new: &Self) -> Reload {
        let mut reload = Reload::default();
        let old = self.clone();
        for key in Key::all() {
            if let Some(take_over) = key.take_over {
                take_over(self, new);
            }
            if (key.differs)(self, &old) {
                reload.applied.push(key.path);
            }
            // A key of a listener that is new needs a restart, too.
            if (key.differs)(self, new) {
                reload.needs_restart.push(key.path);
            }
        }
        reload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ListenConfig, ProfileConfig};

    #[test]
    fn a_reload_takes_what_can_change_and_names_the_rest_each_time() {
        let mut config = Config::default();
        assert_eq!(config.clone().reload(&config), Reload::default());
        let mut new = config.clone();
        new.admission.deny = vec!["192.0.2.1".parse().unwrap()];
        new.timeouts.hello_ms = 900;
        new.drain.reason = "bye".to_owned();
        new.listen[0].backlog = 9;
        new.limits.frame_bytes_max = 2_000;
        let mine = ProfileConfig {
            dead_ms: Some(20_000),
            ..ProfileConfig::default()
        };
        new.liveness.profiles.insert("mobile".to_owned(), mine);
        let reload = config.reload(&new);
        let applied = ["admission.deny", "timeouts.hello_ms", "drain.reason"];
        assert_eq!(reload.applied, applied);
        let profile = "liveness.profiles.NAME.dead_ms";
        assert!(
            reload
                .needs_restart
                .starts_with(&["listen.backlog", "limits.frame_bytes_max"])
        );
        assert!(reload.needs_restart.contains(&profile), "{reload:?}");
        assert_eq!(config.admission, new.admission);
        assert_eq!(
            (config.listen[0].backlog, config.timeouts.hello_ms),
            (4_096, 900)
        );
        let again = config.reload(&new);
        assert!(again.applied.is_empty());
        assert!(
            again
                .to_string()
                .starts_with("needs a restart: listen.backlog, limits.")
        );
        assert_eq!(Reload::default().to_string(), "no key has changed");
        let one = Reload {
            applied: vec!["a", "b"],
            needs_restart: vec!["c"],
        };
        assert_eq!(one.to_string(), "applied: a, b; needs a restart: c");
        assert_eq!(again.needs_restart, reload.needs_restart);
    }

    #[test]
    fn a_listener_takes_what_the_one_at_its_address_has() {
        let at = |port: u16, proxy: &str| ListenConfig {
            addr: ([127, 0, 0, 1], port).into(),
            proxy: vec![proxy.parse().unwrap()],
            ..ListenConfig::default()
        };
        let with = |listen: &[ListenConfig]| Config {
            listen: listen.to_vec(),
            ..Config::default()
        };
        let mut config = with(&[at(1, "10.0.0.1"), at(2, "10.0.0.2")]);
        let reload = config.reload(&with(&[at(2, "10.0.0.4"), at(1, "10.0.0.3")]));
        assert_eq!(config.listen, [at(1, "10.0.0.3"), at(2, "10.0.0.4")]);
        assert_eq!(reload.applied, ["listen.proxy"]);
        assert!(reload.needs_restart.contains(&"listen.addr"));
        // A further listener begins at the next start.
        let new = with(&[at(1, "10.0.0.3"), at(2, "10.0.0.4"), at(3, "10.0.0.5")]);
        let reload = config.reload(&new);
        assert!(reload.applied.is_empty());
        assert!(reload.needs_restart.contains(&"listen.proxy"));
        // Two at port 0 are told apart by their places.
        let mut any = with(&[at(0, "10.0.0.1"), at(0, "10.0.0.2")]);
        let new = with(&[at(0, "10.0.0.1"), at(0, "10.0.0.9")]);
        assert_eq!(any.reload(&new).applied, ["listen.proxy"]);
        assert_eq!(any, new);
    }

    #[test]
    fn files_that_changed_are_told_once_in_the_order_of_the_file() {
        let mut reload = Reload {
            applied: vec!["admission.deny"],
            ..Reload::default()
        };
        reload.read_anew("listen.tls");
        reload.read_anew("listen.tls");
        assert_eq!(reload.applied, ["listen.tls", "admission.deny"]);
    }

    /// A running server takes a part of a valid configuration. This part must be valid with the rest of the old one.
    #[test]
    fn no_rule_depends_on_a_key_that_reloads_and_one_that_does_not() {
        let mut config = Config::default();
        let mut new = Config::default();
        new.limits.frame_bytes_max = 1_048_576;
        new.limits.inbox_bytes_max = 1_048_576;
        new.limits.outbound_bytes_max = 2_097_152;
        new.limits.hello_bytes_max = 65_536;
        assert_eq!(new.validate(), Ok(()));
        config.reload(&new);
        assert_eq!(config.validate(), Ok(()));
    }
}
