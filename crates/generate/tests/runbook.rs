//! The runbook has an entry for each cause and each alert, and no others; each alert links to its own entry.
#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use lastword_generate::rules::{self, Rule};
use lastword_generate::runbook::{self, Entry, URL};
use lastword_session::Cause;

/// The parts of each entry of a cause, in this order.
const OF_A_CAUSE: [&str; 4] = [
    "**What it means.**",
    "**What the player saw.**",
    "**What to check.**",
    "**When to worry.**",
];
const OF_AN_ALERT: [&str; 3] = ["**What it means.**", "**What to do.**", "**False alarms.**"];

fn alerts() -> Vec<Rule> {
    let rules = rules::all().unwrap().into_iter();
    rules.filter(|rule| rule.alert.is_some()).collect()
}

#[test]
fn the_entries_are_every_alert_and_every_cause_in_their_order() {
    let entries = runbook::entries().unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let alerts = alerts();
    let alerts = alerts.iter().map(Rule::name);
    let expected: Vec<_> = alerts.chain(Cause::ALL.map(Cause::label)).collect();
    assert_eq!(names, expected);
}

#[test]
fn every_entry_answers_the_same_questions_and_says_the_class_of_its_cause() {
    for entry in runbook::entries().unwrap() {
        let Some(cause) = Cause::from_label(&entry.name) else {
            assert_answers(&entry, &OF_AN_ALERT);
            continue;
        };
        assert_answers(&entry, &OF_A_CAUSE);
        let later = if cause.is_produced() {
            ""
        } else {
            ", not produced yet"
        };
        let first = format!(
            "Class `{}`, initiator `{}`{later}.",
            cause.class(),
            cause.initiator()
        );
        assert!(entry.text.starts_with(&first), "{}: {first}", entry.name);
    }
}

fn assert_answers(entry: &Entry, questions: &[&str]) {
    let paragraphs = entry.text.split('\n').filter(|line| line.starts_with("**"));
    let asked: Vec<_> = paragraphs
        .map(|line| line.split_inclusive("**").take(2).collect::<String>())
        .collect();
    assert_eq!(asked, questions, "{}", entry.name);
}

#[test]
fn every_alert_has_a_severity_two_sentences_and_the_way_to_its_entry() {
    let anchors: Vec<_> = runbook::entries()
        .unwrap()
        .iter()
        .map(Entry::anchor)
        .collect();
    for alert in alerts() {
        let severity = alert.labels.get("severity").map(String::as_str);
        assert!(
            matches!(severity, Some("critical" | "warning")),
            "{alert:?}"
        );
        for annotation in ["summary", "description"] {
            assert!(alert.annotations.contains_key(annotation), "{alert:?}");
        }
        let url = alert.annotations.get("runbook_url").unwrap();
        let anchor = url.strip_prefix(URL).unwrap();
        assert_eq!(anchor, alert.name().to_lowercase());
        assert!(anchors.iter().any(|known| known == anchor), "{url}");
    }
}
