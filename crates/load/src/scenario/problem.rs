//! One error of a scenario, in one line.

use std::fmt;
use std::ops::Range;

/// An error and its line number.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) line: usize,
    words: String,
}

impl Problem {
    pub(super) fn at(text: &str, span: &Range<usize>, words: String) -> Self {
        let before = text.as_bytes().get(..span.start).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Self { line, words }
    }

    /// An error of the TOML syntax.
    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or_default();
        let words = error.message().split_whitespace().collect::<Vec<_>>();
        Self::at(text, &span, words.join(" "))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.words)
    }
}
