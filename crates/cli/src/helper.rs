//! The helper processes that this command starts, and the task of each.

use clap::{Args, ValueEnum};

use crate::Failure;
#[cfg(target_os = "linux")]
use crate::{cases, demo};

/// The arguments of a helper process.
#[derive(Debug, Args)]
pub(crate) struct HelperArgs {
    task: HelperTask,
}

/// The task of a helper process.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum HelperTask {
    /// The other end of a connection of `cases`: it takes its orders from standard input
    Peer,
    /// Runs the rows of `cases` that need the lab, inside the lab
    Lab,
    /// Runs the outages of `demo`, inside the lab
    Cable,
}

/// Runs the task that the arguments name.
#[cfg(target_os = "linux")]
pub(crate) fn run(args: &HelperArgs) -> Result<(), Failure> {
    match args.task {
        HelperTask::Peer => lastword_load::peer::carry_out_orders()?,
        HelperTask::Lab => cases::run_lab_rows(),
        HelperTask::Cable => demo::pull_cables()?,
    }
    Ok(())
}

/// No command starts a helper process on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn run(args: &HelperArgs) -> Result<(), Failure> {
    Err(anyhow::anyhow!("there is nothing to do for {:?} on this system", args.task).into())
}
