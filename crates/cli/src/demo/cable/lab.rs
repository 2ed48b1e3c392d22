//! Our end of the lab's process: it starts the process, reads its lines, and reports the ends of its clients. Closing
//! its standard input ends the process.

use std::env;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::{Context as _, bail};
use lastword::evidence::Phase;
use lastword::{Cause, ServerHandle};
use lastword_load::Ending;
use serde::{Deserialize, Serialize};

use super::{note, passing};
use crate::demo::board::{Board, Part, Shared};

/// The lab, which ends when this value is dropped.
#[derive(Debug)]
pub(crate) struct Cable(Shared);

/// A line from the lab about a client that has joined. The lab writes it before the outage.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ClientLine {
    /// The outage that the client will meet.
    pub(super) name: String,
    /// The label of the cause that must be recorded.
    pub(super) truth: String,
    /// The address that the client connected from.
    pub(super) local: SocketAddr,
}

impl Cable {
    /// Unplugs the cable again and again until this value is dropped. If that is impossible, the board gets a note
    /// with the reason.
    pub(crate) fn pull(board: &Shared, server: &ServerHandle) -> Self {
        let (heard, server) = (board.clone(), server.clone());
        // The process ends when the thread that starts it ends.
        let thread = thread::Builder::new().name("cable".to_owned());
        let started = thread.spawn(move || match command() {
            Err(error) => note(&heard, &format!("{error:#}")),
            Ok(command) => {
                if let Err(error) = follow(&heard, command, &server) {
                    failed(&heard, &error);
                }
            }
        });
        if let Err(error) = started {
            note(board, &error.to_string());
        }
        Self(board.clone())
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.0.with(|board| board.to_lab = None);
    }
}

/// Reports a failure of a lab that was entered. Unlike a missing lab, it makes the demo wrong: an outage that was not
/// noticed is such a failure.
fn failed(board: &Shared, error: &anyhow::Error) {
    board.with(|board| {
        if !board.is_closing {
            board.complain(format!("the cable: {error:#}"));
        }
    });
}

fn follow(board: &Shared, mut command: Command, server: &ServerHandle) -> anyhow::Result<()> {
    let (ours, theirs) = UnixStream::pair()?;
    command.stdin(OwnedFd::from(theirs));
    let mut process = command.spawn().context("the lab cannot be entered")?;
    // The command holds the other end of the socket, too, and would keep it open.
    drop(command);
    let Some(output) = process.stdout.take() else {
        bail!("the lab has no pipes");
    };
    // If no listener comes, the process has ended, and its status tells why.
    if let Ok(listener) = passing::receive(&ours) {
        server.adopt(listener).context("the lab's listener")?;
        attend(board, ours, output)?;
    }
    let status = process.wait()?;
    if status.success() {
        return Ok(());
    }
    let mut words = String::new();
    if let Some(mut errors) = process.stderr.take() {
        errors.read_to_string(&mut words)?;
    }
    bail!("the lab ended with {status}: {}", words.trim())
}

/// Reads the lab's lines, and starts the thread that reports the ends of its clients.
fn attend(board: &Shared, ours: UnixStream, output: impl Read) -> anyhow::Result<()> {
    let (to_lab, ends) = channel();
    thread::Builder::new()
        .name("to the lab".to_owned())
        .spawn(move || tell(ours, &ends))?;
    board.with(|board| board.to_lab = (!board.is_closing).then_some(to_lab));
    for line in BufReader::new(output).lines() {
        let line: ClientLine =
            serde_json::from_str(&line?).context("the lab's words cannot be read")?;
        board.with(|board| take(board, line))?;
    }
    Ok(())
}

/// Passes on names until the sender is dropped or the lab has ended.
fn tell(mut lab: UnixStream, ends: &Receiver<String>) {
    for name in ends {
        if writeln!(lab, "{name}").is_err() {
            return;
        }
    }
}

fn command() -> anyhow::Result<Command> {
    let mut command = lastword_netlab::sandboxed(env::current_exe()?)?;
    command
        .args(["--log", "off", "actor", "cable"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A new process group keeps Ctrl-C from the lab, which must end only when we say so.
        .process_group(0);
    Ok(command)
}

fn take(board: &mut Board, line: ClientLine) -> anyhow::Result<()> {
    let truth = Ending {
        cause: Cause::from_label(&line.truth).context("the lab's truth is no cause")?,
        // An outage begins only after its client has joined.
        phase: Phase::Live,
    };
    let part = Part {
        name: line.name,
        truth,
        in_lab: true,
    };
    board.played(line.local, part);
    Ok(())
}

#[cfg(test)]
mod tests {
    use lastword::Server;

    use super::*;

    #[tokio::test]
    async fn a_lab_that_fails_is_wrong_and_not_a_lab_that_cannot_be() {
        let board = Shared::default();
        followed(&board, "echo 'not noticed: [Pulled]' >&2; exit 1").await;
        let (wrong, note) = board.with(|board| (board.wrong.clone(), board.note.clone()));
        let words = "the cable: the lab ended with exit status: 1: not noticed: [Pulled]";
        assert_eq!((wrong, note), (vec![words.to_owned()], None));
    }

    #[tokio::test]
    async fn a_lab_that_fails_because_it_is_told_to_end_is_not_wrong() {
        let board = Shared::default();
        board.with(|board| board.is_closing = true);
        followed(&board, "exit 1").await;
        assert!(board.with(|board| board.wrong.is_empty()));
    }

    #[test]
    fn what_the_lab_tells_of_a_client_is_part_of_the_lab() {
        let line = r#"{"name":"cable pulled","truth":"path_dead","local":"10.77.2.2:4000"}"#;
        let board = Shared::default();
        board
            .with(|board| take(board, serde_json::from_str(line).unwrap()))
            .unwrap();
        assert_eq!(
            board.with(|board| board.waiting()),
            0,
            "its cable is to be pulled yet"
        );
        let unknown = line.replace("path_dead", "path_lost");
        let line = serde_json::from_str(&unknown).unwrap();
        assert!(board.with(|board| take(board, line)).is_err());
    }

    async fn followed(board: &Shared, script: &str) {
        let builder = Server::builder().listen("127.0.0.1:0");
        let server = builder
            .serve(|_: &lastword::Player| crate::game::Echo)
            .await
            .unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Err(error) = follow(board, command, &server) {
            failed(board, &error);
        }
    }
}
