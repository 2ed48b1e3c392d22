//! One process of a scene, from outside: it is started in a host, gets orders, and sends reports.

use std::env;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, bail};
use lastword_netlab::{Frozen, Host, Lab};
use serde::Serialize;

use crate::actor::Role;
use crate::words::{Order, Word};

/// A process that plays a role; it ends when this value is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    role: Role,
    process: Child,
    orders: ChildStdin,
    words: Receiver<io::Result<String>>,
}

impl Process {
    /// Starts the process in a host, with its first line.
    pub(crate) fn start(
        lab: &Lab,
        host: Host,
        role: Role,
        first: &impl Serialize,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        let role_name = match role {
            Role::Server => "server",
            Role::Crowd => "crowd",
        };
        command
            .args(["actor", role_name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = lab.spawn(host, &mut command)?;
        let (Some(orders), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("a process has no pipes");
        };
        let (tell, words) = channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            while lines.next().is_some_and(|line| tell.send(line).is_ok()) {}
        });
        let mut this = Self {
            role,
            process,
            orders,
            words,
        };
        this.say(first)?;
        Ok(this)
    }

    /// Sends an order; an answer arrives as a word.
    pub(crate) fn tell(&mut self, order: Order) -> anyhow::Result<()> {
        self.say(&order)
    }

    /// Receives the next word; `None` if none arrives by the deadline.
    pub(crate) fn hear(&mut self, deadline: Instant) -> anyhow::Result<Option<Word>> {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = match self.words.recv_timeout(left) {
            Ok(line) => line?,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("the {:?} is gone", self.role),
        };
        let word = serde_json::from_str(&line);
        let word = word.with_context(|| format!("what does the {:?} mean by {line}", self.role))?;
        if let Word::Failed(words) = &word {
            bail!("the {:?} failed: {words}", self.role);
        }
        Ok(Some(word))
    }

    /// Stops the process until the guard is dropped; its kernel continues.
    pub(crate) fn freeze(&self) -> anyhow::Result<Frozen> {
        Ok(lastword_netlab::freeze(self.process.id())?)
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    fn say(&mut self, what: &impl Serialize) -> anyhow::Result<()> {
        let line = serde_json::to_string(what)?;
        writeln!(self.orders, "{line}").with_context(|| format!("the {:?} is gone", self.role))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both calls fail if the process has already ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
