//! Every generated file is up to date with its source, and every rule asks only for things that exist.
#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::collections::BTreeSet;
use std::fs;

use lastword_generate::query::{Known, Labels};
use lastword_generate::{boards, generated, path_in_repository, rules};

#[test]
fn every_generated_file_is_as_its_source_makes_it() {
    for (path, text) in generated().unwrap() {
        let found = fs::read_to_string(path_in_repository(&path)).unwrap_or_default();
        assert!(
            found == text,
            "{path} is stale: run `cargo run -p lastword-generate` and look at the difference"
        );
    }
}

#[test]
fn every_dashboard_in_the_folder_is_generated() {
    let directory = fs::read_dir(path_in_repository("deploy/grafana/dashboards")).unwrap();
    let names = directory.map(|file| file.unwrap().file_name().into_string().unwrap());
    let made = boards::all().into_iter();
    let made: BTreeSet<_> = made.map(|board| format!("{}.json", board.uid)).collect();
    assert_eq!(names.collect::<BTreeSet<_>>(), made);
}

#[test]
fn every_rule_asks_for_metrics_that_there_are_and_tells_of_labels_that_it_has() {
    let rules = rules::all().unwrap();
    let known = Known::with_rules(&rules).unwrap();
    for rule in rules {
        let labels = known.check(&rule.expr).unwrap();
        for text in rule.annotations.values() {
            let told = labels_told(text);
            assert!(told.is_subset(&labels), "{}: {text}", rule.name());
        }
    }
}

/// The names that an annotation uses as `$labels.name`.
fn labels_told(text: &str) -> Labels {
    let words = text.split("$labels.").skip(1);
    words
        .map(|rest| {
            rest.split(|end: char| !end.is_alphanumeric() && end != '_')
                .next()
                .unwrap()
        })
        .map(str::to_owned)
        .collect()
}
