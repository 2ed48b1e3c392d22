//! The terminal during the demo: an alternate screen without a cursor, which is restored however the demo ends.

use std::io::{self, Write as _};
use std::panic;

/// Drawing on the whole terminal.
#[derive(Debug)]
pub(crate) struct Screen;

impl Screen {
    pub(crate) fn enter() -> io::Result<Self> {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // The screen closes first, so that the panic's message stays visible.
            leave();
            previous(panic);
        }));
        write(ENTER)?;
        Ok(Self)
    }

    /// Returns the columns and rows to draw on. It asks each time, because terminals are resized. The last row stays
    /// empty.
    pub(crate) fn room(&self) -> (usize, usize) {
        let size = terminal_size::terminal_size();
        let (width, height) = size.map_or((80, 24), |(width, height)| {
            (width.0.into(), height.0.into())
        });
        (width, usize::saturating_sub(height, 1))
    }

    /// Draws over the old lines in one write, so that the screen does not flicker.
    pub(crate) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        write(&drawn(lines))
    }
}

/// Clears each line before it writes it. After a line of the full width, the cursor stays on the last column, and
/// clearing would delete the last character.
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
    // A terminal that is gone needs no restoring.
    write(LEAVE).ok();
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Opens the alternate screen, hides the cursor, and clips lines that are too long.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the screen after these bytes, if it was full of other characters before.
    fn shown(written: &str, width: usize, height: usize) -> Vec<String> {
        let mut cells = vec![vec!['#'; width]; height];
        let (mut row, mut column) = (0, 0);
        let mut rest = written;
        while let Some(c) = rest.chars().next() {
            // On a terminal that does not wrap, the cursor stays on the last column.
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
