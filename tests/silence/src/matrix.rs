//! Every way to fall silent, and every way to be merely slow, under each setting: no wrong cause.

mod links;
mod table;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use lastword_load::{Ending, Expected};

use crate::row::Row;
use crate::{Common, report, scene};

pub(crate) use table::find;

/// The arguments of `matrix`.
#[derive(Debug, Args)]
pub(crate) struct MatrixArgs {
    #[command(flatten)]
    common: Common,
    /// Sessions per row, all in one lab under one fault
    #[arg(long, default_value_t = 50)]
    trials: usize,
    /// The rows that are played, by name; all of them by default
    #[arg(long, value_delimiter = ',', value_parser = find)]
    rows: Vec<Row>,
    /// Plays nothing, and lists for each row the ends that are right and the causes that are never true
    #[arg(long)]
    list: bool,
}

/// Plays rows under settings.
pub(crate) fn run(args: &MatrixArgs) -> anyhow::Result<ExitCode> {
    let settings = args.common.settings();
    let rows = match args.rows.as_slice() {
        [] => table::rows(),
        rows => rows.to_vec(),
    };
    if args.list {
        return list(&rows);
    }
    let run = &args.common.run;
    report::play(run, JOBS, (&rows, &settings), args.trials, scene::play)
}

fn list(rows: &[Row]) -> anyhow::Result<ExitCode> {
    let listed = rows.iter().map(|row| {
        let never: Vec<_> = row.never().iter().map(ToString::to_string).collect();
        let right = match &row.expected {
            Expected::Lives => "lives".to_owned(),
            Expected::Ends(right) => causes(right),
            Expected::MayEnd(right) => format!("lives or {}", causes(right)),
        };
        vec![row.name.clone(), right, never.join(", ")]
    });
    let listed: Vec<_> = listed.collect();
    let table = report::table(&["row", "right", "never"], &listed);
    io::stdout().lock().write_all(table.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn causes(right: &[Ending]) -> String {
    let causes: Vec<_> = right.iter().map(|ending| ending.cause.label()).collect();
    causes.join(" or ")
}

/// Each scene mostly waits, and those with a delay relay each packet.
const JOBS: usize = 8;
