//! Writes log lines to standard error on a thread of its own, so that the game never waits for them. Lines wait while
//! the reader is slow or the disk is full. Only lines beyond [`LINES_MAX`] are lost, and their number is logged.

mod output;
mod stderr;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use output::{Outcome, Output};
use stderr::{Stream, missing_line_break};

/// Takes lines without ever blocking.
#[derive(Clone, Debug)]
pub(crate) struct LogWriter {
    lines: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

/// Waits on drop until the lines so far are written, for a second at most. Then the thread that writes gives up.
#[derive(Debug)]
pub(crate) struct Flush {
    lines: SyncSender<Message>,
    gives_up: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Message {
    Line {
        line: Vec<u8>,
        /// The number of lines that were lost directly before this one.
        lost_before: u64,
    },
    Flush(SyncSender<()>),
}

/// The thread that writes.
struct Writer<S, R> {
    received: Receiver<Message>,
    lost: Arc<AtomicU64>,
    output: Output<S>,
    /// Makes the line that tells how many lines were lost.
    report: R,
    /// The number of lost lines that are not reported yet.
    untold: u64,
    reported_at: Option<Instant>,
}

impl LogWriter {
    /// Starts the thread. `report` makes the line that tells how many lines were lost.
    pub(crate) fn start(
        report: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> io::Result<(Self, Flush)> {
        Self::start_with(Output::new(io::stderr(), missing_line_break()), report)
    }

    fn start_with(
        output: Output<impl Stream + Send + 'static>,
        report: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> io::Result<(Self, Flush)> {
        let (this, received) = Self::channel(LINES_MAX);
        let flush = Flush {
            lines: this.lines.clone(),
            gives_up: Arc::clone(output.gives_up()),
        };
        let writer = Writer {
            received,
            lost: Arc::clone(&this.lost),
            output,
            report,
            untold: 0,
            reported_at: None,
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.run())?;
        Ok((this, flush))
    }

    /// Returns the line that `write` writes, instead of writing it to standard error.
    pub(crate) fn caught(write: impl FnOnce(Self)) -> Vec<u8> {
        let (this, received) = Self::channel(1);
        write(this);
        match received.try_recv() {
            Ok(Message::Line { line, .. }) => line,
            Ok(Message::Flush(_)) | Err(_) => Vec::new(),
        }
    }

    fn channel(lines_max: usize) -> (Self, Receiver<Message>) {
        let (lines, received) = sync_channel(lines_max);
        let lost = Arc::default();
        (Self { lines, lost }, received)
    }
}

/// One call is one line: the subscriber writes a whole event at once.
impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let message = Message::Line {
            line: line.to_vec(),
            lost_before: self.lost.swap(0, Ordering::Relaxed),
        };
        if let Err(
            TrySendError::Full(Message::Line { lost_before, .. })
            | TrySendError::Disconnected(Message::Line { lost_before, .. }),
        ) = self.lines.try_send(message)
        {
            self.lost.fetch_add(lost_before + 1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        if !self.is_flushed_within(FLUSH_TIMEOUT) {
            self.gives_up.store(true, Ordering::Relaxed);
            self.is_flushed_within(GIVE_UP_TIMEOUT);
        }
    }
}

impl Flush {
    fn is_flushed_within(&self, timeout: Duration) -> bool {
        let (done, is_done) = sync_channel(1);
        let mut message = Message::Flush(done);
        let deadline = Instant::now() + timeout;
        while let Err(TrySendError::Full(again)) = self.lines.try_send(message) {
            if Instant::now() >= deadline {
                return false;
            }
            message = again;
            thread::sleep(FLUSH_STEP);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        is_done.recv_timeout(left).is_ok()
    }
}

impl<S: Stream, R: Fn(u64) -> Vec<u8>> Writer<S, R> {
    fn run(mut self) {
        while let Some(message) = self.next() {
            match message {
                Message::Line { line, lost_before } => {
                    self.untold += lost_before;
                    if self.output.has_given_up() {
                        self.untold += 1;
                        continue;
                    }
                    let is_due = |at: Instant| at.elapsed() >= REPORT_INTERVAL;
                    if self.reported_at.is_none_or(is_due) {
                        self.report_lost();
                    }
                    if self.output.write_line(&line) == Outcome::Lost {
                        self.untold += 1;
                    }
                }
                Message::Flush(done) => {
                    self.untold += self.lost.swap(0, Ordering::Relaxed);
                    self.report_lost();
                    // The caller may have stopped waiting.
                    done.send(()).ok();
                }
            }
        }
    }

    /// Waits for the next message. If none comes within a second, it reports the lines that were lost.
    fn next(&mut self) -> Option<Message> {
        if let Ok(message) = self.received.try_recv() {
            return Some(message);
        }
        self.untold += self.lost.swap(0, Ordering::Relaxed);
        if self.untold > 0 {
            match self.received.recv_timeout(REPORT_INTERVAL) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) => self.report_lost(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        self.received.recv().ok()
    }

    fn report_lost(&mut self) {
        if self.untold == 0 {
            return;
        }
        if self.output.write_line(&(self.report)(self.untold)) == Outcome::Written {
            self.untold = 0;
        }
        self.reported_at = Some(Instant::now());
    }
}

/// The most lines that wait. A line has about 1 KiB.
const LINES_MAX: usize = 8 * 1024;
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// Longer than the thread that writes takes to notice.
const GIVE_UP_TIMEOUT: Duration = Duration::from_millis(300);
const FLUSH_STEP: Duration = Duration::from_millis(5);
/// While lines are lost all the time, this is the time between two reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
