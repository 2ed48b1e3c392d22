//! `docs/runbook.md`: its entries, the targets of links to them, and the part that the live page shows.

use std::fs;

use anyhow::{Context, ensure};
use lastword_server::Cause;
use serde::Serialize;

/// The page to which each alert links.
pub const URL: &str = "https://github.com/lastword-rs/lastword/blob/main/docs/runbook.md#";

/// An entry: its heading and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The cause or the alert that it explains.
    pub name: String,
    /// The text of the entry.
    pub text: String,
}

impl Entry {
    /// Returns the anchor that GitHub makes of the heading.
    #[must_use]
    pub fn anchor(&self) -> String {
        self.name.to_lowercase()
    }
}

/// Returns the entries of the runbook, in order.
///
/// # Errors
/// The file is missing.
pub fn entries() -> anyhow::Result<Vec<Entry>> {
    let path = "docs/runbook.md";
    let text = fs::read_to_string(crate::path_in_repository(path)).context(path)?;
    Ok(split(&text))
}

/// The live page's texts about the causes, generated from the runbook's entries, because the page's crate must not
/// depend on other files.
pub const PAGE: &str = "crates/admin/assets/causes.json";

/// A cause's entry, as the page shows it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Explanation {
    cause: String,
    /// Its class and its initiator.
    lead: String,
    parts: Vec<Part>,
}

/// One labelled answer of an entry.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Part {
    title: String,
    /// One paragraph, with `code` and *quoted words*.
    text: String,
}

/// Returns the text of [`PAGE`].
///
/// # Errors
/// The runbook is missing, or an entry contains something that the page cannot show.
pub fn page() -> anyhow::Result<String> {
    let entries = entries()?.into_iter();
    let of_causes = entries.filter(|entry| Cause::from_label(&entry.name).is_some());
    let explanations: Vec<_> = of_causes.map(explanation).collect::<Result<_, _>>()?;
    Ok(serde_json::to_string_pretty(&explanations)? + "\n")
}

fn explanation(entry: Entry) -> anyhow::Result<Explanation> {
    let Entry { name: cause, text } = entry;
    let mut paragraphs = text.split("\n\n").map(|lines| lines.replace('\n', " "));
    let lead = paragraphs.next().unwrap_or_default();
    let parts = paragraphs.map(|paragraph| {
        let bold = paragraph
            .strip_prefix("**")
            .and_then(|rest| rest.split_once("** "));
        let (title, text) = bold.with_context(|| format!("{cause}: no title in {paragraph:?}"))?;
        let plain = !text.contains("](") && !text.contains("**");
        ensure!(
            plain,
            "{cause}: the page shows no links and no bold words: {text:?}"
        );
        Ok(Part {
            title: title.to_owned(),
            text: text.to_owned(),
        })
    });
    let parts = parts.collect::<anyhow::Result<_>>()?;
    Ok(Explanation { cause, lead, parts })
}

fn split(text: &str) -> Vec<Entry> {
    let sections = text.split("\n### ").skip(1);
    sections
        .map(|section| {
            let (heading, text) = section.split_once('\n').unwrap_or((section, ""));
            let text = text.split("\n## ").next().unwrap_or_default();
            Entry {
                name: heading.trim_matches('`').to_owned(),
                text: text.trim().to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_the_answers_of_an_entry_and_refuses_what_it_cannot_show() {
        let entry = |text: &str| Entry {
            name: "idle".to_owned(),
            text: text.to_owned(),
        };
        let shown = explanation(entry(
            "Class `normal`.\n\n**What it means.** It said\n*bye*.\n\n**When to worry.** Never.",
        ));
        let part = |title: &str, text: &str| Part {
            title: title.to_owned(),
            text: text.to_owned(),
        };
        let expected = Explanation {
            cause: "idle".to_owned(),
            lead: "Class `normal`.".to_owned(),
            parts: vec![
                part("What it means.", "It said *bye*."),
                part("When to worry.", "Never."),
            ],
        };
        assert_eq!(shown.unwrap(), expected);
        for text in ["A.\n\nNo title.", "A.\n\n**Why.** See [there](x.md)."] {
            assert!(explanation(entry(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn an_entry_ends_where_the_next_heading_begins() {
        let entries = split(
            "# Runbook\n\n## Causes\n\n### `peer_fin`\n\nIt left.\n\n## Alerts\n\nAll.\n\n### LastwordDefect\n\nWake up.\n",
        );
        let expected = [("peer_fin", "It left."), ("LastwordDefect", "Wake up.")];
        let expected = expected.map(|(name, text)| Entry {
            name: name.to_owned(),
            text: text.to_owned(),
        });
        assert_eq!(entries, expected);
        let anchors: Vec<_> = entries.iter().map(Entry::anchor).collect();
        assert_eq!(anchors, ["peer_fin", "lastworddefect"]);
    }
}
