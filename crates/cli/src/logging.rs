//! Where log lines go, how they look, and which are written.

mod text;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::Failure;
use crate::log_writer::{Flush, LogWriter};
use text::Text;

/// The options of the log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct LogArgs {
    /// The levels that are logged to standard error: off, error, warn, info, debug or trace, also by module, as in
    /// `info,lastword_server=debug` [default: info; for the demo warn]
    #[arg(long, global = true, value_name = "LEVEL", env = "LASTWORD_LOG")]
    log: Option<String>,
    /// The format of a log line
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: Format,
}

/// The format of a log line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people: an end shows the important fields first, without zeros and empty fields
    Text,
    /// For machines: one JSON object per line, with every field
    Json,
}

/// Starts logging. Dropping the guard waits for the lines so far, as long as standard error is read.
pub(crate) fn start(args: &LogArgs, default: &str) -> Result<Flush, Failure> {
    let log = args.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::builder().parse(log).map_err(|error| {
        let words = "allowed is off, error, warn, info, debug or trace, also by module";
        Failure::Usage(vec![format!("lastword: --log {log:?}: {error}; {words}")])
    })?;
    let (writer, flush) = LogWriter::start()?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false);
    match args.log_format {
        Format::Text => lines.event_format(Text::default()).init(),
        Format::Json => lines.json().flatten_event(true).init(),
    }
    Ok(flush)
}
