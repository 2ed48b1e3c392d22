//! `lastword cases`: each of the article's cases with real processes and real sockets, once bare and once with the
//! layer.

mod judge;
mod observed;
mod outcome;
#[cfg(target_os = "linux")]
mod play;
mod report;
mod row;
mod table;
mod text;

use std::io::{self, Write as _};

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde::Serialize;

use crate::Failure;
use crate::signals::Stop;
#[cfg(target_os = "linux")]
pub(crate) use play::play_inside;
use report::Report;

/// The arguments of `cases`.
#[derive(Debug, Args)]
pub(crate) struct CasesArgs {
    /// Writes one JSON object instead of text: {"cases": [{"id", "ok", …}]}
    #[arg(long)]
    json: bool,
}

/// Plays every row and reports the results.
pub(crate) fn run(args: &CasesArgs) -> Result<(), Failure> {
    let reports = played()?;
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
        .map(|report| report.id)
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(anyhow!("not as documented: {}", wrong.join(", ")).into())
}

/// A signal ends this at once, and the processes of the rows with it.
fn played() -> Result<Vec<Report>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let played = runtime.block_on(async {
        let mut stop = Stop::new()?;
        let work = tokio::task::spawn_blocking(play);
        tokio::select! {
            biased;
            signal = stop.next() => Err(anyhow!("{signal}: the cases were not played to their end")),
            played = work => played.context("a row panicked"),
        }
    });
    runtime.shutdown_background();
    Ok(played?)
}

#[cfg(target_os = "linux")]
fn play() -> Vec<Report> {
    let played = play::play();
    played
        .into_iter()
        .map(|(row, outcome)| Report::new(row, outcome))
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn play() -> Vec<Report> {
    let reason = "what is documented is Linux's, and its kernel has to be asked";
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
