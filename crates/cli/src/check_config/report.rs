//! Describes the causes that a configuration can produce on a kernel, the bounds of the silent ones, and the causes
//! that cannot occur. [`Config::reach`] makes the decisions.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use lastword::config::{
    GiveUp, KernelAbilities, Profile, ProfileName, Reach, RtoMax, SecondLogin, UnreachableReason,
};
use lastword::evidence::Class;
use lastword::{Cause, Config};

use super::table::{GLUE, Table};

/// The report on a configuration.
pub(super) struct Report<'a> {
    config: &'a Config,
    kernel: KernelAbilities,
    causes: Vec<(Cause, Vec<Reached>)>,
}

/// A cause's reach in the sessions of one profile.
struct Reached {
    profile: Profile,
    reach: Reach,
}

impl<'a> Report<'a> {
    pub(super) fn new(config: &'a Config, kernel: KernelAbilities) -> Self {
        let profiles = config.profiles();
        let reached = |cause: Cause| {
            let each = profiles.iter().map(|profile| Reached {
                profile: *profile,
                reach: config.reach(cause, profile, kernel),
            });
            (cause, each.collect())
        };
        Self {
            config,
            kernel,
            causes: Cause::ALL.map(reached).into(),
        }
    }

    fn kernel(&self) -> String {
        let mut table = Table::default();
        table.row("is", self.kernel.to_string());
        table.row("TCP_INFO", self.kernel.evidence());
        table.row("gives up", self.give_up());
        if let Some(words) = self.own_queue() {
            table.row("own queue", words);
        }
        if !self.bounds_retransmissions() {
            let why = match self.config.kernel.rto_max {
                RtoMax::Auto => "Linux has it from 6.15 on",
                RtoMax::Off => "kernel.rto_max is off",
            };
            let words = format!(
                "over about 40 % of a dead limit may end a connection: there is no TCP_RTO_MAX_MS ({why})"
            );
            table.row("outages", words);
        }
        table.print("This kernel")
    }

    fn give_up(&self) -> String {
        let each = self.config.profiles().into_iter().map(|profile| {
            let give_up = self.config.give_up(&profile, self.kernel);
            let words = give_up.map_or_else(
                || "when it is not known".to_owned(),
                |at| {
                    give_up_words(GiveUp {
                        own_queue: None,
                        ..at
                    })
                },
            );
            (profile.name, words)
        });
        by_profile(each)
    }

    /// When the kernel gives up while this host's own queue discards all: the same for every profile.
    fn own_queue(&self) -> Option<String> {
        let profile = self.config.default_profile();
        let from = self.config.give_up(&profile, self.kernel)?.own_queue?;
        let retries = match self.kernel.retries {
            Some(retries) => format!("net.ipv4.tcp_retries2 is {retries}"),
            None => "net.ipv4.tcp_retries2 is not known, and its default is assumed".to_owned(),
        };
        Some(format!(
            "while it drops all that this host sends, a connection is given up from {} on ({retries})",
            seconds(from)
        ))
    }

    fn bounds_retransmissions(&self) -> bool {
        self.kernel.rto_max && self.config.kernel.rto_max == RtoMax::Auto
    }

    /// The effect of a second login of a player.
    fn sessions(&self) -> String {
        let policy = self.config.sessions.second_login;
        let words = match policy {
            SecondLogin::Auto => {
                "replace where the game has an authenticator of its own; allow for `lastword serve` and every other \
                 game, whose clients name themselves"
            }
            SecondLogin::Replace => "the earlier session ends as replaced_by_login",
            SecondLogin::Refuse => {
                "the later login reads already_logged_in, unless the earlier session is suspect or ending"
            }
            SecondLogin::Allow => "all sessions of a player are live",
        };
        let mut table = Table::default();
        table.row("second login", format!("{policy}: {words}"));
        table.row("come back", self.come_back());
        table.print("Sessions of a player")
    }

    /// How long a player may come back whose connection is lost.
    fn come_back(&self) -> String {
        let profiles = self.config.profiles();
        if profiles.iter().all(|each| each.resume_window.is_zero()) {
            return "never: a session ends with its connection".to_owned();
        }
        let windows = by_profile(profiles.into_iter().map(|profile| {
            let window = profile.resume_window;
            let words = match window.is_zero() {
                true => "never".to_owned(),
                false => format!("within {}", seconds(window)),
            };
            (profile.name, words)
        }));
        format!("{windows}; a player that does not come back leaves then")
    }

