//! Compares `config/lastword.toml` with the code: its values are the defaults, and its comments explain every key as
//! the code does.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails at once"
)]

use std::collections::BTreeSet;

use lastword::{Cause, Config, Key};

const REFERENCE: &str = include_str!("../../../config/lastword.toml");

/// A key of the file: its path, its value and the comment above it.
struct Entry {
    path: String,
    value: String,
    comment: Vec<String>,
}

impl Entry {
    /// Returns the text in the comment between this word and the full stop.
    fn told(&self, word: &str) -> &str {
        let told = self
            .comment
            .iter()
            .find_map(|line| line.split_once(word))
            .map(|(_, rest)| rest);
        let told = told.unwrap_or_else(|| panic!("{} tells no {word:?}", self.path));
        let end = told.find(". ").unwrap_or(told.len());
        told[..end].trim_end_matches('.')
    }
}

/// The file with its commented examples switched on.
fn with_examples() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    REFERENCE.lines().map(on).collect::<Vec<_>>().join("\n")
}

fn entries(file: &str) -> Vec<Entry> {
    let (mut section, mut comment, mut entries) = (String::new(), Vec::new(), Vec::new());
    for line in file.lines() {
        if let Some(words) = line.strip_prefix("# ") {
            comment.push(words.to_owned());
        } else if let Some((key, value)) = line.split_once(" = ") {
            entries.push(Entry {
                path: format!("{section}.{key}"),
                value: value.to_owned(),
                comment: std::mem::take(&mut comment),
            });
        } else {
            comment.clear();
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']').to_owned();
            }
        }
    }
    entries
}

/// The keys of a section, from serde's error about an unknown key.
fn fields(section: &str) -> BTreeSet<String> {
    let file = match section {
        "" => "no_such_key = 0".to_owned(),
        section => format!("[{section}]\nno_such_key = 0"),
    };
    let error = toml::from_str::<Config>(&file).unwrap_err();
    let (_, expected) = error.message().split_once("expected ").unwrap();
    let names = expected.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn the_reference_file_is_the_defaults() {
    let config: Config = toml::from_str(REFERENCE).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn its_example_is_a_valid_profile_that_changes_nothing() {
    let config: Config = toml::from_str(&with_examples()).unwrap();
    assert_eq!(config.validate(), Ok(()));
    let profiles = config.profiles();
    let mine = profiles
        .iter()
        .find(|profile| profile.name.as_str() == "my_game")
        .unwrap();
    let mut standard = Config::default().default_profile();
    standard.name = mine.name;
    assert_eq!(*mine, standard);
    let every_key_is_given = format!("{:?}", config.liveness.profiles);
    assert!(!every_key_is_given.contains("None"), "{every_key_is_given}");
}

#[test]
fn it_has_every_key_and_no_other() {
    let file: Vec<_> = entries(&with_examples())
        .into_iter()
        .map(|entry| entry.path)
        .collect();
    let table: Vec<_> = Key::ALL
        .iter()
        .map(|key| key.path.replace("NAME", "my_game"))
        .collect();
    assert_eq!(file, table);

    let mut code = BTreeSet::new();
    for section in fields("") {
        code.extend(
            fields(&section)
                .iter()
                .map(|key| format!("{section}.{key}")),
        );
    }
    assert!(code.remove("liveness.profiles"));
    let profile = fields("liveness.profiles.my_game");
    code.extend(
        profile
            .iter()
            .map(|key| format!("liveness.profiles.my_game.{key}")),
    );
    assert_eq!(file.into_iter().collect::<BTreeSet<_>>(), code);
}

#[test]
fn every_key_is_explained_as_the_code_has_it() {
    for entry in entries(&with_examples()) {
        let key = Key::find(&entry.path).unwrap();
        assert!(entry.comment.len() >= 4, "{} is not explained", entry.path);
        assert!(!entry.told("Unit: ").is_empty());
        assert_eq!(entry.told("Default: "), entry.value, "{}", entry.path);
        assert_eq!(
            entry.told("Allowed: "),
            key.allowed.to_string(),
            "{}",
            entry.path
        );
    }
}

#[test]
fn every_cause_that_it_names_is_one() {
    let is_cause = |label: &str| Cause::ALL.iter().any(|cause| cause.label() == label);
    let (mut named, mut without) = (0, 0);
    for entry in entries(&with_examples()) {
        let causes = entry.told("Causes: ");
        if causes.starts_with("none") {
            without += 1;
            continue;
        }
        let labels = causes.split(", ").filter(|label| !label.contains(' '));
        for label in labels {
            assert!(is_cause(label), "{}: {label}", entry.path);
            named += 1;
        }
    }
    assert!(named > 20 && without > 5, "{named} {without}");
}
