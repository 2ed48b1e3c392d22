//! Lines on a stream that may be slow, full or closed: a line is written whole or not at all. Each error of a write has
//! its own answer.

#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::stderr::{RETRY_INTERVAL, Stream};

/// The stream, and the bytes that it did not take yet.
#[derive(Debug)]
pub(super) struct Output<S> {
    stream: S,
    /// The bytes that must be written: a line, and before it the rest of a line that was cut off.
    pending: Vec<u8>,
    /// Set by another thread when the process ends: from then on nothing waits.
    gives_up: Arc<AtomicBool>,
}

/// The result of writing a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The line is written. If it was cut off, the rest of it comes before the next line.
    Written,
    /// No part of the line is written, because standard error no longer has a reader.
    Lost,
}

impl<S: Stream> Output<S> {
    /// An output that first takes the rest of a line that was cut off.
    pub(super) fn new(stream: S, rest: &[u8]) -> Self {
        Self {
            stream,
            pending: rest.to_vec(),
            gives_up: Arc::default(),
        }
    }

    /// Returns the flag that makes the output give up. A line that a file has taken only in part is then taken back, so
    /// that no half line stays.
    pub(super) fn gives_up(&self) -> &Arc<AtomicBool> {
        &self.gives_up
    }

    /// Writes a line. It waits while the stream may take more later: its reader is slow, or a disk is full.
    pub(super) fn write_line(&mut self, line: &[u8]) -> Outcome {
        let cut_off = self.pending.len();
        self.pending.extend_from_slice(line);
        let written = self.write_pending();
        self.pending.drain(..written);
        if written > cut_off {
            return Outcome::Written;
        }
        self.pending.truncate(cut_off - written);
        Outcome::Lost
    }

    /// Returns how many of the pending bytes were written before an error that waiting cannot solve.
    fn write_pending(&mut self) -> usize {
        let mut written = 0;
        while let Some(rest @ [_, ..]) = self.pending.get(written..) {
            let answer = match self.stream.write(rest) {
                Ok(0) => Answer::Wait,
                Ok(count) => {
                    written += count;
                    continue;
                }
                Err(error) => Answer::to(&error),
            };
            match answer {
                Answer::Again => {}
                Answer::Lose => break,
                Answer::Wait | Answer::Poll if self.has_given_up() => {
                    if self.stream.take_back(written) {
                        written = 0;
                    }
                    break;
                }
                Answer::Wait => thread::sleep(RETRY_INTERVAL),
                Answer::Poll => self.stream.wait(),
            }
        }
        written
    }

    pub(super) fn has_given_up(&self) -> bool {
        self.gives_up.load(Ordering::Relaxed)
    }
}

/// The answer to an error of a write.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Writes again at once: a signal came.
    Again,
    /// Waits for the reader. The descriptor is non-blocking. It may be shared with other processes, so its mode is
    /// not changed.
    Poll,
    /// Waits for room or memory, which an operator or a log rotation may free.
    Wait,
    /// Loses the line: its reader has gone (EPIPE, ECONNRESET), the terminal was closed (EIO), and the like.
    Lose,
}

impl Answer {
    fn to(error: &io::Error) -> Self {
        const ANSWERS: [(ErrorKind, Answer); 6] = [
            (ErrorKind::Interrupted, Answer::Again),
            (ErrorKind::WouldBlock, Answer::Poll),
            (ErrorKind::StorageFull, Answer::Wait),
            (ErrorKind::QuotaExceeded, Answer::Wait),
            (ErrorKind::FileTooLarge, Answer::Wait),
            (ErrorKind::OutOfMemory, Answer::Wait),
        ];
        let mut answers = ANSWERS.iter();
        let known = answers.find(|(kind, _)| *kind == error.kind());
        known.map_or(Self::Lose, |(_, answer)| *answer)
    }
}
