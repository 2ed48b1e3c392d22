//! The recording rules and alerts in `deploy/prometheus`, as data.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;
use serde::Deserialize;

/// One rule. Its name is either a recorded series or an alert.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The series that it records.
    pub record: Option<String>,
    /// The alert that it raises.
    pub alert: Option<String>,
    /// The query.
    pub expr: String,
    /// How long the condition must hold before the alert fires.
    #[serde(rename = "for")]
    pub lasting: Option<String>,
    /// How long the alert keeps firing after the condition has ended.
    pub keep_firing_for: Option<String>,
    /// The labels that it adds.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The texts for the person who is called.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Rule {
    /// The rule's name.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = self.record.as_deref().or(self.alert.as_deref());
        name.unwrap_or_default()
    }
}

/// Returns every rule, the recording rules first.
///
/// # Errors
/// A file is missing, or does not contain rules.
pub fn all() -> anyhow::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for name in ["recording", "alerts"] {
        let path = format!("deploy/prometheus/rules/{name}.yml");
        let text = fs::read_to_string(crate::path_in_repository(&path)).context(path.clone())?;
        let file: File = serde_norway::from_str(&text).context(path)?;
        rules.extend(file.groups.into_iter().flat_map(|group| group.rules));
    }
    Ok(rules)
}

#[derive(Deserialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}
