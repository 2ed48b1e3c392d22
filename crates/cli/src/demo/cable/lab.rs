//! Our end of the process in the lab: it is started, heard, and told to end by the end of its standard input.

use std::env;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, bail};
use lastword::{Cause, Phase};
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

/// What the lab tells.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    End(EndLine),
    Link(LinkLine),
}

/// What it tells of a link.
#[derive(Debug, Deserialize)]
struct LinkLine {
    name: String,
    /// The label of the diagnosis; nothing where the peer is healthy again.
    suspect: Option<String>,
}

/// What it tells of an end.
#[derive(Debug, Deserialize)]
struct EndLine {
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
        let started = thread.spawn(move || match command() {
            Err(error) => note(&heard, &format!("{error:#}")),
            Ok(command) => {
                if let Err(error) = follow(&heard, command, give) {
                    failed(&heard, &error);
                }
            }
        });
        if let Err(error) = started {
            note(board, &error.to_string());
        }
        Self { _input: input }
    }
}

/// What goes wrong where there is a lab is no reason to have none: an end that is not noticed is among it.
fn failed(board: &Shared, error: &anyhow::Error) {
    board.with(|board| {
        if !board.is_closing {
            board.complain(format!("the cable: {error:#}"));
        }
    });
}

fn follow(board: &Shared, mut command: Command, give: Sender<ChildStdin>) -> anyhow::Result<()> {
    let started: io::Result<_> = command.spawn();
    let mut process = started.context("the lab cannot be entered")?;
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

fn command() -> anyhow::Result<Command> {
    let mut command = lastword_netlab::sandboxed(env::current_exe()?)?;
    command
        .args(["--log", "off", "actor", "cable"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for us alone: the lab ends when we say so.
        .process_group(0);
    Ok(command)
}

fn take(board: &mut Board, line: Line) -> anyhow::Result<()> {
    let EndLine {
        name,
        truth,
        laws_hold,
        close,
    } = match line {
        Line::End(end) => end,
        Line::Link(link) => {
            board.suspected(link.name, link.suspect);
            return Ok(());
        }
    };
    board.suspected(name.clone(), None);
    let truth = Ending {
        cause: Cause::from_label(&truth).context("the lab's truth is no cause")?,
        // Nothing befalls a client before it has joined.
        phase: Phase::Live,
    };
    let remote = close.remote;
    board.ended_in_lab += 1;
    board.lab_broke_a_law |= !laws_hold;
    board.closed(close, Instant::now());
    board.played(remote, Part { name, truth });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_that_fails_is_wrong_and_not_a_lab_that_cannot_be() {
        let board = Shared::default();
        followed(&board, "echo 'not noticed: [Pulled]' >&2; exit 1");
        let (wrong, note) = board.with(|board| (board.wrong.clone(), board.note.clone()));
        let words = "the cable: the lab ended with exit status: 1: not noticed: [Pulled]";
        assert_eq!((wrong, note), (vec![words.to_owned()], None));
    }

    #[test]
    fn a_lab_that_fails_because_it_is_told_to_end_is_not_wrong() {
        let board = Shared::default();
        board.with(|board| board.is_closing = true);
        followed(&board, "echo '{\"name\":'");
        assert!(board.with(|board| board.wrong.is_empty()));
    }

    #[test]
    fn what_befell_a_player_is_no_truth_of_one_who_never_joined() {
        let board = Shared::default();
        for (phase, right) in [("auth", 0), ("live", 1)] {
            let line = format!(
                r#"{{"name":"cable pulled","truth":"path_dead","laws_hold":true,"close":{{"at":"","cause":"path_dead",
                    "phase":"{phase}","remote":"10.77.2.2:4000","words":""}}}}"#
            );
            let line = serde_json::from_str(&line).unwrap();
            board.with(|board| take(board, line)).unwrap();
            assert_eq!(board.with(|board| board.right), right, "{phase}");
        }
    }

    fn followed(board: &Shared, script: &str) {
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (give, _input) = channel();
        if let Err(error) = follow(board, command, give) {
            failed(board, &error);
        }
    }
}
