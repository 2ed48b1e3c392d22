//! The processes of a scene, from inside: a server and a crowd of clients, which take orders on standard input.

mod book;
mod crowd;
mod game;
mod player;
mod server;

use std::io::{self, BufRead as _, Lines, StdinLock, Write as _};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::Context as _;
use clap::ValueEnum;
use serde::de::DeserializeOwned;

use crate::words::{Order, Word};

/// The role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// The server of a scene
    Server,
    /// Its clients
    Crowd,
}

impl Role {
    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Crowd => "crowd",
        }
    }
}

/// Plays a role until standard input ends.
pub(crate) fn play(role: Role) -> anyhow::Result<()> {
    let (tell, told) = channel();
    let speaker = thread::spawn(move || speak(&told));
    let played = match role {
        Role::Server => server::play(&mut Orders::new(), &tell),
        Role::Crowd => crowd::play(&mut Orders::new(), &tell),
    };
    if let Err(error) = &played {
        // If the reader of our output is gone, sending fails, and nothing more can be done.
        tell.send(Word::Failed(format!("{error:#}"))).ok();
    }
    drop(tell);
    // The speaker ends with its last sender, but running tasks keep some senders. So without an error the process just
    // ends.
    if played.is_err() {
        speaker.join().ok();
    }
    played
}

/// The orders on standard input.
struct Orders(Lines<StdinLock<'static>>);

impl Orders {
    fn new() -> Self {
        Self(io::stdin().lock().lines())
    }

    /// The first line.
    fn first<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let line = self.0.next().context("there is no first line")??;
        serde_json::from_str(&line).context("the first line cannot be read")
    }

    /// The next order; `None` at the end.
    fn next(&mut self) -> anyhow::Result<Option<Order>> {
        let Some(line) = self.0.next() else {
            return Ok(None);
        };
        Ok(Some(serde_json::from_str(&line?)?))
    }
}

/// A channel for reports, which never waits for their reader.
type Tell = Sender<Word>;

fn speak(told: &std::sync::mpsc::Receiver<Word>) {
    for word in told {
        let Ok(line) = serde_json::to_string(&word) else {
            return;
        };
        let mut stdout = io::stdout().lock();
        let said = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        if said.is_err() {
            return;
        }
    }
}
