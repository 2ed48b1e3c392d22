//! One error of a file, in one line.

use std::fmt::{self, Write as _};
use std::ops::Range;

use lastword::config::ConfigError;
use lastword_server::{Key, Section};
use toml::de::DeTable;

use super::advice::advice;
use super::nearest::nearest;
use super::places::{self, Found, Place};

/// An error and its line number.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) line: usize,
    words: String,
}

impl Problem {
    pub(super) const fn new(line: usize, words: String) -> Self {
        Self { line, words }
    }

    pub(super) fn not_utf8(bytes: &[u8], at: usize) -> Self {
        let before = bytes.get(..at).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        let is = if is_utf16 { "UTF-16" } else { "not UTF-8" };
        Self::new(line, format!("this is {is}: save the file as UTF-8"))
    }

    /// An error for which no key can be named.
    pub(super) fn nameless(text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start);
        Self::new(line_of(text, at), one_line(error.message()))
    }

    /// An error of the configuration's own rules.
    pub(super) fn rule(text: &str, table: &DeTable<'_>, error: &ConfigError) -> Self {
        let (span, is_there) = places::find(table, &error.key).unwrap_or((0..0, false));
        let mut error = error.clone();
        let key = Key::find(&error.key);
        let is_out_of_range = |key: &&Key| {
            error
                .value
                .parse()
                .is_ok_and(|value| !key.allowed.holds(value))
        };
        if let Some(meant) = key
            .filter(is_out_of_range)
            .and_then(|key| advice(key, &error.value))
        {
            error.remedy = format!("{}; {meant}", error.remedy);
        }
        if !is_there && key.is_some() {
            error.value.push_str(" (the default)");
        }
        Self {
            line: line_of(text, span.start),
            words: error.to_string(),
        }
    }

    /// A key that is not known, or whose value has the wrong type.
    pub(super) fn misfit(text: &str, place: &Place) -> Self {
        let path = place.path.join(".");
        let words = match &place.found {
            Found::Key => unknown(&place.path),
            Found::Table => wrong_type(&path, "a table"),
            // The key of the secret, or a section that may hold it.
            Found::Value(_) if path == SECRET || path == SECRETS => wrong_type(&path, HIDDEN),
            Found::Value(span) => wrong_type(&path, &source(text, span)),
        };
        Self {
            line: line_of(text, place.key.start),
            words,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.line)?;
        // A key in quotes may have any character, also one that a terminal obeys.
        for char in self.words.chars() {
            match char.is_control() {
                true => write!(f, "{}", char.escape_default())?,
                false => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

fn wrong_type(path: &str, value: &str) -> String {
    match Key::find(path) {
        Some(key) => ConfigError {
            key: path.to_owned(),
            value: value.to_owned(),
            allowed: key.allowed.to_string(),
            remedy: advice(key, value).unwrap_or_else(|| key.remedy.to_owned()),
        }
        .to_string(),
        None => {
            let allowed = match Section::find(path) {
                Some(section) if section.is_list => format!(
                    "a list of tables: write {}, and the keys of one below each",
                    section.heading()
                ),
                Some(_) | None => format!("a table: write [{path}], and its keys below it"),
            };
            format!("`{path}` is {value}; allowed is {allowed}")
        }
    }
}

pub(super) fn unknown(path: &[String]) -> String {
    let (name, section) = match path {
        [sections @ .., name] => (name.as_str(), sections),
        [] => ("", path),
    };
    let known = names_in(section);
    let lower = name.to_ascii_lowercase();
    let advice = match (nearest(&lower, known.iter().copied()), home_of(name)) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, Some(home)) => format!("it belongs under {}", heading(home)),
        (None, None) if section.is_empty() => {
            format!("there are the sections {}", known.join(", "))
        }
        (None, None) => {
            let heading = heading(&section.join("."));
            format!("{heading} has the keys {}", known.join(", "))
        }
    };
    format!("there is no key `{}`; {advice}", path.join("."))
}

/// How a file begins a section. A profile's has its name.
fn heading(section: &str) -> String {
    let (section, _) = places::name_and_place(section);
    Section::find(section).map_or_else(|| format!("[{section}]"), Section::heading)
}

/// Returns the names that a section has, in the order of the reference file.
pub(super) fn names_in(section: &[String]) -> Vec<&'static str> {
    let mut names: Vec<_> = Key::all()
        .filter_map(|key| {
            let mut parts = key.path.split('.');
            let is_in = section.iter().all(|name| {
                let (name, _) = places::name_and_place(name);
                parts
                    .next()
                    .is_some_and(|part| part == "NAME" || part == name)
            });
            parts.next().filter(|_| is_in)
        })
        .collect();
    names.dedup();
    names
}

/// Returns the section of the key with this name.
fn home_of(name: &str) -> Option<&'static str> {
    let homes = Key::all().filter_map(|key| key.path.rsplit_once('.'));
    homes
        .into_iter()
        .find(|(_, key)| *key == name)
        .map(|(home, _)| home)
}

pub(super) fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// Returns a value as the file has it, cut short.
fn source(text: &str, span: &Range<usize>) -> String {
    let value = one_line(text.get(span.clone()).unwrap_or_default());
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value,
    }
}

pub(super) fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A key whose value must never be shown.
pub(super) const SECRET: &str = "admin.token";
const SECRETS: &str = "admin";
const HIDDEN: &str = "something else";
const VALUE_CHARS_MAX: usize = 60;
