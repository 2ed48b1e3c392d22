//! The terminal while the demo has it: an alternate screen without a cursor, given back however this ends.

use std::io::{self, Write as _};
use std::panic;

/// Drawing on the whole terminal.
#[derive(Debug)]
pub(crate) struct Screen;

impl Screen {
    pub(crate) fn enter() -> io::Result<Self> {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // What a panic says has to outlive the screen that it happens on.
            leave();
            previous(panic);
        }));
        write(ENTER)?;
        Ok(Self)
    }

    /// Columns and rows to draw on, asked anew each time: terminals are resized. The last row stays empty.
    pub(crate) fn room(&self) -> (usize, usize) {
        let size = terminal_size::terminal_size();
        let (width, height) = size.map_or((80, 24), |(width, height)| {
            (width.0.into(), height.0.into())
        });
        (width, usize::saturating_sub(height, 1))
    }

    /// Draws over what is there, at once, so that nothing flickers.
    pub(crate) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        write(&drawn(lines))
    }
}

/// A line is cleared before it is written. Behind a line that fills the terminal the cursor stands on the last column,
/// and clearing would take the last character.
fn drawn(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| format!("\x1b[K{line}\r\n"));
    format!("\x1b[H{}\x1b[J", lines.collect::<String>())
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn leave() {
    // A terminal that is gone needs nothing back.
    write(LEAVE).ok();
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Another screen, no cursor, and lines that are clipped where the terminal is too narrow.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal shows that had other characters everywhere.
    fn shown(written: &str, width: usize, height: usize) -> Vec<String> {
        let mut cells = vec![vec!['#'; width]; height];
        let (mut row, mut column) = (0, 0);
        let mut rest = written;
        while let Some(c) = rest.chars().next() {
            // As a terminal that does not wrap has it: the cursor stays on the last column.
            let at = column.min(width - 1);
            if let Some(after) = rest.strip_prefix("\x1b[H") {
                (row, column, rest) = (0, 0, after);
                continue;
            }
            if let Some(after) = rest.strip_prefix("\x1b[K") {
                cells[row][at..].fill(' ');
                rest = after;
                continue;
            }
            if let Some(after) = rest.strip_prefix("\x1b[J") {
                cells[row][at..].fill(' ');
                cells[row + 1..]
                    .iter_mut()
                    .for_each(|cells| cells.fill(' '));
                rest = after;
                continue;
            }
            match c {
                '\r' => column = 0,
                '\n' => row += 1,
                c => {
                    cells[row][at] = c;
                    column += 1;
                }
            }
            rest = &rest[c.len_utf8()..];
        }
        let lines = cells.iter().map(|cells| cells.iter().collect::<String>());
        lines.map(|line| line.trim_end().to_owned()).collect()
    }

    #[test]
    fn a_line_that_fills_the_terminal_keeps_its_last_character() {
        let lines = ["abcdefgh", "ab", "12345678"].map(str::to_owned);
        assert_eq!(
            shown(&drawn(&lines), 8, 5),
            ["abcdefgh", "ab", "12345678", "", ""]
        );
        assert_eq!(
            shown(&drawn(&lines), 8, 4),
            ["abcdefgh", "ab", "12345678", ""]
        );
    }
}
