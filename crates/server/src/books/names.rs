//! The cohorts and profiles that an authenticator may name, and how the server treats an unknown name.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use lastword_keepalive::Profile;

use crate::config::MetricsConfig;
use crate::guard::{lock, logged};
use crate::player::printable;

/// A property of a player that an authenticator names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameKind {
    Cohort,
    Profile,
}

impl NameKind {
    pub(crate) const ALL: [Self; 2] = [Self::Cohort, Self::Profile];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Cohort => "cohort",
            Self::Profile => "profile",
        }
    }

    /// The key of the configuration that declares the names of this kind.
    const fn key(self) -> &'static str {
        match self {
            Self::Cohort => "metrics.cohorts",
            Self::Profile => "liveness.profiles",
        }
    }
}

/// The names of one kind. A player with an unknown name counts as one without a name, unless the server is strict.
#[derive(Debug)]
pub(crate) struct Names {
    kind: NameKind,
    /// The names. The first one stands for a player without a name of this kind.
    known: Vec<String>,
    is_strict: bool,
    unknown: AtomicU64,
    /// Unknown names that were logged.
    told: Mutex<BTreeSet<String>>,
}

/// A name that the configuration does not have, worded for the game's developer.
#[derive(Debug)]
pub(crate) struct UnknownName<'a> {
    names: &'a Names,
    name: &'a str,
}

impl Names {
    pub(crate) fn of_cohorts(declared: &[String], is_strict: bool) -> Self {
        let none = std::iter::once(MetricsConfig::NO_COHORT.to_owned());
        let known = none.chain(declared.iter().cloned()).collect();
        Self::new(NameKind::Cohort, known, is_strict)
    }

    /// The listener's own profile comes first.
    pub(crate) fn of_profiles(profiles: &[Profile], is_strict: bool) -> Self {
        let known = profiles.iter().map(|profile| profile.name.to_string());
        Self::new(NameKind::Profile, known.collect(), is_strict)
    }

    fn new(kind: NameKind, known: Vec<String>, is_strict: bool) -> Self {
        Self {
            kind,
            known,
            is_strict,
            unknown: AtomicU64::new(0),
            told: Mutex::default(),
        }
    }

    /// The number of known names.
    pub(crate) fn count(&self) -> usize {
        self.known.len()
    }

    /// The index of a player's name. An unknown name is counted, logged once, and gets the index of no name.
    ///
    /// # Errors
    /// An unknown name, if the server is strict.
    pub(crate) fn index<'a>(&'a self, name: Option<&'a str>) -> Result<u8, UnknownName<'a>> {
        let Some(name) = name else { return Ok(0) };
        let index = self.known.iter().position(|known| known == name);
        if let Some(index) = index.and_then(|index| u8::try_from(index).ok()) {
            return Ok(index);
        }
        self.unknown.fetch_add(1, Ordering::Relaxed);
        let unknown = UnknownName { names: self, name };
        logged(|| self.tell(&unknown));
        match self.is_strict {
            true => Err(unknown),
            false => Ok(0),
        }
    }

    /// The name with this index; `None` for the first.
    pub(crate) fn name(&self, index: u8) -> Option<&String> {
        self.known.get(usize::from(index)).filter(|_| index > 0)
    }

    /// How many players had an unknown name.
    pub(crate) fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    fn tell(&self, unknown: &UnknownName<'_>) {
        let Some(told) = self.tells(unknown.name) else {
            return;
        };
        let kind = self.kind.label();
        let (name, first) = (shown(unknown.name), self.first());
        if self.is_strict {
            tracing::error!(kind, name, "{unknown}; the player is refused");
        } else {
            tracing::warn!(kind, name, "{unknown}; the player counts as `{first}`");
        }
        if told == NAMES_TOLD_MAX {
            tracing::warn!(
                kind,
                "further unknown names are counted in lastword_unknown_names_total, and not logged"
            );
        }
    }

