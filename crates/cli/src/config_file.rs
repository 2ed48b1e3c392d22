//! Reads a configuration file and says all that is wrong with it at once: a line each, with the place, the key, its
//! value, what is allowed, and what to do.

mod nearest;
mod places;
mod problem;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use lastword::{Config, OsError};
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use problem::Problem;

/// Reads, parses and checks a file.
///
/// # Errors
/// A line for each thing that is wrong.
pub(crate) fn load(path: &Path) -> Result<Config, Vec<String>> {
    let name = path.display();
    let bytes = read(path).map_err(|why| vec![format!("{name}: {why}")])?;
    let problems = match std::str::from_utf8(&bytes) {
        Ok(text) => match parse(text) {
            Ok(config) => return Ok(config),
            Err(problems) => problems,
        },
        Err(error) => vec![Problem::not_utf8(&bytes, error.valid_up_to())],
    };
    let lines = problems.iter().map(|problem| format!("{name}:{problem}"));
    Err(lines.collect())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(why(&error)),
        Ok(len) if u64::try_from(len).is_ok_and(|len| len <= FILE_BYTES_MAX) => Ok(bytes),
        Ok(_) => Err(format!(
            "longer than {FILE_BYTES_MAX} bytes: this is no configuration"
        )),
    }
}

fn why(error: &io::Error) -> String {
    let words = UNREADABLE
        .iter()
        .find(|(kind, _)| *kind == error.kind())
        .map(|(_, words)| *words);
    words.map_or_else(
        || format!("cannot be read: {}", OsError::in_words(error)),
        str::to_owned,
    )
}

/// Parses and checks the text of a file.
fn parse(text: &str) -> Result<Config, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let problems = errors.iter().map(|error| Problem::syntax(text, error));
        return Err(in_order(problems.collect()));
    }
    let (config, mut problems) = take_what_fits(text, table.clone());
    let broken = config.validate().err().unwrap_or_default();
    let broken = broken
        .iter()
        .map(|error| Problem::rule(text, table.get_ref(), error));
    // A key that was left out above has its default by now: what is wrong with that is no news.
    let known: Vec<_> = problems.iter().map(|problem| problem.line).collect();
    problems.extend(broken.filter(|problem| !known.contains(&problem.line)));
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(in_order(problems))
    }
}

fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// Takes the table for a configuration without each key that does not fit, one after the other, as serde stops at
/// the first.
fn take_what_fits(text: &str, mut table: Spanned<DeTable<'_>>) -> (Config, Vec<Problem>) {
    let mut problems = Vec::new();
    while problems.len() < PROBLEMS_MAX {
        let error = match Config::deserialize(Deserializer::from(table.clone())) {
            Ok(config) => return (config, problems),
            Err(error) => error,
        };
        let place = error
            .span()
            .and_then(|span| places::of(table.get_ref(), &span));
        let Some(place) = place else {
            problems.push(Problem::syntax(text, &error));
            break;
        };
        problems.push(Problem::misfit(text, &place));
        places::remove(table.get_mut(), &place.path);
    }
    (Config::default(), problems)
}

const FILE_BYTES_MAX: u64 = 1024 * 1024;
const PROBLEMS_MAX: usize = 100;

const UNREADABLE: [(io::ErrorKind, &str); 3] = [
    (
        io::ErrorKind::NotFound,
        "there is no such file: check the path",
    ),
    (
        io::ErrorKind::IsADirectory,
        "this is a directory: name the TOML file in it",
    ),
    (
        io::ErrorKind::PermissionDenied,
        "not permitted: let this user read it",
    ),
];
