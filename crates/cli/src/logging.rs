//! Where log lines go, how they look, and which are written.

mod text;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::Failure;
use crate::log_writer::{Flush, LogWriter};
use text::Text;

/// How logs are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct LogArgs {
    /// What is logged to standard error: off, error, warn, info, debug or trace, also by module, as in
    /// `info,lastword_server=debug` [default: info; of the demo warn]
    #[arg(long, global = true, value_name = "LEVEL", env = "LASTWORD_LOG")]
    log: Option<String>,
    /// How a line looks
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: Format,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people: of an end what matters first, and neither zeros nor empty fields
    Text,
    /// For machines: one JSON object a line, with every field
    Json,
}

/// Starts logging; what is written before the guard is dropped reaches standard error, if that is read.
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
