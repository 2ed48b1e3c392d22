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

    /// Columns and rows, asked anew each time: terminals are resized.
    pub(crate) fn size(&self) -> (usize, usize) {
        let size = terminal_size::terminal_size();
        size.map_or((80, 24), |(width, height)| {
            (width.0.into(), height.0.into())
        })
    }

    /// Draws over what is there, at once, so that nothing flickers.
    pub(crate) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let body = lines.join("\x1b[K\r\n");
        write(&format!("\x1b[H{body}\x1b[K\x1b[J"))
    }
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
