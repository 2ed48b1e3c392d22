//! Our handle of the other process: it starts the process, sends orders, reads answers, and ends the process when
//! dropped.

use std::env;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::{Context as _, anyhow, bail};

use super::order::{Done, Order, Reply};
use super::patience::{PATIENCE, until};

/// The other process of a row.
#[derive(Debug)]
pub(super) struct Peer {
    process: Child,
    orders: ChildStdin,
    replies: Receiver<String>,
}

impl Peer {
    /// Starts the process on this machine, outside the lab.
    pub(super) fn start() -> anyhow::Result<Self> {
        Self::start_by(Command::spawn)
    }

    /// Starts the process with `spawn`.
    pub(super) fn start_by(
        spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command
            .args(["actor", "peer"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = spawn(&mut command).context("cannot start the other process")?;
        let (Some(orders), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("the other process has no pipes");
        };
        Ok(Self {
            process,
            orders,
            replies: lines(stdout),
        })
    }

    /// Starts a server, and returns the address that it listens on.
    pub(super) fn serve() -> anyhow::Result<(Self, SocketAddr)> {
        let mut peer = Self::start()?;
        match peer.ask(Order::Listen)? {
            Done::Listening(addr) => Ok((peer, addr)),
            other @ (Done::Plain | Done::Sent(_)) => bail!("it does not listen: {other:?}"),
        }
    }

    /// Gives an order and does not wait for the answer.
    pub(super) fn tell(&mut self, order: Order) -> anyhow::Result<()> {
        let line = serde_json::to_string(&order)?;
        writeln!(self.orders, "{line}").with_context(|| format!("nobody to be told {order:?}"))
    }

    /// Waits for the next answer.
    pub(super) fn hear(&mut self) -> anyhow::Result<Done> {
        let line = self
            .replies
            .recv_timeout(PATIENCE)
            .context("the other process does not answer")?;
        serde_json::from_str::<Reply>(&line)?.map_err(|words| anyhow!(words))
    }

    /// Gives an order and waits for its answer.
    pub(super) fn ask(&mut self, order: Order) -> anyhow::Result<Done> {
        self.tell(order)?;
        self.hear()
    }

    /// Gives an order whose answer has the bytes sent so far.
    pub(super) fn ask_bytes(&mut self, order: Order) -> anyhow::Result<u64> {
        self.tell(order)?;
        self.hear_bytes()
    }

    /// Waits for an answer that has the bytes sent so far.
    pub(super) fn hear_bytes(&mut self) -> anyhow::Result<u64> {
        match self.hear()? {
            Done::Sent(bytes) => Ok(bytes),
            other @ (Done::Plain | Done::Listening(_)) => bail!("no bytes in {other:?}"),
        }
    }

    /// Waits until the process has ended by itself.
    pub(super) fn until_gone(&mut self) -> anyhow::Result<()> {
        let process = &mut self.process;
        Ok(until("the other process is gone", || {
            Ok(process.try_wait()?.is_some())
        })?)
    }

    /// Waits until the process is inside a call that does not return.
    pub(super) fn until_blocked(&self) -> anyhow::Result<()> {
        let stat = format!("/proc/{}/stat", self.process.id());
        Ok(until("the other process is blocked", || {
            // `pid (name) state …`
            let stat = fs::read_to_string(&stat)?;
            Ok(stat
                .rsplit_once(") ")
                .is_some_and(|(_, fields)| fields.starts_with('S')))
        })?)
    }

    /// Kills the process with SIGKILL, and waits until it is gone.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both calls fail for a process that has already ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Reads the lines on a thread, so that the caller can wait for one with a deadline.
fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        while lines.next().is_some_and(|line| tell.send(line).is_ok()) {}
    });
    told
}
