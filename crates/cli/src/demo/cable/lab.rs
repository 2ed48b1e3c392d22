//! Our end of the process in the lab: it is started, heard, and told to end by the end of its standard input.

use std::env;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, bail};
use lastword::Cause;
use lastword_load::Ending;
use serde::Deserialize;

use super::note;
use crate::demo::board::{Board, Part, Shared};
use crate::demo::close::Close;

/// The lab; it ends with this value.
#[derive(Debug)]
pub(crate) struct Cable {
    /// The standard input of the lab's process lies in here, once it runs.
    _input: Receiver<ChildStdin>,
}

/// What the lab tells of an end.
#[derive(Debug, Deserialize)]
struct Line {
    /// What was done to the client.
    name: String,
    /// The label of the cause that has to come of it.
    truth: String,
    laws_hold: bool,
    close: Close,
}

impl Cable {
    /// Pulls it until this value is dropped; where that cannot be done, the board has a note that says why.
    pub(crate) fn pull(board: &Shared) -> Self {
        let (give, input) = channel();
        let heard = board.clone();
        // The process ends with the thread that starts it.
        let thread = thread::Builder::new().name("cable".to_owned());
        let started = thread.spawn(move || {
            if let Err(error) = follow(&heard, give) {
                note(&heard, &format!("{error:#}"));
            }
        });
        if let Err(error) = started {
            note(board, &error.to_string());
        }
        Self { _input: input }
    }
}

fn follow(board: &Shared, give: Sender<ChildStdin>) -> anyhow::Result<()> {
    let mut process = start()?;
    let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
        bail!("the lab has no pipes");
    };
    // Where nobody takes it any more it is closed, which ends the process.
    let is_wanted = give.send(input).is_ok();
    for line in BufReader::new(output).lines() {
        let line: Line = serde_json::from_str(&line?).context("the lab's words cannot be read")?;
        board.with(|board| take(board, line))?;
    }
    let status = process.wait()?;
    if status.success() || !is_wanted {
        return Ok(());
    }
    let mut words = String::new();
    if let Some(mut errors) = process.stderr.take() {
        errors.read_to_string(&mut words)?;
    }
    bail!("the lab ended with {status}: {}", words.trim())
}

fn start() -> anyhow::Result<Child> {
    let mut command = lastword_netlab::sandboxed(env::current_exe()?)?;
    command
        .args(["--log", "off", "actor", "cable"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for us alone: the lab ends when we say so.
        .process_group(0);
    let started: io::Result<_> = command.spawn();
    started.context("the lab cannot be entered")
}

fn take(board: &mut Board, line: Line) -> anyhow::Result<()> {
    let Line {
        name,
        truth,
        laws_hold,
        close,
    } = line;
    let truth = Ending {
        cause: Cause::from_label(&truth).context("the lab's truth is no cause")?,
        phase: close.phase,
    };
    let remote = close.remote;
    board.ended_in_lab += 1;
    board.lab_broke_a_law |= !laws_hold;
    board.closed(close, Instant::now());
    board.played(remote, Part { name, truth });
    Ok(())
}
