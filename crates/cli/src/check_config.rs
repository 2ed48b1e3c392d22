//! `lastword check-config`: lists the errors of a configuration file. Without errors, it lists the causes that the
//! configuration can produce on this kernel.

mod report;
mod table;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use lastword::config::KernelAbilities;

use crate::{Failure, complain, config_file};
use report::Report;

/// The arguments of `check-config`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The TOML file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Checks the file and reports.
pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let loaded = config_file::load(&args.file).map_err(Failure::Usage)?;
    let (name, kernel) = (args.file.display(), KernelAbilities::probe());
    loaded.warnings.iter().for_each(|line| complain(line));
    let config = loaded.config;
    let of_host = config.host_warnings(kernel);
    of_host
        .iter()
        .for_each(|warning| complain(&format!("lastword: warning: {warning}")));
    print(&format!("{name}: ok\n{}", Report::new(&config, kernel)))
}

/// A reader may close standard output early. That does not make the file wrong.
fn print(report: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(report.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written.context("standard output cannot be written")?),
    }
}
