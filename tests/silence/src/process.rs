//! One process of a scene, from outside: it is started in a host, gets orders, and sends reports.

use std::env;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};
use lastword_load::process::Process as Program;
use lastword_netlab::{Frozen, Host, Lab};
use serde::Serialize;

use crate::actor::Role;
use crate::words::{Order, Word};

/// A process that plays a role; it ends when this value is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    role: Role,
    program: Program,
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
        command.args(["actor", role.name()]);
        let mut program = Program::start(command, |command| lab.spawn(host, command))?;
        program.tell(first)?;
        Ok(Self { role, program })
    }

    /// Sends an order; an answer arrives as a word.
    pub(crate) fn tell(&mut self, order: Order) -> anyhow::Result<()> {
        let told = self.program.tell(&order);
        told.with_context(|| format!("the {:?} takes no order", self.role))
    }

    /// Receives the next word; `None` if none arrives by the deadline.
    pub(crate) fn hear(&mut self, deadline: Instant) -> anyhow::Result<Option<Word>> {
        let left = deadline.saturating_duration_since(Instant::now());
        let word = self.program.hear(left);
        let word = word.with_context(|| format!("the {:?} says nothing", self.role))?;
        if let Some(Word::Failed(words)) = &word {
            bail!("the {:?} failed: {words}", self.role);
        }
        Ok(word)
    }

    /// Stops the process until the guard is dropped; its kernel continues.
    pub(crate) fn freeze(&self) -> anyhow::Result<Frozen> {
        Ok(lastword_netlab::freeze(self.id())?)
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.program.id()
    }
}
