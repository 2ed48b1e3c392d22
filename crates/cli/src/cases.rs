//! `lastword cases`: runs each of the article's cases with real processes and real sockets, once with bare sockets
//! and once with the layer.

mod judge;
mod observed;
mod outcome;
mod report;
mod row;
#[cfg(target_os = "linux")]
mod runner;
mod table;
mod text;

use std::io::{self, Write as _};

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde::Serialize;

use crate::Failure;
use crate::signals::Stop;
use report::Report;
#[cfg(target_os = "linux")]
pub(crate) use runner::run_lab_rows;

/// The arguments of `cases`.
#[derive(Debug, Args)]
pub(crate) struct CasesArgs {
    /// Writes one JSON object instead of text: {"cases": [{"id", "ok", …}]}
    #[arg(long)]
    json: bool,
}

/// Runs every row and reports the results.
pub(crate) fn run(args: &CasesArgs) -> Result<(), Failure> {
    let reports = reports()?;
    print(&if args.json {
        json(&reports)?
    } else {
        let mut out = String::new();
        text::write(&mut out, &reports)?;
        out
    })?;
    let wrong: Vec<_> = reports
        .iter()
        .filter(|report| report.ok == Some(false))
        .map(|report| format!("{} ({})", report.id, report.wrong.join("; ")))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(anyhow!("not as documented: {}", wrong.join(", ")).into())
}

/// A signal ends the run and the processes of its rows at once.
fn reports() -> Result<Vec<Report>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ran = runtime.block_on(async {
        let mut stop = Stop::new()?;
        let work = tokio::task::spawn_blocking(run_rows);
        tokio::select! {
            biased;
            signal = stop.next() => Err(anyhow!("{signal}: the cases did not run to their end")),
            reports = work => reports.context("a row panicked"),
        }
    });
    runtime.shutdown_background();
    Ok(ran?)
}

#[cfg(target_os = "linux")]
fn run_rows() -> Vec<Report> {
    let outcomes = runner::run_rows();
    outcomes
        .into_iter()
        .map(|(row, outcome)| Report::new(row, outcome))
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn run_rows() -> Vec<Report> {
    let reason = "the documented results are those of Linux, and the rows ask its kernel";
    let skipped = || outcome::Outcome::Skipped(reason.to_owned());
    table::ROWS
        .iter()
        .map(|row| Report::new(row, skipped()))
        .collect()
}

fn json(reports: &[Report]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Cases<'a> {
        cases: &'a [Report],
    }
    let mut json = serde_json::to_string_pretty(&Cases { cases: reports })?;
    json.push('\n');
    Ok(json)
}

/// A reader that closes the pipe early (`| head`) is not a failure.
fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
