//! How soon each silent cause is noticed, in each profile: many samples, compared with the bound from the
//! configuration.

use std::process::ExitCode;

use clap::Args;
use lastword::Cause;
use lastword_load::Expected;

use crate::judge::Judgement;
use crate::messages::Tuning;
use crate::row::Row;
use crate::setting::{RtoMax, Setting};
use crate::{matrix, report, scene};

/// The arguments of `detection`.
#[derive(Debug, Args)]
pub(crate) struct DetectionArgs {
    #[command(flatten)]
    run: crate::Run,
    /// Sessions per cause and profile, all in one lab under one fault
    #[arg(long, default_value_t = 1_000)]
    samples: usize,
    /// The liveness profiles
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "competitive,standard,mobile,background"
    )]
    profile: Vec<String>,
}

/// Measures.
pub(crate) fn run(args: &DetectionArgs) -> anyhow::Result<ExitCode> {
    let rows = rows().map_err(anyhow::Error::msg)?;
    let settings = Setting::all(&args.profile, &[RtoMax::Auto]);
    report::play(
        &args.run,
        JOBS,
        (&rows, &settings),
        args.samples,
        undisturbed,
    )
}

/// One way to each silent cause.
fn rows() -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for name in [
        "cut",
        "ours-lost",
        "own-link-idle",
        "frozen-idle",
        "zero-window",
        "idle",
    ] {
        rows.push(matrix::find(name)?);
    }
    rows.push(Row {
        name: "cut-unseen".to_owned(),
        expected: Expected::live(&[Cause::PeerSilent]),
        tuning: Tuning {
            behind_proxy: true,
            ..Tuning::default()
        },
        ..matrix::find("cut")?
    });
    Ok(rows)
}

/// Repeats the run if the server itself stood still during too many samples. The last run counts in any case.
fn undisturbed(row: &Row, setting: &Setting, samples: usize) -> anyhow::Result<Judgement> {
    let mut judgement = scene::play(row, setting, samples)?;
    for _ in 1..ATTEMPTS {
        if judgement.stalled * 100 <= samples {
            break;
        }
        judgement = scene::play(row, setting, samples)?;
    }
    if judgement.stalled * 100 > samples {
        let stalled = judgement.stalled;
        judgement.report_wrong(
            "-",
            format!("the server stood still under {stalled} samples"),
        );
    }
    if judgement.bound_ms.is_none() {
        judgement.report_wrong("-", "the configuration has no bound for it");
    }
    Ok(judgement)
}

const ATTEMPTS: usize = 4;
/// Few, since a busy machine makes the server stand still.
const JOBS: usize = 3;
