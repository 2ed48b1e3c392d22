//! Runs Prometheus' own tool over `deploy/prometheus`. Each alert has a test in which it fires and one in which it does
//! not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use lastword_generate::{path_in_repository, rules};
use lastword_netlab::Skip;
use serde::Deserialize;

/// Runs promtool in `deploy/prometheus`.
fn promtool(test: &str, args: &[&str]) {
    let mut command = Command::new("promtool");
    command
        .args(args)
        .current_dir(path_in_repository("deploy/prometheus"));
    match command.output() {
        Err(error) => {
            let why = format!("no promtool ({error}): scripts/setup.sh installs it");
            Skip::new(&why).report(test).unwrap();
        }
        Ok(output) => {
            let told = [output.stdout, output.stderr].concat();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&told)
            );
        }
    }
}

#[test]
fn the_configuration_and_the_rules_are_good() {
    promtool(
        "promtool check config",
        &["check", "config", "prometheus.yml"],
    );
}

#[test]
fn the_scrape_with_a_token_in_the_deployment_guide_is_good() {
    let guide = fs::read_to_string(path_in_repository("deploy/README.md")).unwrap();
    let (_, rest) = guide.split_once("  ```yaml\n").unwrap();
    let (example, _) = rest.split_once("  ```\n").unwrap();
    let lines = example.lines().map(|line| line.strip_prefix("  ").unwrap());
    let example: String = lines.map(|line| format!("{line}\n")).collect();
    assert!(example.contains("authorization:"), "{example}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scrape_with_a_token.yml");
    fs::write(&path, example).unwrap();
    // The token file does not exist here.
    let path = path.to_str().unwrap();
    promtool(
        "promtool check of the example",
        &["check", "config", "--syntax-only", path],
    );
}

#[test]
fn each_alert_fires_where_it_should_and_stays_silent_where_it_should() {
    promtool(
        "promtool test rules",
        &["test", "rules", "tests/alerts.yml"],
    );
}

#[test]
fn each_alert_has_a_test_of_both_kinds() {
    let path = path_in_repository("deploy/prometheus/tests/alerts.yml");
    let text = fs::read_to_string(path).unwrap();
    let file: File = serde_norway::from_str(&text).unwrap();
    let mut tested: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for case in file.tests.into_iter().flat_map(|test| test.alert_rule_test) {
        let fires = tested.entry(case.alertname).or_default();
        fires.push(!case.exp_alerts.is_empty());
    }
    for alert in rules::all()
        .unwrap()
        .into_iter()
        .filter_map(|rule| rule.alert)
    {
        let fires = tested.remove(&alert).expect(&alert);
        assert!(
            fires.contains(&true) && fires.contains(&false),
            "{alert}: {fires:?}"
        );
    }
    assert_eq!(
        tested,
        BTreeMap::new(),
        "tests of alerts that there are not"
    );
}

#[derive(Deserialize)]
struct File {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    alert_rule_test: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<serde_json::Value>,
}
