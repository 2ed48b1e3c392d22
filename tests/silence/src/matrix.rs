//! Every way to fall silent, and every way to be merely slow, under each setting: no wrong cause.

mod row;
mod table;

use clap::Args;

use crate::report::Line;
use crate::{Common, Verdict, report};

pub(crate) use row::Row;
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
pub(crate) fn run(args: &MatrixArgs) -> anyhow::Result<Verdict> {
    let settings = args.common.settings();
    let rows = match args.rows.as_slice() {
        [] => table::rows(),
        rows => rows.to_vec(),
    };
    report::play(
        &args.common.run,
        JOBS,
        (&rows, &settings),
        |row, setting| {
            let played = row.play(setting, args.trials);
            Line::of(&row.name, setting, args.trials, played)
        },
    )
}

/// Each scene mostly waits.
const JOBS: usize = 12;
