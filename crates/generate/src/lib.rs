//! Generates files of the repository from their sources. From the catalogue of metrics and the runbook: the Grafana
//! dashboards, `docs/metrics.md`, and the live page's text about each cause. From the table of keys:
//! `config/lastword.toml` and `docs/configuration.md`. Its tests check the alert rules, the runbook and every query against
//! the catalogue.
//!
//! `cargo run -p lastword-generate` writes the files; a test fails while a file is stale.

pub mod boards;
pub mod configuration;
pub mod grafana;
pub mod query;
pub mod reference;
pub mod rules;
pub mod runbook;

use std::path::{Path, PathBuf};

/// Returns the path of a file of the repository.
#[must_use]
pub fn path_in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// Returns every file that is generated from the catalogue, the runbook or the table of the configuration: its path in
/// the repository, and its text.
///
/// # Errors
/// A query of a dashboard asks for something that no metric has.
pub fn generated() -> anyhow::Result<Vec<(String, String)>> {
    let mut files = vec![
        ("docs/metrics.md".to_owned(), reference::text()),
        ("docs/configuration.md".to_owned(), configuration::page()),
        ("config/lastword.toml".to_owned(), configuration::file()),
        (runbook::PAGE.to_owned(), runbook::page()?),
    ];
    let known = query::Known::with_rules(&rules::all()?)?;
    for board in boards::all() {
        board.check(&known)?;
        let json = serde_json::to_string_pretty(&board)?;
        let path = format!("deploy/grafana/dashboards/{}.json", board.uid);
        files.push((path, json + "\n"));
    }
    Ok(files)
}
