//! Writes standard output on a thread of its own: a table on a terminal, a line for each end elsewhere, and the
//! summary. A reader that is slow or gone delays only this thread.

use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use lastword::ServerHandle;
use tokio::sync::oneshot;

use super::frame::{DemoInfo, Frame};
use super::screen::Screen;
use super::state::{End, Shared};
use super::style::{CAUSE, CLASS, Style, WHO, column};

/// The thread that writes. If it is dropped before its conclusion, it shows nothing else, and the terminal is
/// restored.
#[derive(Debug)]
pub(crate) struct Display {
    /// Takes the summary, which is shown last.
    summary: Option<Sender<String>>,
    thread: JoinHandle<()>,
    /// Receives the thread's result.
    over: oneshot::Receiver<io::Result<()>>,
}

/// Writes the state of the demo in one form.
struct Renderer {
    info: DemoInfo,
    state: Shared,
    server: ServerHandle,
    mode: OutputMode,
}

/// The form of the output.
enum OutputMode {
    Table(Screen, Style),
    Lines {
        /// The number of the last end that was shown.
        last: u64,
        is_noted: bool,
    },
}

impl Display {
    pub(crate) fn start(info: DemoInfo, state: Shared, server: ServerHandle) -> io::Result<Self> {
        let (summary, told) = channel();
        let (tell, over) = oneshot::channel();
        let mode = OutputMode::choose()?;
        let mut renderer = Renderer {
            info,
            state,
            server,
            mode,
        };
        let thread = thread::Builder::new().name("display".to_owned());
        let thread = thread.spawn(move || {
            // If this fails, the receiver is gone and does not need the result.
            tell.send(renderer.run(&told)).ok();
        })?;
        Ok(Self {
            summary: Some(summary),
            thread,
            over,
        })
    }

    /// Waits until standard output is closed by its reader, which is not an error. Cancel safe.
    pub(crate) async fn unread(&mut self) -> io::Result<()> {
        match (&mut self.over).await {
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Ok(shown) => shown,
            Err(_) => Err(io::Error::other("the display panicked")),
        }
    }

    /// Shows the summary, and waits until it is written or its reader is gone.
    pub(crate) async fn conclude(mut self, summary: String) {
        if let Some(tell) = self.summary.take() {
            tell.send(summary).ok();
        }
        // A summary that cannot be written must not delay or change the verdict.
        drop(tokio::time::timeout(LAST_WORDS, self.unread()).await);
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.summary = None;
        let deadline = Instant::now() + LAST_WORDS;
        while !self.thread.is_finished() && Instant::now() < deadline {
            thread::sleep(STEP);
        }
    }
}

impl Renderer {
    fn run(&mut self, told: &Receiver<String>) -> io::Result<()> {
        if matches!(self.mode, OutputMode::Lines { .. }) {
            let links = self.info.links().join("\n");
            print(&format!("{links}\n{}\n", self.info.until()))?;
        }
        loop {
            self.update()?;
            match told.recv_timeout(INTERVAL) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(summary) => return self.conclude(&summary),
            }
        }
    }

    fn update(&mut self) -> io::Result<()> {
        match &mut self.mode {
            OutputMode::Table(screen, style) => {
                let (width, height) = screen.room();
                let stats = self.server.stats();
                let lines = self.state.with(|state| {
                    let frame = Frame {
                        info: &self.info,
                        state,
                        stats: &stats,
                        now: Instant::now(),
                        style: *style,
                    };
                    frame.lines(width, height)
                });
                screen.draw(&lines)
            }
            OutputMode::Lines { last, is_noted } => {
                let new = self.state.with(|state| {
                    let note = state.note.as_ref().filter(|_| !*is_noted);
                    *is_noted |= note.is_some();
                    let note = note.map(|note| format!("{note}\n"));
                    let new = note.into_iter().chain(state.after(*last).map(line));
                    let new: String = new.collect();
                    *last = state.sums().ended();
                    new
                });
                print(&new)
            }
        }
    }

    fn conclude(&mut self, summary: &str) -> io::Result<()> {
        self.update()?;
        if matches!(self.mode, OutputMode::Table(..)) {
            // The alternate screen closes, and the lines that must stay are written to the normal
            // screen.
            self.mode = OutputMode::Lines {
                last: u64::MAX,
                is_noted: false,
            };
            self.update()?;
        }
        print(summary)
    }
}

impl OutputMode {
    fn choose() -> io::Result<Self> {
        let is_terminal = io::stdout().is_terminal() && is_not("TERM", |term| term == "dumb");
        if is_terminal {
            let has_colour = is_not("NO_COLOR", |value| !value.is_empty());
            return Ok(Self::Table(Screen::enter()?, Style { has_colour }));
        }
        Ok(Self::Lines {
            last: 0,
            is_noted: false,
        })
    }
}

/// A line for pipes: it is not cut, and has no colours.
fn line(end: &End) -> String {
    let close = &end.close;
    format!(
        "{} {} {} {}{}\n",
        close.at.get(11..23).unwrap_or(&close.at),
        column(&end.who(), WHO),
        column(close.cause.label(), CAUSE),
        column(close.cause.class().label(), CLASS),
        close.evidence(),
    )
}

fn is_not(variable: &str, what: impl FnOnce(&str) -> bool) -> bool {
    !env::var(variable).is_ok_and(|value| what(&value))
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

const INTERVAL: Duration = Duration::from_millis(250);
/// The longest wait for the summary where its reader does not read.
const LAST_WORDS: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(5);
