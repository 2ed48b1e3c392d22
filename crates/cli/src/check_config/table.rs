//! Rows of a label and words, which stay within a terminal's width.

/// The maximum number of characters in a line.
pub(super) const WIDTH: usize = 100;

/// Keeps two words on one line.
pub(super) const GLUE: char = '\u{a0}';

/// Rows under a heading, with their words aligned.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<(String, String)>,
}

impl Table {
    pub(super) fn row(&mut self, label: impl Into<String>, words: impl Into<String>) {
        self.rows.push((label.into(), words.into()));
    }

    /// Returns the lines of the table below its heading, or an empty text where it has no row.
    pub(super) fn print(&self, heading: &str) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let labels = self.rows.iter().map(|(label, _)| label.chars().count());
        let indent = INDENT + labels.max().unwrap_or(0) + INDENT;
        let rows = self.rows.iter().map(|(label, words)| {
            let lines = wrap(words, WIDTH.saturating_sub(indent));
            let first = format!("{:INDENT$}{label:<width$}", "", width = indent - INDENT);
            let rest = format!("\n{:indent$}", "");
            format!("{first}{}\n", lines.join(&rest))
        });
        format!("\n{heading}\n{}", rows.collect::<String>())
    }
}

/// Breaks words into lines of at most this many characters. A longer word stands alone on its line.
fn wrap(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ') {
        let word = word.replace(GLUE, " ");
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

const INDENT: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_between_them_and_not_where_they_are_glued() {
        assert_eq!(wrap("a b c", 3), ["a b", "c"]);
        assert_eq!(wrap("a b\u{a0}c", 3), ["a", "b c"]);
        assert_eq!(wrap("longer than that", 4), ["longer", "than", "that"]);
    }

    #[test]
    fn the_words_of_all_rows_begin_in_one_column() {
        let mut table = Table::default();
        table.row("a", "one");
        table.row("bcd", "word ".repeat(30).trim_end());
        let printed = table.print("heading");
        let lines: Vec<_> = printed.lines().collect();
        assert_eq!(lines[..3], ["", "heading", "  a    one"]);
        assert!(lines[3].starts_with("  bcd  word word"), "{printed}");
        assert!(lines[4].starts_with("       word"), "{printed}");
        assert_eq!(lines[3].len(), 7 + 18 * 5 - 1);
        assert_eq!(Table::default().print("heading"), "");
    }
}
