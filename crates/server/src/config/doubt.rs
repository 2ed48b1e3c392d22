//! What a configuration may say and is probably not meant.

use std::fmt;

use super::{Config, RtoMax};

/// A value that is allowed and probably unwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The path of the key, such as `admin.listen`.
    pub key: String,
    /// The value, as the file would have it.
    pub value: String,
    /// What comes of it, and what to do.
    pub so: String,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}: {}", self.key, self.value, self.so)
    }
}

impl Config {
    /// Tells what is allowed here and probably unwise, in the order of the file.
    #[must_use]
    pub fn doubts(&self) -> Vec<Doubt> {
        self.never_dead()
            .into_iter()
            .chain(self.without_keepalive())
            .chain(self.without_rto_max())
            .chain(self.admin_for_everybody())
            .collect()
    }

    fn never_dead(&self) -> Option<Doubt> {
        let default = self.default_profile();
        default.dead.is_none().then(|| Doubt {
            key: "liveness.profile".to_owned(),
            value: format!("{:?}", default.name.as_str()),
            so: "it has no dead limit, so that a frozen player stays for good; choose one that has"
                .to_owned(),
        })
    }

    fn without_keepalive(&self) -> Option<Doubt> {
        (!self.kernel.keepalive).then(|| Doubt {
            key: "kernel.keepalive".to_owned(),
            value: "false".to_owned(),
            so: "an idle connection whose path is dead is never found where a profile has no dead limit (debugger) or a \
                 client sends no heartbeat; true, unless you test that"
                .to_owned(),
        })
    }

    fn without_rto_max(&self) -> Option<Doubt> {
        (self.kernel.rto_max == RtoMax::Off).then(|| Doubt {
            key: "kernel.rto_max".to_owned(),
            value: "\"off\"".to_owned(),
            so: "an outage over about 40 % of a dead limit may end a connection; auto, unless you test that"
                .to_owned(),
        })
    }

    fn admin_for_everybody(&self) -> Option<Doubt> {
        let addr = self
            .admin
            .listen
            .filter(|addr| addr.ip().is_unspecified())?;
        Some(Doubt {
            key: "admin.listen".to_owned(),
            value: format!("\"{addr}\""),
            so: "whoever reaches this machine reads it without a password; choose an address that players cannot \
                 reach"
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
        let doubts = config.doubts();
        doubts.into_iter().map(|doubt| doubt.key).collect()
    }

    #[test]
    fn the_defaults_raise_no_doubt() {
        assert!(keys(|_| {}).is_empty());
    }

    #[test]
    fn what_is_allowed_and_unwise_is_told_in_the_order_of_the_file() {
        let told = keys(|c| {
            c.admin.listen = Some(([0, 0, 0, 0], 9464).into());
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
