//! Compares the storm's scenarios and its document with the code.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers stand outside the test functions that the lint exempts"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lastword_load::{Scenario, Way};

fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap()
}

fn ways(path: &str) -> BTreeSet<&'static str> {
    let scenario = Scenario::parse(&file(path)).unwrap();
    let taken = scenario.ways.iter().filter(|(_, weight)| *weight > 0);
    taken.map(|(way, _)| way.name).collect()
}

#[test]
fn every_ending_has_every_way_and_smoke_those_that_wait_for_no_timeout() {
    let every: BTreeSet<_> = Way::all().map(|way| way.name).collect();
    assert_eq!(ways("config/storm/every-ending.toml"), every);
    let waits = ["hello_timeout", "auth_timeout", "frame_timeout"];
    let short = every.into_iter().filter(|way| !waits.contains(way));
    assert_eq!(ways("config/storm/smoke.toml"), short.collect());
}

#[test]
fn the_document_has_every_way_as_the_code_has_it() {
    let document = file("docs/storm.md");
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<_> = rows.skip_while(|line| !line.contains("`probe`")).collect();
    let expected: Vec<_> = Way::all()
        .map(|way| {
            let (name, does, truth) = (way.name, way.does, way.truth);
            let mark = if way.needs_the_game { " *" } else { "" };
            let (cause, phase) = (truth.cause, truth.phase);
            format!("| `{name}`{mark} | {does} | `{cause}` in {phase} |")
        })
        .collect();
    assert_eq!(rows, expected);
}
