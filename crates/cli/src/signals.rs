//! The signals that ask the server to end. They are caught from the moment this is made until the process ends.

use std::io;
use std::time::Duration;

/// SIGTERM and SIGINT.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    heard: Option<&'static str>,
}

#[cfg(unix)]
impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            heard: None,
        })
    }

    /// Waits for one signal, as the system delivers it.
    async fn one(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Ctrl-C and Ctrl-Break.
#[cfg(windows)]
#[derive(Debug)]
pub(crate) struct Stop {
    ctrl_c: tokio::signal::windows::CtrlC,
    ctrl_break: tokio::signal::windows::CtrlBreak,
    heard: Option<&'static str>,
}

#[cfg(windows)]
impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c};
        Ok(Self {
            ctrl_c: ctrl_c()?,
            ctrl_break: ctrl_break()?,
            heard: None,
        })
    }

    /// Waits for one signal, as the system delivers it.
    async fn one(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.ctrl_c.recv() => "Ctrl-C",
            _ = self.ctrl_break.recv() => "Ctrl-Break",
        }
    }
}

impl Stop {
    /// Waits for the next signal and returns its name. Further signals within 100 ms count as copies of it. Cancel
    /// safe: no signal is lost.
    pub(crate) async fn next(&mut self) -> &'static str {
        let name = match self.heard {
            Some(name) => name,
            None => self.one().await,
        };
        self.heard = Some(name);
        // `timeout -s INT 3 lastword demo` sends the signal twice: to the process, and to the process group.
        let copies = async {
            loop {
                self.one().await;
            }
        };
        tokio::time::timeout(COPIES_WITHIN, copies).await.ok();
        self.heard = None;
        name
    }
}

/// Shorter than the time a person needs to press Ctrl-C again.
const COPIES_WITHIN: Duration = Duration::from_millis(100);
