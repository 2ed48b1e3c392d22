//! A child process of the harness. It is pinned to a core, its lines are read with a deadline, and it is killed and
//! reaped when dropped.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

use crate::report::Report;

/// A running program of this crate.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    /// Starts a program on one core; it never runs on another one before.
    ///
    /// # Errors
    /// When it cannot be started, or there is no such core.
    pub fn spawn(path: &Path, arguments: &[String], core: usize) -> Result<Self> {
        let mut command = Command::new(path);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = on_core(core, || command.spawn())?
            .with_context(|| format!("cannot start {}", path.display()))?;
        let lines = lines_of(&mut child);
        let stdin = child.stdin.take();
        let name = format!("{} {}", path.display(), arguments.join(" "));
        Ok(Self {
            name,
            child,
            stdin,
            lines,
        })
    }

    /// Waits for the next line on its stdout.
    ///
    /// # Errors
    /// When no line comes in time, or the program ends instead.
    pub fn wait_for_line(&self, timeout: Duration) -> Result<String> {
        let line = self.lines.recv_timeout(timeout);
        line.with_context(|| format!("no report from `{}`", self.name))
    }

    /// Waits for the next report.
    ///
    /// # Errors
    /// When no report comes in time, or the program ends instead.
    pub fn wait_for_report(&self, timeout: Duration) -> Result<Report> {
        let line = self.wait_for_line(timeout)?;
        serde_json::from_str(&line).with_context(|| format!("`{}` said {line:?}", self.name))
    }

    /// Waits until a load generator has its connections open and warm.
    ///
    /// # Errors
    /// When it is not ready in time, or ends instead.
    pub fn wait_until_ready(&self, timeout: Duration) -> Result<()> {
        let report = self.wait_for_report(timeout)?;
        ensure!(
            report == Report::Ready,
            "`{}` is not ready but {report:?}",
            self.name
        );
        Ok(())
    }

    /// Tells a controlled load generator to begin.
    ///
    /// # Errors
    /// When it has ended.
    pub fn go(&mut self) -> Result<()> {
        let stdin = self.stdin.as_mut().context("stdin is not ours")?;
        stdin
            .write_all(b"go\n")
            .with_context(|| format!("`{}` has ended", self.name))
    }

    /// Ends the program's stdin, at which it stops.
    pub fn stop(&mut self) {
        self.stdin = None;
    }

    /// Interrupts the program, as Ctrl-C does.
    ///
    /// # Errors
    /// When it has ended.
    pub fn interrupt(&self) -> Result<()> {
        kill(self.pid()?, Signal::SIGINT)
            .with_context(|| format!("cannot interrupt `{}`", self.name))
    }

    /// Returns the CPU time of all the program's threads, past and present.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu_time(&self) -> Result<Duration> {
        let clock = clock_getcpuclockid(self.pid()?)
            .with_context(|| format!("`{}` has no account of CPU time", self.name))?;
        Ok(Duration::from(clock.now()?))
    }

    /// Returns the process id.
    ///
    /// # Errors
    /// Never on a system whose process ids fit its own type.
    pub fn pid(&self) -> Result<Pid> {
        Ok(Pid::from_raw(self.child.id().try_into()?))
    }
}

impl Drop for Process {
    /// Ends the program by its id and reaps it, in every state.
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("cannot end `{}`: {error}", self.name);
        }
    }
}

/// Returns the path of a program of this crate, in the directory of the harness.
///
/// # Errors
/// When the harness does not know its own path.
pub fn path_of(program: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(program))
}

/// Raises the limit of open files of this process, and so of its children, to the system's maximum, and returns that
/// number.
///
/// # Errors
/// When the limit cannot be read or raised.
pub fn raise_open_files_max() -> Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

/// Runs `start` on one core. A child or a thread inherits the core of the thread that starts it, so it never runs on
/// another core first.
pub(crate) fn on_core<T>(core: usize, start: impl FnOnce() -> T) -> Result<T> {
    let this_thread = Pid::from_raw(0);
    let before = sched_getaffinity(this_thread)?;
    let mut only = CpuSet::new();
    only.set(core)?;
    sched_setaffinity(this_thread, &only).with_context(|| format!("cannot use core {core}"))?;
    let started = start();
    sched_setaffinity(this_thread, &before)?;
    Ok(started)
}

fn lines_of(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    lines
}