    /// Returns how many names are logged by now, if this name is new. The logged names are limited in number and
    /// length, because an authenticator may take a name from credentials.
    fn tells(&self, name: &str) -> Option<usize> {
        let name = shown(name);
        let mut told = lock(&self.told);
        let is_new = told.len() < NAMES_TOLD_MAX && told.insert(name);
        is_new.then_some(told.len())
    }

    fn first(&self) -> &str {
        self.known.first().map_or("", String::as_str)
    }
}

impl fmt::Display for UnknownName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the authenticator gave a player the {} \"{}\", which this server does not have: use one of {}, or declare it \
             in {}",
            self.names.kind.label(),
            shown(self.name),
            self.names.known.join(", "),
            self.names.kind.key(),
        )
    }
}

/// A name as the log shows it.
fn shown(name: &str) -> String {
    let cut: String = name.chars().take(NAME_CHARS_MAX).collect();
    printable(&cut).into_owned()
}

const NAMES_TOLD_MAX: usize = 64;
const NAME_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::log::Lines;

    fn cohorts(is_strict: bool) -> Names {
        Names::of_cohorts(&["pc".to_owned(), "console".to_owned()], is_strict)
    }

    #[test]
    fn an_unknown_name_is_no_name_and_is_counted_and_told_once() {
        let cohorts = cohorts(false);
        let names = [
            None,
            Some("none"),
            Some("pc"),
            Some("console"),
            Some("fridge"),
            Some("fridge"),
        ];
        let indexes = names.map(|name| cohorts.index(name).ok());
        assert_eq!(indexes, [0, 0, 1, 2, 0, 0].map(Some));
        assert_eq!(cohorts.unknown(), 2);
        assert_eq!(cohorts.tells("fridge"), None, "told by its index");
        assert_eq!(cohorts.tells("toaster"), Some(2));
        assert_eq!(
            [0, 1, 3].map(|index| cohorts.name(index).map(String::as_str)),
            [None, Some("pc"), None]
        );
    }

    #[test]
    fn a_strict_server_says_which_name_it_lacks_and_which_it_has() {
        let cohorts = cohorts(true);
        assert_eq!(cohorts.index(Some("pc")).ok(), Some(1));
        let words = cohorts.index(Some("fri\u{1b}dge")).unwrap_err().to_string();
        assert_eq!(
            words,
            "the authenticator gave a player the cohort \"fri<U+001B>dge\", which this server does not have: use one of \
             none, pc, console, or declare it in metrics.cohorts"
        );
        assert_eq!(cohorts.unknown(), 1);
    }

    #[test]
    fn the_log_has_each_name_once_and_only_so_many() {
        for (is_strict, level, consequence) in [
            (false, "WARN", "the player counts as `none`"),
            (true, "ERROR", "the player is refused"),
        ] {
            let lines = Lines::default();
            let cohorts = cohorts(is_strict);
            tracing::subscriber::with_default(lines.subscriber(), || {
                for n in (0..1_000).chain(0..1_000) {
                    let name = format!("{}{n}", "x".repeat(60));
                    assert_eq!(cohorts.index(Some(&name)).is_err(), is_strict);
                }
            });
            let text = lines.text();
            let lines: Vec<_> = text.lines().collect();
            assert_eq!(lines.len(), NAMES_TOLD_MAX + 1);
            for words in [level, "x0", "none, pc, console", consequence] {
                assert!(lines[0].contains(words), "{words}: {}", lines[0]);
            }
            assert!(lines[NAMES_TOLD_MAX].contains("not logged"));
            assert_eq!(cohorts.unknown(), 2_000);
        }
    }

    #[test]
    fn the_profile_of_a_player_without_one_is_the_listeners() {
        let listener = [Profile::mobile(), Profile::standard()];
        let profiles = Names::of_profiles(&listener, false);
        let names = [None, Some("mobile"), Some("standard"), Some("mobil")];
        let indexes = names.map(|name| profiles.index(name).ok());
        assert_eq!(indexes, [0, 0, 1, 0].map(Some));
        assert_eq!(profiles.unknown(), 1);
    }
}
