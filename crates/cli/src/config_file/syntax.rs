//! Explains the parser's errors. The parser names no key and no remedy, so this code finds the key by the line.

use std::ops::Range;

use lastword_server::Key;

use super::advice::advice;
use super::problem::{Problem, SECRET, line_of, one_line, unknown};

/// Reports every error of the parser, but at most one for each line of the file.
pub(super) fn problems(text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    if text.trim_start().starts_with('{') {
        let words = "this is JSON, and a configuration is TOML: write [section] lines, and `key = value` below them";
        return vec![Problem::new(1, words.to_owned())];
    }
    let outline = Outline::of(text);
    let mut problems: Vec<Problem> = Vec::new();
    for error in errors {
        let span = error.span().unwrap_or_default();
        let line = line_of(text, span.start);
        if problems.iter().any(|problem| problem.line == line) {
            continue;
        }
        let words = if error.message().starts_with(DUPLICATE) {
            outline.duplicate(text, line, &span)
        } else {
            outline.at(line).and_then(|entry| entry.misfit(error))
        };
        let words = words.unwrap_or_else(|| one_line(error.message()));
        problems.push(Problem::new(line, words));
    }
    problems
}

/// The lines of a file that name a key or a section, as far as that is clear without a parser.
struct Outline<'t>(Vec<Entry<'t>>);

struct Entry<'t> {
    line: usize,
    path: String,
    content: Content<'t>,
}

