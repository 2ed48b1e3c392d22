//! One line on standard error with the progress of a storm. A terminal shows it in place; elsewhere a new line
//! follows every 10 s.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use lastword_load::Progress;

/// The progress line. On a terminal, its drop writes the line break.
#[derive(Debug)]
pub(crate) struct Line {
    is_terminal: bool,
    next: Instant,
}

impl Line {
    pub(crate) fn start() -> Self {
        let is_terminal = io::stderr().is_terminal();
        let mut line = Self {
            is_terminal,
            next: Instant::now(),
        };
        line.next += line.interval();
        line
    }

    pub(crate) fn show(&mut self, progress: &Progress) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + self.interval();
        let Progress {
            begun,
            connections,
            open,
            records,
            findings,
        } = progress;
        let words = format!(
            "storm: {begun} of {connections} connections, {open} open, {records} records, {findings} wrong"
        );
        let (before, after) = if self.is_terminal {
            ("\r", "\x1b[K")
        } else {
            ("", "\n")
        };
        // A closed standard error does not end the storm.
        write!(io::stderr().lock(), "{before}{words}{after}").ok();
    }

    const fn interval(&self) -> Duration {
        Duration::from_millis(if self.is_terminal { 200 } else { 10_000 })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.is_terminal {
            writeln!(io::stderr().lock()).ok();
        }
    }
}
