//! A key of the configuration, as its table describes it, and the checks of a value against it.

use std::borrow::Cow;
use std::fmt;

use lastword_session::Cause;

use super::{Config, ConfigError};

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// The dotted path; `NAME` stands for the name of a profile.
    pub path: &'static str,
    /// The explanation, in Markdown.
    pub words: &'static str,
    /// The unit of the value, or `none`.
    pub unit: &'static str,
    /// The default, as a file would have it.
    pub default: &'static str,
    /// The values that it takes.
    pub allowed: Allowed,
    /// The causes that the key can produce.
    pub causes: &'static [Cause],
    /// How to choose a value.
    pub remedy: &'static str,
    /// Reads a number that occurs once in a file.
    pub(super) read: Option<fn(&Config) -> u32>,
    /// Below this many milliseconds the value was probably meant in seconds.
    pub(super) hasty_below: u32,
    /// Whether two configurations have another value.
    pub(super) differs: fn(&Config, &Config) -> bool,
    /// Takes the value over from another configuration, if a reload may.
    pub(super) take_over: Option<fn(&mut Config, &Config)>,
}

/// The values that a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A whole number.
    Number {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
        /// The meaning of 0, if 0 lies outside the range but is allowed.
        zero: Option<&'static str>,
    },
    /// One of two or more words, quoted or not.
    OneOf(&'static [&'static str]),
    /// Values that fit this description.
    Words(&'static str),
}

/// A section of the configuration.
#[derive(Debug)]
pub struct Section {
    /// The dotted path; `NAME` stands for the name of a profile.
    pub path: &'static str,
    /// Whether a file may have several of it: `[[listen]]`.
    pub is_list: bool,
    /// The explanation, in Markdown.
    pub words: &'static str,
    /// The keys, in the order of the reference file.
    pub keys: &'static [Key],
}

impl Key {
    /// Returns every key, in the order of the reference file.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        Section::ALL.iter().flat_map(|section| section.keys)
    }

    /// Returns the key at this path. The path may have a profile's name instead of `NAME`, and the place in a list, as
    /// in `listen[1].addr`.
    #[must_use]
    pub fn find(path: &str) -> Option<&'static Self> {
        let path = without_place(path);
        Self::all().find(|key| key.is_at(&path))
    }

    /// Returns whether a reload of the configuration changes the value of a running server. Otherwise a restart does.
    #[must_use]
    pub fn reloads(&self) -> bool {
        self.take_over.is_some()
    }

    /// Where in the file a key or a section belongs.
    pub(super) fn position(path: &str) -> usize {
        let path = &*without_place(path);
        let at = |key: &Self| key.is_at(path) || key.path.starts_with(path);
        Self::all().position(at).unwrap_or(usize::MAX)
    }

    pub(super) fn check(&self, config: &Config) -> Option<ConfigError> {
        let value = self.value_in(config)?;
        (!self.allowed.holds(value)).then(|| ConfigError {
            key: self.path.to_owned(),
            value: value.to_string(),
            allowed: self.allowed.to_string(),
            remedy: self.remedy.to_owned(),
        })
    }

    /// Whether this value is allowed but was probably meant in seconds, and would be allowed in seconds as well.
    pub(super) fn looks_like_seconds(&self, value: u32) -> bool {
        let in_seconds = value.saturating_mul(1_000);
        (1..self.hasty_below).contains(&value)
            && [value, in_seconds]
                .into_iter()
                .all(|value| self.allowed.holds(value))
    }

    /// The configuration's value of a number that occurs once in a file.
    pub(super) fn value_in(&self, config: &Config) -> Option<u32> {
        self.read.map(|read| read(config))
    }

    fn is_at(&self, path: &str) -> bool {
        match self.path.split_once("NAME") {
            None => self.path == path,
            Some((before, after)) => path
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|name| !name.is_empty()),
        }
    }
}

impl Section {
    /// Returns the section at this path, if it is in the table as it is written there.
    #[must_use]
    pub fn find(path: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|section| section.path == path)
    }

    /// Returns how a file begins the section: `[limits]`, or `[[listen]]` for one of several.
    #[must_use]
    pub fn heading(&self) -> String {
        match self.is_list {
            true => format!("[[{}]]", self.path),
            false => format!("[{}]", self.path),
        }
    }
}

/// `listen.addr` for `listen[1].addr`.
fn without_place(path: &str) -> Cow<'_, str> {
    let Some((section, rest)) = path.split_once('[') else {
        return Cow::Borrowed(path);
    };
    match rest.split_once(']') {
        Some((place, rest)) if place.parse::<usize>().is_ok() => {
            Cow::Owned(format!("{section}{rest}"))
        }
        Some(_) | None => Cow::Borrowed(path),
    }
}

impl Allowed {
    /// Returns whether this number is allowed; a key of words takes any number.
    #[must_use]
    pub fn holds(self, value: u32) -> bool {
        match self {
            Self::Number { min, max, zero } => {
                (min..=max).contains(&value) || (value == 0 && zero.is_some())
            }
            Self::OneOf(_) | Self::Words(_) => true,
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number {
                min,
                max,
                zero: None,
            } => write!(f, "{min} to {max}"),
            Self::Number {
                min,
                max,
                zero: Some(meaning),
            } => {
                write!(f, "0 ({meaning}), or {min} to {max}")
            }
            Self::OneOf(words) => f.write_str(&words.join(" or ")),
            Self::Words(words) => f.write_str(words),
        }
    }
}
