//! The protocol between the programs: one JSON object per line on stdout; the end of stdin is the signal to stop.

use std::io::{self, BufRead, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One line from a server or a load generator to the harness.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Report {
    /// A server accepts connections.
    Listening {
        /// The address on which it accepts them.
        addr: SocketAddr,
    },
    /// A load generator has all its connections open and warm.
    Ready,
    /// A load generator has every frame of its run back.
    Done {
        /// Frames that were sent, echoed and checked.
        messages: u64,
        /// The time from the first frame sent to the last one back.
        seconds: f64,
    },
}

impl Report {
    /// Writes the line to stdout.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn print(self) -> Result<()> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer(&mut stdout, &self)?;
        stdout.write_all(b"\n")?;
        stdout.flush().context("the harness went away")
    }
}

/// The orders of the harness to a program, read from that program's stdin.
#[derive(Debug)]
pub struct Control {
    lines: Receiver<()>,
}

/// An order of the harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Begin the measured part.
    Go,
    /// Stop: stdin has ended.
    Stop,
}

impl Control {
    /// Starts reading orders from stdin.
    #[must_use]
    pub fn from_stdin() -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                if line.is_err() || sender.send(()).is_err() {
                    break;
                }
            }
        });
        Self { lines }
    }

    /// Returns the next order, if one has arrived.
    #[must_use]
    pub fn poll(&self) -> Option<Order> {
        match self.lines.try_recv() {
            Ok(()) => Some(Order::Go),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Order::Stop),
        }
    }
}

/// Ends this process when stdin ends, so that no server outlives its harness.
pub fn exit_when_stdin_ends() {
    thread::spawn(|| {
        let mut discarded = [0; 64];
        while matches!(io::stdin().lock().read(&mut discarded), Ok(read) if read > 0) {}
        std::process::exit(0);
    });
}
