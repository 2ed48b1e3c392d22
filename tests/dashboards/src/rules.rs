//! The recording rules and alerts in `deploy/prometheus`, as data.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;
use serde::Deserialize;

/// One rule: it has either a record or an alert as its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The series that it makes.
    pub record: Option<String>,
    /// The alert that it raises.
    pub alert: Option<String>,
    /// What is asked.
    pub expr: String,
    /// For how long it has to be so.
    #[serde(rename = "for")]
    pub lasting: Option<String>,
    /// For how long it goes on after that.
    pub keep_firing_for: Option<String>,
    /// What it adds to the labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What whoever is woken reads.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Rule {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = self.record.as_deref().or(self.alert.as_deref());
        name.unwrap_or_default()
    }
}

/// Every rule, the recording ones first.
///
/// # Errors
/// A file is not there, or is none of rules.
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
