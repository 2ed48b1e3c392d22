//! Where log lines go, how they look, and which are written.

mod levels;
mod text;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tracing::{Dispatch, Level, dispatcher};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{fmt, registry};

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

/// The log of this process. Its drop waits for the lines so far, for a second at most.
#[derive(Debug)]
pub(crate) struct Log {
    format: Format,
    writer: LogWriter,
    _flush: Flush,
}

/// Starts logging.
pub(crate) fn start(args: &LogArgs, default: &str) -> Result<Log, Failure> {
    let text = args.log.as_deref().unwrap_or(default);
    let levels = levels::parse(text).map_err(|words| {
        Failure::Usage(vec![format!("lastword: --log or LASTWORD_LOG: {words}")])
    })?;
    let format = args.log_format;
    let (writer, flush) = LogWriter::start(move |lost| format.line(|| report_lost(lost)))?;
    dispatcher::set_global_default(format.lines(levels, writer.clone()))
        .context("the log was not started")?;
    log_panics();
    Ok(Log {
        format,
        writer,
        _flush: flush,
    })
}

impl Log {
    /// Writes an error that ends the command, also where the levels are `off`. In the text format it is a bare line.
    pub(crate) fn complain(&mut self, words: &str) {
        let line = match self.format {
            Format::Text => format!("{words}\n").into_bytes(),
            Format::Json => self.format.line(|| tracing::error!("{words}")),
        };
        // The writer takes or counts every line, and returns no errors.
        self.writer.write_all(&line).ok();
    }
}

impl Format {
    /// A subscriber that writes lines in this format.
    fn lines(self, levels: Targets, writer: LogWriter) -> Dispatch {
        let lines = fmt::layer().with_writer(writer).with_ansi(false);
        let filter = registry().with(levels);
        match self {
            Self::Text => filter.with(lines.event_format(Text::default())).into(),
            Self::Json => filter.with(lines.json().flatten_event(true)).into(),
        }
    }

    /// Returns the line of one event, of level warn or error, in this format.
    fn line(self, event: impl FnOnce()) -> Vec<u8> {
        let levels = Targets::new().with_default(LevelFilter::WARN);
        LogWriter::caught(|writer| dispatcher::with_default(&self.lines(levels, writer), event))
    }
}

fn report_lost(lost: u64) {
    tracing::warn!(
        target: "lastword::log",
        lost,
        "{lost} log lines were lost: standard error did not take them in time"
    );
}

/// Logs panics as events. The default hook would write its own lines between the lines of the log, and would wait
/// until standard error is read.
fn log_panics() {
    static LOGGED: AtomicU32 = AtomicU32::new(0);
    let plain = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !tracing::enabled!(target: "lastword::panic", Level::ERROR) {
            return plain(panic);
        }
        let before = LOGGED.fetch_add(1, Ordering::Relaxed);
        if before < PANICS_LOGGED_MAX {
            log_panic(panic);
        }
        if before + 1 == PANICS_LOGGED_MAX {
            tracing::error!(target: "lastword::panic", "further panics are not logged");
        }
    }));
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let words = panic.payload().downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.payload().downcast_ref().map(String::as_str));
    let backtrace = Backtrace::capture();
    let is_wanted = backtrace.status() == BacktraceStatus::Captured;
    tracing::error!(
        target: "lastword::panic",
        words,
        place = panic.location().map(tracing::field::display),
        backtrace = is_wanted.then(|| backtrace.to_string()).as_deref(),
        "a panic"
    );
}

/// A game may panic for each of its players.
const PANICS_LOGGED_MAX: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_lines_are_told_in_the_format_of_the_log() {
        let line = |format: Format| String::from_utf8(format.line(|| report_lost(514))).unwrap();
        let json: serde_json::Value = serde_json::from_str(&line(Format::Json)).unwrap();
        assert_eq!(
            (&json["lost"], &json["level"]),
            (&514.into(), &"WARN".into())
        );
        let words = "514 log lines were lost: standard error did not take them in time";
        assert_eq!(json["message"], words);
        let text = line(Format::Text);
        let end = format!("Z  WARN lastword::log: {words} lost=514\n");
        assert!(text.ends_with(&end) && text.lines().count() == 1, "{text}");
    }

    #[test]
    fn a_panic_is_one_line_of_the_log() {
        let line = Format::Json.line(|| {
            let hook = panic::take_hook();
            panic::set_hook(Box::new(log_panic));
            panic::catch_unwind(|| panic!("two\nlines")).unwrap_err();
            panic::set_hook(hook);
        });
        let json: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(json["words"], "two\nlines");
        assert!(
            json["place"].as_str().unwrap().contains("logging.rs:"),
            "{json}"
        );
    }
}
