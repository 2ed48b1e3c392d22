//! `docs/runbook.md`: which entries it has, and where a link to one leads.

use std::fs;

use anyhow::Context;

/// Where each alert's link leads to.
pub const URL: &str = "https://github.com/lastword-rs/lastword/blob/main/docs/runbook.md#";

/// An entry: its heading, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The cause or the alert.
    pub name: String,
    /// What is said about it.
    pub text: String,
}

impl Entry {
    /// The anchor that GitHub makes of the heading.
    #[must_use]
    pub fn anchor(&self) -> String {
        self.name.to_lowercase()
    }
}

/// The entries of the runbook, in order.
///
/// # Errors
/// It is not there.
pub fn entries() -> anyhow::Result<Vec<Entry>> {
    let path = "docs/runbook.md";
    let text = fs::read_to_string(crate::path_in_repository(path)).context(path)?;
    Ok(split(&text))
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
