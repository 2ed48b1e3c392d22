//! Ctrl-C and Ctrl-Break.

use std::io;

use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

use super::Answer;

#[derive(Debug)]
pub(super) struct Signals {
    ctrl_c: CtrlC,
    ctrl_break: CtrlBreak,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            ctrl_c: ctrl_c()?,
            ctrl_break: ctrl_break()?,
        })
    }

    /// Waits for one signal. Cancel safe.
    pub(super) async fn next(&mut self) -> (&'static str, Answer) {
        let name = tokio::select! {
            biased;
            _ = self.ctrl_c.recv() => "Ctrl-C",
            _ = self.ctrl_break.recv() => "Ctrl-Break",
        };
        (name, Answer::End)
    }
}
