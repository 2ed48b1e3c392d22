//! The rows of the lab. This command executes itself again in new namespaces, which end with that process.

use std::env;
use std::process::Command;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use lastword_load::process::{Process, answer};
use lastword_netlab::Skip;

use super::outage;
use crate::cases::observed::Observed;
use crate::cases::outcome::Outcome;
use crate::cases::row::{Action, Outage, Row};
use crate::cases::table::ROWS;

/// Runs the rows of the lab. They end when the calling thread ends, or earlier.
pub(super) fn run_rows() -> Vec<(&'static Row, Outcome)> {
    let mut lab = enter();
    outages()
        .map(|(row, _)| {
            let outcome = match &mut lab {
                Ok(Ok(lab)) => heard(lab).into(),
                Ok(Err(skip)) => Outcome::Skipped(skip.to_string()),
                Err(error) => Outcome::Failed(format!("{error:#}")),
            };
            (row, outcome)
        })
        .collect()
}

/// Runs all rows at once inside the sandbox, and writes a line for each, in their order. A failed write is ignored:
/// the reader is gone.
pub(crate) fn run_lab_rows() {
    let ended: Vec<_> = thread::scope(|scope| {
        let rows: Vec<_> = outages()
            .map(|(_, outage)| scope.spawn(move || outage::observe(outage)))
            .collect();
        rows.into_iter().map(ScopedJoinHandle::join).collect()
    });
    for ended in ended {
        let observed = ended.unwrap_or_else(|_| Err(anyhow!("the row panicked")));
        if answer(&observed.map_err(|error| format!("{error:#}"))).is_err() {
            return;
        }
    }
}

fn enter() -> anyhow::Result<Result<Process, Skip>> {
    let mut command = match lastword_netlab::sandboxed(env::current_exe()?) {
        Ok(command) => command,
        Err(skip) => return Ok(Err(skip)),
    };
    command.args(["helper", "lab"]);
    Ok(Ok(Process::start(command, Command::spawn)?))
}

fn heard(lab: &mut Process) -> anyhow::Result<Observed> {
    let observed = lab.hear(LAB_TIMEOUT)?;
    observed.context("the lab did not report this row")
}

fn outages() -> impl Iterator<Item = (&'static Row, Outage)> {
    ROWS.iter().filter_map(|row| match row.action {
        Action::Outage(outage) => Some((row, outage)),
        Action::Script(_) | Action::Lingering => None,
    })
}

/// Longer than any row takes: they run at the same time.
const LAB_TIMEOUT: Duration = Duration::from_secs(60);
