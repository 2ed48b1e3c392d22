//! Compares `config/lastword.toml` and the table of the configuration with the types.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails at once")]

use std::collections::BTreeSet;

use lastword::Config;
use lastword_server::{Key, Section};

const REFERENCE: &str = include_str!("../../../config/lastword.toml");

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

/// The keys of a section, from serde's error about an unknown key.
fn fields(heading: &str) -> BTreeSet<String> {
    let file = format!("{heading}\nno_such_key = 0");
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
fn the_table_has_every_key_and_no_other() {
    let mut known = BTreeSet::new();
    for section in Section::ALL {
        let keys = fields(&section.heading().replace("NAME", "my_game"));
        known.extend(keys.iter().map(|key| format!("{}.{key}", section.path)));
    }
    assert!(known.remove("liveness.profiles"));
    let table: BTreeSet<_> = Key::all().map(|key| key.path.to_owned()).collect();
    assert_eq!(table, known);

    let sections = Section::ALL.iter().map(|section| section.path);
    let sections = sections.filter(|path| !path.contains("NAME"));
    assert_eq!(
        sections.map(str::to_owned).collect::<BTreeSet<_>>(),
        fields("")
    );
}
