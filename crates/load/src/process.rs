//! A program that is started for one part of a test. It takes orders on standard input and answers on standard
//! output, both one JSON line at a time. An answer is a value, or a text that says why there is no value.
//!
//! [`Process`] is the program from outside. The program itself calls [`next_order`] and [`answer`].

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A started program. It is killed when this value is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    orders: ChildStdin,
    lines: Receiver<io::Result<String>>,
}

/// Why a program can no longer be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The program did not start.
    #[error("the other process does not start: {0}")]
    Start(#[source] io::Error),
    /// The program has ended, or closed its standard input or output.
    #[error("the other process has ended: {0}")]
    Ended(#[source] io::Error),
    /// An order or an answer is not the JSON that the other side expects.
    #[error("a line to or from the other process cannot be read: {0}")]
    Line(#[from] serde_json::Error),
    /// The program did not answer within this time.
    #[error("the other process does not answer within {0:?}")]
    Silent(Duration),
    /// The program could not carry out the order.
    #[error("the other process failed: {0}")]
    Failed(String),
    /// The program could not be watched or killed, or did not reach a state in time.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Process {
    /// Starts a program with `spawn`, such as [`Command::spawn`].
    ///
    /// # Errors
    /// [`ProcessError::Start`].
    pub fn start(
        mut command: Command,
        spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
    ) -> Result<Self, ProcessError> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = spawn(&mut command).map_err(ProcessError::Start)?;
        let (Some(orders), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ProcessError::Start(io::ErrorKind::BrokenPipe.into()));
        };
        let (tell, lines) = channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            while lines.next().is_some_and(|line| tell.send(line).is_ok()) {}
        });
        Ok(Self {
            child,
            orders,
            lines,
        })
    }

    /// Gives an order, and does not wait for an answer.
    ///
    /// # Errors
    /// The program has ended.
    pub fn tell(&mut self, order: &impl Serialize) -> Result<(), ProcessError> {
        let line = serde_json::to_string(order)?;
        writeln!(self.orders, "{line}").map_err(ProcessError::Ended)
    }

    /// Waits for the next answer; `None` if none comes within this time.
    ///
    /// # Errors
    /// The program has ended, its answer cannot be read, or the answer says why there is no value
    /// ([`ProcessError::Failed`]).
    pub fn hear<T: DeserializeOwned>(
        &mut self,
        within: Duration,
    ) -> Result<Option<T>, ProcessError> {
        let line = match self.lines.recv_timeout(within) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let answer: Result<T, String> = serde_json::from_str(&line.map_err(ProcessError::Ended)?)?;
        answer.map(Some).map_err(ProcessError::Failed)
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells whether the program has ended by itself.
    ///
    /// # Errors
    /// As `waitpid`(2).
    pub fn is_gone(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Kills the program (`SIGKILL`), and waits until it is gone.
    ///
    /// # Errors
    /// As `kill`(2) and `waitpid`(2).
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // This fails for a program that has already ended.
        self.kill().ok();
    }
}

/// Reads the program's next order from standard input; `None` at its end.
///
/// # Errors
/// Standard input cannot be read, or the line is not such an order.
pub fn next_order<T: DeserializeOwned>() -> Result<Option<T>, ProcessError> {
    let mut line = String::new();
    match io::stdin().read_line(&mut line)? {
        0 => Ok(None),
        _ => Ok(Some(serde_json::from_str(&line)?)),
    }
}

/// Writes the program's answer to standard output.
///
/// # Errors
/// Standard output cannot be written, or the value has no JSON.
pub fn answer(answer: &Result<impl Serialize, String>) -> Result<(), ProcessError> {
    let line = serde_json::to_string(answer)?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}
