//! The helper processes that this command starts, and the task of each.

use clap::{Args, ValueEnum};

use crate::Failure;
#[cfg(target_os = "linux")]
use crate::{cases, demo};

/// The arguments of a helper process.
#[derive(Debug, Args)]
pub(crate) struct ActorArgs {
    role: Role,
}

/// The task of a helper process.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// The other end of a connection of `cases`: it takes its orders from standard input
    Peer,
    /// Plays the rows of `cases` that need the lab, inside the lab
    Lab,
    /// Plays the outages of `demo`, inside the lab
    Cable,
}

/// Runs the task that the arguments name.
#[cfg(target_os = "linux")]
pub(crate) fn act(args: &ActorArgs) -> Result<(), Failure> {
    match args.role {
        Role::Peer => lastword_load::peer::carry_out_orders()?,
        Role::Lab => cases::play_inside(),
        Role::Cable => demo::pull_cables()?,
    }
    Ok(())
}

/// No command starts a helper process on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn act(args: &ActorArgs) -> Result<(), Failure> {
    Err(anyhow::anyhow!("there is nothing to do for {:?} on this system", args.role).into())
}
