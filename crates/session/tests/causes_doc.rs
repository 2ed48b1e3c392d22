//! Checks the public reference of the causes, `docs/causes.md`, against the enum, in both directions.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::HashSet;
use std::path::Path;

use lastword_session::{Cause, Class, Initiator, Phase};

const HEADINGS: &str =
    "| Label | Code | Class | Initiator | Resumable | Advice | Phases | When exactly |";

fn document() -> String {
    read("docs/causes.md")
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of the table of causes, without its headings.
fn documented_rows(document: &str) -> Vec<&str> {
    let (_, table) = document.split_once(HEADINGS).expect("the table of causes");
    table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect()
}

/// The expected line of the table for `cause`.
fn expected_row(cause: Cause) -> String {
    let phases: Vec<_> = cause.phases().iter().map(|phase| phase.label()).collect();
    format!(
        "| `{}` | {} | `{}` | `{}` | `{}` | {} | {} | {} |",
        cause.label(),
        cause.code(),
        cause.class(),
        cause.initiator(),
        cause.resumable(),
        expected_advice(cause),
        if phases.len() == Phase::ALL.len() {
            "any".to_owned()
        } else {
            format!("`{}`", phases.join("`, `"))
        },
        cause.sentence(),
    )
}

fn expected_advice(cause: Cause) -> String {
    match cause.advice() {
        None => "–".to_owned(),
        Some(advice) if cause.advised_by_game() => format!("the game's, or `{advice}`"),
        Some(advice) => format!("`{advice}`"),
    }
}

/// The words in backquotes at the start of the list items of a section.
fn listed_in<'a>(document: &'a str, heading: &str) -> Vec<&'a str> {
    let (_, section) = document.split_once(heading).expect("the section");
    section
        .lines()
        .take_while(|line| !line.starts_with("## "))
        .filter_map(|line| line.strip_prefix("- `")?.split('`').next())
        .collect()
}

#[test]
fn every_cause_has_its_row_and_every_row_its_cause_in_the_order_of_the_codes() {
    let document = document();
    let rows = documented_rows(&document);
    for (row, cause) in rows.iter().zip(Cause::ALL) {
        assert_eq!(*row, expected_row(cause));
    }
    assert_eq!(rows.len(), Cause::ALL.len());
}

#[test]
fn the_sections_list_every_class_initiator_phase_and_silent_cause() {
    let document = document();
    let silent: Vec<_> = Cause::ALL
        .into_iter()
        .filter(|cause| cause.is_silent())
        .collect();
    assert_eq!(
        listed_in(&document, "\n## Classes\n"),
        Class::ALL.map(Class::label)
    );
    assert_eq!(
        listed_in(&document, "\n## Initiators\n"),
        Initiator::ALL.map(Initiator::label)
    );
    assert_eq!(
        listed_in(&document, "\n## Phases\n"),
        Phase::ALL.map(Phase::label)
    );
    assert_eq!(
        listed_in(&document, "\n## Silent causes\n"),
        silent.iter().map(|cause| cause.label()).collect::<Vec<_>>()
    );
}

#[test]
fn the_section_not_produced_yet_lists_exactly_those_causes() {
    let document = document();
    let (_, section) = document
        .split_once("\n## Not produced yet\n")
        .expect("the section");
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let listed: HashSet<_> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let missing = Cause::ALL.into_iter().filter(|cause| !cause.is_produced());
    assert_eq!(listed, missing.map(Cause::label).collect());
}

#[test]
fn labels_are_unique_snake_case_and_codes_are_unique_and_rise() {
    let labels: HashSet<_> = Cause::ALL.into_iter().map(Cause::label).collect();
    assert_eq!(labels.len(), Cause::ALL.len());
    for label in labels {
        let words = label.split('_');
        let snake_case = words
            .clone()
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        assert!(snake_case, "{label}");
    }
    assert!(Cause::ALL.map(Cause::code).is_sorted_by(|a, b| a < b));
}
