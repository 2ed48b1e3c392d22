//! Starts the other process of a row: this command again, with another task.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command};

use anyhow::Context as _;
use lastword_load::peer::{Order, Peer};

/// Starts the process on this machine, outside the lab.
pub(super) fn start() -> anyhow::Result<Peer> {
    start_by(Command::spawn)
}

/// Starts the process with `spawn`.
pub(super) fn start_by(
    spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
) -> anyhow::Result<Peer> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["helper", "peer"]);
    Ok(Peer::start(command, spawn)?)
}

/// Starts a server, and returns the address that it listens on.
pub(super) fn serve() -> anyhow::Result<(Peer, SocketAddr)> {
    let mut peer = start()?;
    let addr = peer.ask(Order::Listen)?.addr;
    Ok((peer, addr.context("the other process does not listen")?))
}
