//! Freezing processes: a frozen process does nothing. Its connections stay, and its kernel answers for it.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Stops a process with `SIGSTOP`, and returns when all its threads have really stopped.
///
/// It takes the number that [`Child::id`](std::process::Child::id) returns, and freezes only that process: the children
/// of a shell or of [`sandboxed`](crate::sandboxed) keep running.
///
/// # Errors
///
/// When there is no such process, or it belongs to another user; [`ErrorKind::TimedOut`] when it does not stop within
/// 5 s; then it continues to run.
pub fn freeze(process: u32) -> io::Result<Frozen> {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    let pid =
        pid.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "no process has this number"))?;
    let frozen = Frozen {
        handle: pidfd_open(pid, PidfdFlags::empty())?,
    };
    pidfd_send_signal(&frozen.handle, Signal::STOP)?;
    let deadline = Instant::now() + STOP_TIMEOUT;
    while !stands_still(process)? {
        if Instant::now() > deadline {
            let message = format!("process {process} does not stop");
            return Err(io::Error::new(ErrorKind::TimedOut, message));
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(frozen)
}

/// A process that is stopped until this guard is dropped.
///
/// The process may be killed meanwhile; a signal never reaches another process that got the same number.
#[derive(Debug)]
#[must_use = "the process goes on as soon as this is dropped"]
pub struct Frozen {
    handle: OwnedFd,
}

impl Frozen {
    /// Lets the process continue.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn thaw(self) -> io::Result<()> {
        self.resume()
    }

    fn resume(&self) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.handle, Signal::CONT)?)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // The kernel refuses this only when the process is gone; then there is nothing to resume.
        drop(self.resume());
    }
}

/// Threads stop one after the other, each when it next leaves the kernel.
fn stands_still(process: u32) -> io::Result<bool> {
    let mut threads = Vec::new();
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        threads.push(state(&thread?.path().join("stat"))?);
    }
    if threads.iter().all(|state| *state == State::Ended) {
        let message = format!("process {process} has ended");
        return Err(io::Error::new(ErrorKind::NotFound, message));
    }
    Ok(!threads.contains(&State::Running))
}

/// Reads a thread's state from the field after its name. The name is in parentheses and may contain parentheses
/// (`proc_pid_stat(5)`).
fn state(stat: &Path) -> io::Result<State> {
    let line = match fs::read_to_string(stat) {
        Ok(line) => line,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::Ended),
        Err(error) => return Err(error),
    };
    let state = line
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    Ok(match state {
        Some('T') => State::Stopped,
        Some('Z' | 'X') => State::Ended,
        Some(_) | None => State::Running,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Stopped,
    Ended,
}

const STOP_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(1);
