//! `lastword watch` on a system that is not Linux.

use anyhow::anyhow;
use clap::Args;

use crate::Failure;

/// The arguments of `watch`: any.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _any: Vec<String>,
}

/// Says that only Linux tells of the sockets of other programs.
pub(crate) fn run(_: &WatchArgs) -> Result<(), Failure> {
    Err(anyhow!(
        "watch works on Linux only: no other system tells a process of the sockets of others"
    )
    .into())
}

pub(crate) const EXIT_STATUS: &str = "";
