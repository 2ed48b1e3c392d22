//! `docs/hostile-peers.md` lists each fault once, and each test, cause and metric that it names exists.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is the test's failure"
)]

use std::collections::BTreeSet;
use std::path::Path;

use lastword_server::Cause;

const DOCUMENT: &str = include_str!("../../docs/hostile-peers.md");
const METRICS: &str = include_str!("../../docs/metrics.md");
/// The faults of the catalogue.
const FAULTS: usize = 44;

#[test]
fn each_fault_is_in_one_of_the_tables() {
    let mut numbers: Vec<usize> = rows().filter_map(|row| row.first()?.parse().ok()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=FAULTS).collect::<Vec<_>>());
}

#[test]
fn each_test_cause_and_metric_of_a_fault_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut tests = BTreeSet::new();
    for folder in ["crates", "tests"] {
        add_tests(&root.join(folder), &mut tests);
    }
    for row in rows() {
        let tested = row.len() == TESTED_COLUMNS;
        let mut tests_of_row = 0;
        for name in row
            .iter()
            .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        {
            let is_cause = Cause::ALL.iter().any(|cause| cause.label() == name);
            let is_metric = METRICS.contains(&format!("| `{name}` |"));
            let is_test = tests.contains(name);
            let is_other = name == "kill -9" || name.starts_with("net.ipv4.");
            assert!(is_cause || is_metric || is_test || is_other, "{name}");
            tests_of_row += usize::from(is_test);
        }
        assert!(!tested || tests_of_row > 0, "without a test: {row:?}");
    }
}

/// The cells of each row that begins with the number of a fault.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let rows = DOCUMENT.lines().filter_map(|line| {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        Some(cells.split(" | ").collect::<Vec<_>>())
    });
    rows.filter(|row| {
        row.first()
            .is_some_and(|cell| cell.parse::<usize>().is_ok())
    })
}

/// Adds the names of the test functions in a folder.
fn add_tests(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            add_tests(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a file of Rust");
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                let signature = line.strip_prefix("async ").unwrap_or(line);
                if let Some((name, _)) = signature
                    .strip_prefix("fn ")
                    .and_then(|rest| rest.split_once('('))
                {
                    if is_test {
                        tests.insert(name.to_owned());
                    }
                    is_test = false;
                }
                // A property test has its attribute on the function, too.
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            }
        }
    }
}

/// Number, fault, test, cause and counter.
const TESTED_COLUMNS: usize = 5;
