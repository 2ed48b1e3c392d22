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
use lastword::ServerHandle;
use lastword_load::Ending;
use serde::{Deserialize, Serialize};

use super::{note, passing};
use crate::demo::state::{ClientEnding, DemoState, Origin, Shared};

/// The lab, which ends when this value is dropped.
#[derive(Debug)]
pub(crate) struct Cable(Shared);

/// A line from the lab about a client that has joined. The lab writes it before the outage.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ClientLine {
    /// The outage that the client will meet.
    pub(super) name: String,
    /// The cause and phase that must be recorded.
    pub(super) expected: Ending,
    /// The address that the client connected from.
    pub(super) local: SocketAddr,
}

impl Cable {
    /// Unplugs the cable again and again until this value is dropped. If that is impossible, the state gets a note
    /// with the reason.
    pub(crate) fn pull(state: &Shared, server: &ServerHandle) -> Self {
        let (heard, server) = (state.clone(), server.clone());
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
            note(state, &error.to_string());
        }
        Self(state.clone())
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.0.with(|state| state.to_lab = None);
    }
}

/// Reports a failure of a lab that was entered. Unlike a missing lab, it makes the demo wrong: an outage that was not
/// noticed is such a failure.
fn failed(state: &Shared, error: &anyhow::Error) {
    state.with(|state| {
        if !state.is_closing {
            state.report_wrong(format!("the cable: {error:#}"));
        }
    });
}

fn follow(state: &Shared, mut command: Command, server: &ServerHandle) -> anyhow::Result<()> {
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
        attend(state, ours, output)?;
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
fn attend(state: &Shared, ours: UnixStream, output: impl Read) -> anyhow::Result<()> {
    let (to_lab, ends) = channel();
    thread::Builder::new()
        .name("to the lab".to_owned())
        .spawn(move || tell(ours, &ends))?;
    state.with(|state| state.to_lab = (!state.is_closing).then_some(to_lab));
    for line in BufReader::new(output).lines() {
        let line: ClientLine =
            serde_json::from_str(&line?).context("the lab's words cannot be read")?;
        state.with(|state| take(state, line));
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
        .args(["--log", "off", "helper", "cable"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A new process group keeps Ctrl-C from the lab, which must end only when we say so.
        .process_group(0);
    Ok(command)
}

fn take(state: &mut DemoState, line: ClientLine) {
    let client = ClientEnding {
        name: line.name,
        expected: line.expected,
        origin: Origin::Lab,
    };
    state.played(line.local, client);
}

#[cfg(test)]
mod tests {
    use lastword::Server;

    use super::*;

    #[tokio::test]
    async fn a_lab_that_fails_is_wrong_and_not_a_lab_that_cannot_be() {
        let state = Shared::default();
        followed(&state, "echo 'not noticed: [Pulled]' >&2; exit 1").await;
        let (wrong, note) = state.with(|state| (state.wrong.clone(), state.note.clone()));
        let words = "the cable: the lab ended with exit status: 1: not noticed: [Pulled]";
        assert_eq!((wrong, note), (vec![words.to_owned()], None));
    }

    #[tokio::test]
    async fn a_lab_that_fails_because_it_is_told_to_end_is_not_wrong() {
        let state = Shared::default();
        state.with(|state| state.is_closing = true);
        followed(&state, "exit 1").await;
        assert!(state.with(|state| state.wrong.is_empty()));
    }

    #[test]
    fn a_line_of_the_lab_marks_its_client_as_part_of_the_lab() {
        let line = r#"{"name":"cable pulled","expected":{"cause":"path_dead","phase":"live"},"local":"10.77.2.2:4000"}"#;
        let state = Shared::default();
        state.with(|state| take(state, serde_json::from_str(line).unwrap()));
        assert_eq!(
            state.with(|state| state.waiting()),
            0,
            "its cable is to be pulled yet"
        );
        let unknown = line.replace("path_dead", "path_lost");
        assert!(serde_json::from_str::<ClientLine>(&unknown).is_err());
    }

    async fn followed(state: &Shared, script: &str) {
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
        if let Err(error) = follow(state, command, &server) {
            failed(state, &error);
        }
    }
}
