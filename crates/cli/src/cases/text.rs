//! The report for people: a block for each row, within 100 columns, the same on a terminal and in a
//! pipe.

use std::fmt::{self, Write as _};

use super::report::Report;

/// Writes all rows, and how many are as documented.
pub(crate) fn write(out: &mut String, reports: &[Report]) -> fmt::Result {
    for report in reports {
        block(out, report)?;
        out.write_char('\n')?;
    }
    let count = |ok| reports.iter().filter(|report| report.ok == ok).count();
    write!(
        out,
        "{} rows: {} as documented",
        reports.len(),
        count(Some(true))
    )?;
    for (ok, what) in [(Some(false), "not ok"), (None, "skipped")] {
        if count(ok) > 0 {
            write!(out, ", {} {what}", count(ok))?;
        }
    }
    out.write_char('\n')
}

fn block(out: &mut String, report: &Report) -> fmt::Result {
    let verdict = match report.ok {
        Some(true) => "ok",
        Some(false) => "NOT OK",
        None => "skipped",
    };
    let title_width = WIDTH - HEAD - verdict.len();
    writeln!(
        out,
        "{:HEAD$}{:title_width$}{verdict}",
        report.id, report.title
    )?;
    field(out, "done", report.done)?;
    for wrong in &report.wrong {
        field(out, "WRONG", wrong)?;
    }
    if let Some(reason) = &report.skipped {
        return field(out, "skipped", reason);
    }
    for (name, returned) in [("recv", &report.recv), ("send", &report.send)] {
        if let Some(returned) = returned {
            field(out, name, returned)?;
        }
    }
    if let Some(cause) = report.observed_cause {
        field(out, "recorded", &recorded(report, cause))?;
    }
    field(
        out,
        "Windows",
        &format!("{} (not measured)", report.windows),
    )?;
    field(out, "why", report.why)
}

/// Describes the layer's side of the row.
fn recorded(report: &Report, cause: &str) -> String {
    let delivered = report.delivered_bytes.unwrap_or_default();
    let sent = report.sent_bytes.unwrap_or_default();
    let mut parts = vec![cause.to_owned()];
    if sent > 0 {
        let all = if delivered < sent && report.received_bytes == Some(delivered) {
            ", all that our kernel had received"
        } else {
            ""
        };
        parts.push(format!("{delivered} of {sent} bytes delivered{all}"));
    }
    parts.extend(report.evidence.clone());
    parts.join("; ")
}

/// Writes a field's name and its wrapped words.
fn field(out: &mut String, name: &str, words: &str) -> fmt::Result {
    let mut line = format!("  {name:NAME$}");
    let mut is_empty = true;
    for word in words.split_whitespace() {
        if !is_empty && line.len() + 1 + word.len() > WIDTH {
            writeln!(out, "{line}")?;
            line = " ".repeat(2 + NAME);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    writeln!(out, "{line}")
}

const WIDTH: usize = 100;
/// The column of the titles.
const HEAD: usize = 6;
/// The width of the names of fields.
const NAME: usize = 10;
