//! The rows of the lab. This command executes itself again in new namespaces, which end with that process.

use std::env;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, anyhow, ensure};
use serde::{Deserialize, Serialize};

use super::outage;
use crate::cases::observed::Observed;
use crate::cases::outcome::Outcome;
use crate::cases::row::{Outage, Row, Scene};
use crate::cases::table::ROWS;

/// The result of a row, as the sandbox sends it: one JSON line. An error is in words.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    id: String,
    result: Result<Observed, String>,
}

/// Plays the rows of the lab. They end when the calling thread ends, or earlier.
pub(super) fn play() -> Vec<(&'static Row, Outcome)> {
    let (skipped, lines) = match enter() {
        Ok(Ok(command)) => (None, execute(command)),
        Ok(Err(skip)) => (Some(skip.to_string()), Ok(Vec::new())),
        Err(error) => (None, Err(error)),
    };
    let lines = lines.map_err(|error| format!("{error:#}"));
    let outcome = |row: &Row| match (&skipped, &lines) {
        (Some(reason), _) => Outcome::Skipped(reason.clone()),
        (None, Ok(lines)) => found(row, lines),
        (None, Err(error)) => Outcome::Failed(error.clone()),
    };
    outages().map(|(row, _)| (row, outcome(row))).collect()
}

/// Plays all rows at once inside the sandbox, and writes a line for each. A failed write is ignored: the reader is
/// gone.
pub(crate) fn play_inside() {
    let played: Vec<_> = thread::scope(|scope| {
        let rows: Vec<_> = outages()
            .map(|(row, outage)| (row, scope.spawn(move || outage::observe(outage))))
            .collect();
        rows.into_iter()
            .map(|(row, played)| (row, played.join()))
            .collect()
    });
    for (row, played) in played {
        let result = played.unwrap_or_else(|_| Err(anyhow!("the row panicked")));
        let line = Line {
            id: row.id.to_owned(),
            result: result.map_err(|error| format!("{error:#}")),
        };
        if tell(&line).is_err() {
            return;
        }
    }
}

fn tell(line: &Line) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{}", serde_json::to_string(line)?)?)
}

fn enter() -> anyhow::Result<Result<Command, lastword_netlab::Skip>> {
    Ok(lastword_netlab::sandboxed(env::current_exe()?))
}

fn execute(mut command: Command) -> anyhow::Result<Vec<Line>> {
    let output = command
        .args(["actor", "lab"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("the lab cannot be entered")?;
    ensure!(
        output.status.success(),
        "the lab ended with {}",
        output.status
    );
    let printed = String::from_utf8(output.stdout)?;
    let lines = printed.lines().map(serde_json::from_str);
    lines
        .collect::<Result<_, _>>()
        .context("the lab's answer cannot be read")
}

fn found(row: &Row, lines: &[Line]) -> Outcome {
    let line = lines.iter().find(|line| line.id == row.id);
    match line.map(|line| &line.result) {
        Some(Ok(observed)) => Outcome::Played(observed.clone()),
        Some(Err(error)) => Outcome::Failed(error.clone()),
        None => Outcome::Failed("the lab did not tell of this row".to_owned()),
    }
}

fn outages() -> impl Iterator<Item = (&'static Row, Outage)> {
    ROWS.iter().filter_map(|row| match row.scene {
        Scene::Outage(outage) => Some((row, outage)),
        Scene::Script(_) | Scene::Lingering => None,
    })
}
