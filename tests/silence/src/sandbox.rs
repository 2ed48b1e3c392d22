//! The sandbox: this command executes itself again in its own namespaces, which end with it.

use std::env;
use std::process::ExitStatus;

use anyhow::Context as _;
use lastword_netlab::Skip;

/// Whether this process is in the sandbox already.
pub(crate) fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Executes this command in the sandbox. Returns its exit status, or the reason why labs are not possible here.
pub(crate) fn execute_again() -> anyhow::Result<Result<ExitStatus, Skip>> {
    let mut command = match lastword_netlab::sandboxed(env::current_exe()?) {
        Ok(command) => command,
        Err(skip) => return Ok(Err(skip)),
    };
    command.args(env::args_os().skip(1)).env(INSIDE, "1");
    let status = command.status().context("the sandbox cannot be entered")?;
    Ok(Ok(status))
}

const INSIDE: &str = "LASTWORD_SILENCE_INSIDE";
