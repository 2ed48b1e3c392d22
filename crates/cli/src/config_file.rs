//! Reads a configuration file and reports all its errors at once, one on each line. A line has the place, the key,
//! its value, the allowed values, and the remedy.

mod advice;
mod nearest;
mod places;
mod problem;
mod syntax;
#[cfg(test)]
mod tests;
mod token;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use lastword::Config;
use lastword::config::ConfigWarning;
use lastword::evidence::OsError;
use lastword_server::Section;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use problem::Problem;

/// A file without errors.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// Values that are allowed but probably unwise, one on each line.
    pub(crate) warnings: Vec<String>,
}

/// Reads, parses and checks a file, and the token file and the certificates that it names.
///
/// # Errors
/// Returns one line for each error.
pub(crate) fn load(path: &Path) -> Result<Loaded, Vec<String>> {
    let name = path.display().to_string();
    let bytes = read(path).map_err(|why| vec![format!("{name}: {why}")])?;
    check(&name, &bytes)
}

/// Parses and checks the bytes of the file with this name.
///
/// # Errors
/// Returns one line for each error.
pub(crate) fn check(name: &str, bytes: &[u8]) -> Result<Loaded, Vec<String>> {
    let problems = match std::str::from_utf8(bytes) {
        Ok(text) => match parse(text) {
            Ok((config, warnings)) => {
                let warnings = warnings
                    .iter()
                    .map(|words| format!("{name}: warning: {words}"));
                let warnings = warnings.collect();
                return Ok(Loaded { config, warnings });
            }
            Err(problems) => problems,
        },
        Err(error) => vec![Problem::not_utf8(bytes, error.valid_up_to())],
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
            "longer than {FILE_BYTES_MAX} bytes: this is not a configuration file"
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

/// Parses and checks the text of a file. Returns the configuration with its warnings.
fn parse(text: &str) -> Result<(Config, Vec<String>), Vec<Problem>> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(in_order(syntax::problems(text, &errors)));
    }
    let whole = table.clone();
    let mut problems = make_lists(text, table.get_mut());
    problems.extend(take_out_lists(text, table.get_mut()));
    let (config, misfits) = take_what_fits(text, table);
    problems.extend(misfits);
    let mut broken = config.validate().err().unwrap_or_default();
    let of_certificates = config.check_certificates().unwrap_or_else(|errors| {
        broken.extend(errors);
        Vec::new()
    });
    broken.extend(token::error(&config));
    let broken = broken
        .iter()
        .map(|error| Problem::rule(text, whole.get_ref(), error));
    // A key that was left out above has its default by now, so an error on its line is already
    // reported.
    let known: Vec<_> = problems.iter().map(|problem| problem.line).collect();
    problems.extend(broken.filter(|problem| !known.contains(&problem.line)));
    if problems.is_empty() {
        let warnings = config.warnings().into_iter().chain(of_certificates);
        let warnings = warnings.chain(token::warning(&config));
        let warnings = warnings.map(|warning| with_line(text, whole.get_ref(), &warning));
        Ok((config, warnings.collect()))
    } else {
        Err(in_order(problems))
    }
}

fn with_line(text: &str, table: &DeTable<'_>, warning: &ConfigWarning) -> String {
    match places::find(table, &warning.key) {
        Some((span, true)) => format!("{warning} (line {})", problem::line_of(text, span.start)),
        Some((_, false)) | None => warning.to_string(),
    }
}

/// Turns each section that must be a list of tables, but is a single table, into a list. So its keys are checked,
/// too.
fn make_lists(text: &str, table: &mut DeTable<'_>) -> Vec<Problem> {
    let names = Section::ALL.iter().filter(|section| section.is_list);
    let places = names.filter_map(|section| places::make_list(table, section.path));
    places.map(|place| Problem::misfit(text, &place)).collect()
}

/// Takes out each section that is a list of values. Serde would use the list's values as the table's values, in order.
fn take_out_lists(text: &str, table: &mut DeTable<'_>) -> Vec<Problem> {
    let lists = places::lists(table, &|path| !problem::names_in(path).is_empty());
    let problems = lists
        .iter()
        .map(|place| Problem::misfit(text, place))
        .collect();
    for place in &lists {
        places::remove(table, &place.path);
    }
    problems
}

fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// Converts the table to a configuration. Each pass takes out the first key that does not fit, because serde stops at
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
            problems.push(Problem::nameless(text, &error));
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
