//! A log line for people. An end of a connection or a session has many fields, and most are zero. This format leaves
//! those out, and JSON has them all.

use std::fmt::{self, Debug};

use tracing::field::Field;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{self, Format, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes ends without the fields that are zero or empty, and every other event unchanged.
#[derive(Debug, Default)]
pub(super) struct Text {
    other: Format,
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        if !MOSTLY_ZEROS.contains(&metadata.target()) {
            return self.other.format_event(context, writer, event);
        }
        SystemTime.format_time(&mut writer)?;
        write!(writer, " {:>5} {}: ", metadata.level(), metadata.target())?;
        format::debug_fn(field).format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    match field.name() {
        "message" => write!(writer, "{value:?}"),
        // The error's name is in the field before this one.
        "first_code" => Ok(()),
        name => {
            let value = format!("{value:?}");
            if SAYS_NOTHING.contains(&value.as_str()) {
                return Ok(());
            }
            write!(writer, " {name}={value}")
        }
    }
}

const MOSTLY_ZEROS: [&str; 2] = ["lastword::close", "lastword::departure"];

/// A zero, an empty text, and a farewell that was never written.
const SAYS_NOTHING: [&str; 3] = ["0", "\"\"", "\"none\""];

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_end_has_neither_zeros_nor_empty_fields_and_other_lines_have_all() {
        let lines = Lines::default();
        let of_lines = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .event_format(Text::default())
            .with_writer(move || of_lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(
                target: "lastword::close",
                cause = "peer_fin",
                player = "0",
                session = %"000",
                first_error = "ECONNRESET",
                first_code = 104,
                frames_in = 0_u64,
                clock_offset_us = -10_i64,
                fin = false,
                farewell = "none",
                our_reason = "",
                retransmits = 0_u8,
                absent = None::<u64>,
                "closed"
            );
            tracing::info!(took_ms = 0, "drained");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let ends: Vec<_> = text
            .lines()
            .map(|line| line.split_once("Z  INFO ").unwrap().1)
            .collect();
        assert_eq!(
            ends,
            [
                "lastword::close: closed cause=\"peer_fin\" player=\"0\" session=000 first_error=\"ECONNRESET\" \
                 clock_offset_us=-10 fin=false",
                "lastword::logging::text::tests: drained took_ms=0",
            ]
        );
    }
}