#[derive(Clone, Copy)]
enum Content<'t> {
    /// A heading.
    Section,
    /// The text behind the equals sign.
    Value(&'t str),
    /// There is no equals sign. If a colon follows the name, this is the text behind it.
    NoValue(Option<&'t str>),
    /// A comment in the syntax of another language.
    Comment,
}

impl<'t> Outline<'t> {
    fn of(text: &'t str) -> Self {
        let mut section = String::new();
        let lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
        let entries = lines.filter_map(|(text, line)| {
            let text = text.trim();
            if text.starts_with('[') {
                section = path(text.trim_matches(['[', ']']));
                return Some(Entry {
                    line,
                    path: section.clone(),
                    content: Content::Section,
                });
            }
            if text.is_empty() || text.starts_with('#') {
                return None;
            }
            if text.starts_with([';', '/']) {
                let (path, content) = (String::new(), Content::Comment);
                return Some(Entry {
                    line,
                    path,
                    content,
                });
            }
            let (key, content) = match (text.split_once('='), text.split_once(':')) {
                (Some((key, value)), _) => (key, Content::Value(value.trim())),
                (None, Some((key, value))) => (key, Content::NoValue(Some(value.trim()))),
                (None, None) => (text, Content::NoValue(None)),
            };
            let key = path(key);
            let path = if section.is_empty() {
                key
            } else {
                format!("{section}.{key}")
            };
            Some(Entry {
                line,
                path,
                content,
            })
        });
        Self(entries.collect())
    }

    fn at(&self, line: usize) -> Option<&Entry<'t>> {
        self.0.iter().find(|entry| entry.line == line)
    }

    /// The name is also in an earlier line: as a key, as a heading or as the beginning of other keys.
    fn duplicate(&self, text: &str, line: usize, span: &Range<usize>) -> Option<String> {
        let here = self.at(line)?;
        let name = path(text.get(span.clone()).unwrap_or_default());
        let is_inside = !here.path.ends_with(&name);
        let path = if is_inside {
            format!("{}.{name}", here.path)
        } else {
            here.path.clone()
        };
        let mut before = self.0.iter().take_while(|entry| entry.line < line);
        let begins = |entry: &&Entry<'_>| {
            let rest = entry.path.strip_prefix(&path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let first = before.find(begins).map_or(line, |entry| entry.line);
        Some(match here.content {
            Content::Section => format!(
                "{DUPLICATE}: [{path}] is already in line {first}; put all keys under one of the two"
            ),
            Content::Comment => return None,
            Content::Value(_) | Content::NoValue(_) if first == line => {
                format!("{DUPLICATE} `{path}`: it is in this line twice; remove one of them")
            }
            Content::Value(_) | Content::NoValue(_) => {
                format!("{DUPLICATE} `{path}`: it is already in line {first}; remove one of them")
            }
        })
    }
}

impl Entry<'_> {
    /// Names the key, and says what is wrong with its value.
    fn misfit(&self, error: &toml::de::Error) -> Option<String> {
        let path = &self.path;
        let Some(key) = Key::find(path) else {
            return self.unknown();
        };
        let value = match self.content {
            Content::Section | Content::Comment => return None,
            Content::NoValue(None) => {
                return Some(format!(
                    "`{path}` has no value; allowed is {}: write one behind `=`",
                    key.allowed
                ));
            }
            Content::NoValue(Some(_)) => {
                return Some(format!(
                    "`{path}` has no value: write `=` instead of the colon"
                ));
            }
            Content::Value("") => {
                return Some(format!(
                    "`{path}` has no value; allowed is {}: {LEAVE_OUT}",
                    key.allowed
                ));
            }
            Content::Value(value) => value.split('#').next().unwrap_or(value).trim(),
        };
        if NULLS.contains(&value.to_ascii_lowercase().as_str()) {
            return Some(format!(
                "`{path}` is {value}, which TOML does not have: {LEAVE_OUT}"
            ));
        }
        if !is_bare(value) {
            let why = misquoted(value).map_or_else(|| one_line(error.message()), str::to_owned);
            return Some(format!("`{path}` cannot be read: {why}"));
        }
        let remedy = advice(key, value).unwrap_or_else(|| key.remedy.to_owned());
        let shown = if path == SECRET {
            "without quotes"
        } else {
            value
        };
        Some(format!(
            "`{path}` is {shown}; allowed is {}: {remedy}",
            key.allowed
        ))
    }

    /// Explains a line whose key is not known.
    fn unknown(&self) -> Option<String> {
        let names: Vec<_> = self.path.split('.').map(str::to_owned).collect();
        match self.content {
            Content::Value(value) if is_bare(value) && !names.iter().any(String::is_empty) => {
                Some(unknown(&names))
            }
            Content::NoValue(Some(_)) => Some(
                "this is not TOML: write [section] for a section, and `key = value` below it"
                    .to_owned(),
            ),
            Content::Comment => Some("a comment begins with `#`".to_owned()),
            Content::Section | Content::Value(_) | Content::NoValue(None) => None,
        }
    }
}

/// Whether a value is a plain word, without quotes or brackets. In that case the word itself is
/// wrong.
fn is_bare(value: &str) -> bool {
    let is_address = value.starts_with('[') && value.contains("]:");
    is_address || !value.starts_with(['"', '\'', '[', '{'])
}

/// Tells how to correct a value that begins with a quote and is not a TOML string.
fn misquoted(value: &str) -> Option<&'static str> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = value.get(1..)?;
    if value.contains(|c: char| c.is_control() && c != '\t') {
        return Some("it has a control character: remove it");
    }
    match inner.strip_suffix(quote) {
        None if !inner.contains(quote) => Some("its closing quote is missing: write one"),
        None => None,
        Some(inner) => (quote == '"' && inner.contains('\\')).then_some(
            "a backslash begins an escape in double quotes: write the value in single quotes",
        ),
    }
}

/// Returns the name of a key without its quotes and without the spaces around its dots.
fn path(key: &str) -> String {
    let names = key
        .split('.')
        .map(|name| name.trim().trim_matches(['"', '\'']));
    names.collect::<Vec<_>>().join(".")
}

const DUPLICATE: &str = "duplicate key";
const LEAVE_OUT: &str = "leave the key out to use its default";
const NULLS: [&str; 5] = ["null", "nil", "none", "undefined", "~"];
