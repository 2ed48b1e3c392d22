//! Starts the command and waits for it with a deadline.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than any successful step takes here.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A server on a free port, as a shell starts it.
pub(crate) const SERVE: &str = concat!(
    "'",
    env!("CARGO_BIN_EXE_lastword"),
    "' serve --listen 127.0.0.1:0 --admin off"
);

/// A process of the command, which is killed when dropped.
pub(crate) struct Running {
    pid: Pid,
    ended: Receiver<Output>,
}

/// The result of a process that has ended.
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A process of `lastword serve`.
pub(crate) struct Serving {
    pub(crate) process: Running,
    pub(crate) game: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) first_line: String,
}

/// The command, with its output captured.
pub(crate) fn lastword(args: &[&str]) -> Command {
    let mut command = caught(env!("CARGO_BIN_EXE_lastword"));
    command.args(args);
    command
}

/// A server with a limit of descriptors, in the syntax of the shell's `ulimit`.
pub(crate) fn with_limit(limit: &str) -> Command {
    let mut command = caught("sh");
    command.args(["-c", &format!("ulimit {limit} && exec {SERVE}")]);
    command
}

/// A program, with its output captured.
pub(crate) fn caught(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_remove("LASTWORD_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A server on free ports, with these additional arguments.
pub(crate) fn serve(args: &[&str]) -> Serving {
    let ports = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    Serving::start(lastword(&[&ports, args].concat()))
}

/// The same, without a terminal, and with SIGHUP as a service gets it: `nohup` around the tests would leave it ignored.
pub(crate) fn serve_as_service(args: &[&str]) -> Serving {
    let mut command = caught("setsid");
    let program = env!("CARGO_BIN_EXE_lastword");
    command.args(["env", "--default-signal=HUP", program]);
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command.args(args);
    Serving::start(command)
}

impl Running {
    pub(crate) fn start(mut command: Command) -> (Self, Option<ChildStdout>) {
        let mut child = command.spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let stdout = child.stdout.take();
        let (tell, ended) = channel();
        thread::spawn(move || tell.send(child.wait_with_output().unwrap()));
        (Self { pid, ended }, stdout)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Waits until the process has ended.
    pub(crate) fn end(&self) -> Ended {
        let output = self.ended.recv_timeout(DEADLINE).expect("the process ends");
        Ended {
            status: output.status.code(),
            stdout: String::new(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // This fails for a process that has already ended.
        kill(self.pid, Signal::SIGKILL).ok();
    }
}

impl Serving {
    pub(crate) fn start(command: Command) -> Self {
        let (process, stdout) = Running::start(command);
        let first_line = first_line(stdout.unwrap());
        let addrs = first_line
            .strip_prefix("listening game=")
            .and_then(|rest| rest.split_once(" admin="));
        let Some((game, admin)) = addrs else {
            panic!("{first_line:?}: {}", process.end().stderr);
        };
        let (game, admin) = (game.parse().unwrap(), admin.parse().ok());
        Self {
            process,
            game,
            admin,
            first_line,
        }
    }
}

/// Runs the command until it ends.
pub(crate) fn run(args: &[&str]) -> Ended {
    let (process, stdout) = Running::start(lastword(args));
    let ended = process.end();
    let stdout = std::io::read_to_string(stdout.unwrap()).unwrap();
    Ended { stdout, ..ended }
}

/// Writes a configuration file with this text, named after the test.
pub(crate) fn config_file(test: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.toml"));
    std::fs::write(&path, text).unwrap();
    path
}

fn first_line(stdout: ChildStdout) -> String {
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        tell.send(line)
    });
    let line = told.recv_timeout(DEADLINE).expect("the first line comes");
    line.trim_end().to_owned()
}
