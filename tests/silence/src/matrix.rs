//! Every way to fall silent, and every way to be merely slow, under each setting: no wrong cause.

mod table;

use std::process::ExitCode;

use clap::Args;

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
}

/// Plays rows under settings.
pub(crate) fn run(args: &MatrixArgs) -> anyhow::Result<ExitCode> {
    let settings = args.common.settings();
    let rows = match args.rows.as_slice() {
        [] => table::rows(),
        rows => rows.to_vec(),
    };
    let run = &args.common.run;
    report::play(
        run,
        JOBS,
        (&rows, &settings),
        args.trials,
        |row, setting| scene::play(row, setting, args.trials),
    )
}

/// Each scene mostly waits.
const JOBS: usize = 12;
