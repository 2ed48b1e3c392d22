//! The processes that this command starts of itself, and what each of them is to do.

use clap::{Args, ValueEnum};

use crate::Failure;
#[cfg(target_os = "linux")]
use crate::{cases, demo};

/// What such a process is told.
#[derive(Debug, Args)]
pub(crate) struct ActorArgs {
    role: Role,
}

/// What it is started for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// The other end of a connection of `cases`, which obeys its standard input
    Peer,
    /// The rows of `cases` that need the lab, in the lab
    Lab,
    /// The outages of `demo`, in the lab
    Cable,
}

/// Does it.
#[cfg(target_os = "linux")]
pub(crate) fn act(args: &ActorArgs) -> Result<(), Failure> {
    match args.role {
        Role::Peer => cases::obey(),
        Role::Lab => cases::play_inside(),
        Role::Cable => demo::pull_cables()?,
    }
    Ok(())
}

/// Nothing starts such a process here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn act(args: &ActorArgs) -> Result<(), Failure> {
    Err(anyhow::anyhow!("there is nothing to do for {:?} on this system", args.role).into())
}
