//! What a configuration may say and is probably not meant.

use std::fmt;

use lastword_keepalive::Profile;

use super::{Config, RtoMax, to_ms};
use crate::KernelAbilities;

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
    /// Tells what is allowed here and probably unwise on `kernel`, in the order of the file.
    #[must_use]
    pub fn doubts(&self, kernel: KernelAbilities) -> Vec<Doubt> {
        let own = self.profiles().into_iter();
        let own = own.filter(|profile| self.liveness.profiles.contains_key(profile.name.as_str()));
        let beyond = own.filter_map(|profile| self.beyond_the_kernel(&profile, kernel));
        self.never_dead()
            .into_iter()
            .chain(beyond)
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

    /// Every socket has the options of the default profile: a slower profile's limit may never be reached.
    fn beyond_the_kernel(&self, profile: &Profile, kernel: KernelAbilities) -> Option<Doubt> {
        let (dead, give_up) = (profile.dead?, self.give_up(kernel)?.earliest());
        (give_up < dead).then(|| Doubt {
            key: format!("liveness.profiles.{}.dead_ms", profile.name),
            value: to_ms(dead).to_string(),
            so: format!(
                "every socket has the options of `{default}`, with which the kernel gives a dead path up after \
                 {} ms; make the slowest profile that you use the default one (liveness.profile)",
                to_ms(give_up),
                default = self.default_profile().name,
            ),
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
    use crate::ProfileConfig;

    const KERNEL: KernelAbilities = KernelAbilities {
        is_linux: true,
        tcp_info: true,
        rto_max: true,
    };

    fn keys(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        assert_eq!(config.validate(), Ok(()));
        let doubts = config.doubts(KERNEL);
        doubts.into_iter().map(|doubt| doubt.key).collect()
    }

    fn add(config: &mut Config, name: &str, dead_ms: u32) {
        let profile = ProfileConfig {
            dead_ms: Some(dead_ms),
            rto_max_ms: Some(0),
            ..ProfileConfig::default()
        };
        config.liveness.profiles.insert(name.to_owned(), profile);
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
            c.liveness.profile = "debugger".to_owned();
            add(c, "slow", 100_000);
        });
        let expected = [
            "liveness.profile",
            "liveness.profiles.slow.dead_ms",
            "kernel.rto_max",
            "admin.listen",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_profile_is_doubted_from_the_time_on_at_which_the_kernel_gives_up() {
        let slow = |dead_ms| keys(|c| add(c, "slow", dead_ms));
        assert!(slow(17_480).is_empty());
        assert_eq!(slow(17_481), ["liveness.profiles.slow.dead_ms"]);
        let as_the_default = keys(|c| {
            add(c, "slow", 60_000);
            c.liveness.profile = "slow".to_owned();
        });
        assert!(as_the_default.is_empty());
    }
}
