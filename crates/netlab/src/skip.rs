//! The report of a test that cannot run here.

use std::env;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::{self, Write as _};

/// The reason why a test cannot run on this system.
///
/// As an error from the body of [`run`](crate::run()), it skips the test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Skip {
    reason: String,
}

impl Skip {
    /// Makes a skip from a reason, in one line.
    #[must_use]
    pub fn new(reason: &str) -> Self {
        let lines: Vec<&str> = reason
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        Self {
            reason: lines.join("; "),
        }
    }

    /// Writes `skipped: <test>: <reason>` to standard error. It bypasses the capture of the test harness, which cannot
    /// count skipped tests. It also appends the line to the file that `LASTWORD_SKIPS` names, if it names one.
    ///
    /// # Errors
    ///
    /// When one of these writes fails: a skip without a report would be a silent pass.
    pub fn report(&self, test: &str) -> io::Result<()> {
        let line = format!("{}{}\n", prefix(test), self.reason);
        io::stderr().write_all(line.as_bytes())?;
        match env::var_os(FILE) {
            Some(path) => OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)?
                .write_all(line.as_bytes()),
            None => Ok(()),
        }
    }

    /// Finds the report of a test in its output.
    pub(crate) fn reported(test: &str, printed: &str) -> Option<Self> {
        printed
            .lines()
            .find_map(|line| line.strip_prefix(&prefix(test)))
            .map(Self::new)
    }

    /// Finds a skip in an error or its sources.
    #[must_use]
    pub fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        if let Some(skip) = error.downcast_ref() {
            return Some(skip);
        }
        // `io::Error::source` skips the error that it wraps.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match wrapped {
            Some(inner) => Self::within(inner),
            None => error.source().and_then(Self::within),
        }
    }
}

fn prefix(test: &str) -> String {
    format!("skipped: {test}: ")
}

pub(crate) const FILE: &str = "LASTWORD_SKIPS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_found_inside_an_io_error() {
        let skip = Skip::new("no such feature");
        let error = io::Error::new(io::ErrorKind::Unsupported, skip.clone());
        assert_eq!(Skip::within(&error), Some(&skip));
        assert_eq!(Skip::within(&io::Error::other("broken")), None);
    }

    #[test]
    fn a_reason_of_many_lines_becomes_one() {
        assert_eq!(
            Skip::new("unshare failed:\n\n  not permitted\n").to_string(),
            "unshare failed:; not permitted"
        );
    }

    #[test]
    fn a_report_is_found_among_other_output() {
        let printed = "running 1 test\nskipped: other: no\nskipped: mine: because\n";
        assert_eq!(Skip::reported("mine", printed), Some(Skip::new("because")));
        assert_eq!(Skip::reported("another", printed), None);
    }
}