    /// The causes that occur in the sessions of at least one profile.
    fn possible(&self) -> String {
        let mut table = Table::default();
        for class in Class::ALL {
            let causes = self.causes.iter().filter(|(cause, reached)| {
                cause.class() == class && reached.iter().any(|each| each.reach.is_possible())
            });
            let labels: Vec<_> = causes.map(|(cause, _)| cause.label()).collect();
            if !labels.is_empty() {
                table.row(class.label(), labels.join(", "));
            }
        }
        table.print("These causes can occur")
    }

    fn silent(&self) -> String {
        let mut table = Table::default();
        for (cause, reached) in &self.causes {
            if cause.is_silent() && cause.is_produced() {
                table.row(cause.label(), bounds(reached));
            }
        }
        table.print("Silent causes, and how long the loss of a connection goes unnoticed at most, by profile")
    }

    /// The causes that occur in no profile, with the reason for the default profile.
    fn impossible(&self) -> String {
        let (mut table, mut unbuilt) = (Table::default(), Vec::new());
        for (cause, reached) in &self.causes {
            match why_never(reached) {
                None => {}
                Some(UnreachableReason::NotBuilt) => unbuilt.push(cause.label()),
                Some(why) => table.row(cause.label(), why.to_string()),
            }
        }
        if !unbuilt.is_empty() {
            table.row(UnreachableReason::NotBuilt.to_string(), unbuilt.join(", "));
        }
        table.print("These causes cannot occur")
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kernel())?;
        f.write_str(&self.sessions())?;
        f.write_str(&self.possible())?;
        f.write_str(&self.silent())?;
        f.write_str(&self.impossible())
    }
}

/// Returns why a cause occurs in no profile, or `None` if it occurs in one. The default profile is
/// the first.
fn why_never(reached: &[Reached]) -> Option<&UnreachableReason> {
    let mut whys = reached.iter().map(|each| match &each.reach {
        Reach::Never(why) => Some(why),
        Reach::Can | Reach::Within(_) | Reach::ByKernel(_) => None,
    });
    let first = whys.next()??;
    whys.all(|why| why.is_some()).then_some(first)
}

/// The bound of each profile.
fn bounds(reached: &[Reached]) -> String {
    let each = reached.iter();
    by_profile(each.map(|reached| (reached.profile.name, bound_words(reached))))
}

/// Joins the words for each profile. Adjacent profiles with the same words share them, and words that hold for all
/// profiles stand alone.
fn by_profile(each: impl Iterator<Item = (ProfileName, String)>) -> String {
    let mut groups: Vec<(String, String)> = Vec::new();
    for (name, words) in each {
        match groups.last_mut() {
            Some((names, same)) if *same == words => *names = format!("{names}, {name}"),
            _ => groups.push((name.to_string(), words)),
        }
    }
    if let [(_, words)] = groups.as_slice() {
        return words.clone();
    }
    let each = groups
        .iter()
        .map(|(names, words)| format!("{names}{GLUE}{words}"));
    each.collect::<Vec<_>>().join(&format!("{GLUE}· "))
}

fn bound_words(Reached { profile, reach }: &Reached) -> String {
    let ours = match profile.dead {
        None => "never by heartbeat; the kernel",
        Some(_) => "the kernel may be first",
    };
    match reach {
        Reach::Can => "at once".to_owned(),
        Reach::Within(bound) => seconds(*bound),
        Reach::ByKernel(Some(give_up)) => {
            format!("{ours}: {}", give_up_words(*give_up))
        }
        Reach::ByKernel(None) => "never by heartbeat; the kernel alone".to_owned(),
        Reach::Never(_) => "never".to_owned(),
    }
}

fn give_up_words(at: GiveUp) -> String {
    let keepalive = match at.keepalive {
        Some(keepalive) => format!("keepalive {}", seconds(keepalive)),
        None => "an idle connection never".to_owned(),
    };
    let data = format!("unacknowledged data from {} on", seconds(at.retransmission));
    let own_queue = at.own_queue.map_or_else(String::new, |from| {
        format!(", data that its own queue drops from {} on", seconds(from))
    });
    format!("{keepalive}, {data}{own_queue}")
}

/// A bound in seconds, rounded up to a tenth.
fn seconds(duration: Duration) -> String {
    let tenths = duration.as_millis().div_ceil(100);
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}{GLUE}s"),
        (whole, tenth) => format!("{whole}.{tenth}{GLUE}s"),
    }
}
