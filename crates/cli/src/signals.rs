//! The signals that this command answers, and those that ask it to end. They are caught from the moment this is made
//! until the process ends.

#[cfg(unix)]
#[path = "signals/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "signals/windows.rs"]
mod system;

use std::io;
use std::time::Duration;

use lastword::ServerHandle;
use lastword::config::ReloadError;
use tokio::time::{sleep, timeout};

/// The answer to a signal.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// It asks to end. The second such signal ends at once.
    End,
    /// It stands for two signals that ask to end.
    EndAtOnce,
    /// It asks to end, but is never the second signal: a terminal that closes may send it twice.
    EndOnce,
    /// It reloads the configuration of the server, if there is one.
    Reload,
    /// It changes nothing, and the log says so.
    Nothing(&'static str),
}

/// The signals that ask the command to end.
#[derive(Debug)]
pub(crate) struct Stop {
    signals: system::Signals,
    /// The server whose configuration SIGHUP reloads.
    server: Option<ServerHandle>,
    /// A signal whose copies may still come.
    heard: Option<&'static str>,
    /// A signal that stands for two, and still has to be returned as the second.
    again: Option<&'static str>,
    /// A signal was returned.
    is_told: bool,
}

impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            signals: system::Signals::new()?,
            server: None,
            heard: None,
            again: None,
            is_told: false,
        })
    }

    /// Lets SIGHUP without a terminal reload the configuration of this server.
    pub(crate) fn reloads(&mut self, server: ServerHandle) {
        self.server = Some(server);
    }

    /// Waits for the next signal that asks to end, and returns its name. Further signals within 100 ms count as copies
    /// of it. Cancel safe: no signal is lost.
    pub(crate) async fn next(&mut self) -> &'static str {
        if let Some(name) = self.again.take() {
            return name;
        }
        let name = match self.heard {
            Some(name) => name,
            None => self.one().await,
        };
        self.heard = Some(name);
        // `timeout -s INT 3 lastword demo` sends the signal twice: to the process, and to the process group.
        let copies = async {
            loop {
                self.one().await;
            }
        };
        timeout(COPIES_WITHIN, copies).await.ok();
        self.heard = None;
        self.is_told = true;
        name
    }

    /// Waits for one signal that asks to end, as the system delivers it.
    async fn one(&mut self) -> &'static str {
        loop {
            let (name, answer) = self.signals.next().await;
            match answer {
                Answer::End => return name,
                Answer::EndAtOnce => {
                    self.again = Some(name);
                    return name;
                }
                Answer::EndOnce if self.is_told => {}
                Answer::EndOnce => return name,
                Answer::Reload => {
                    match self.server.clone() {
                        Some(server) => reload(server, name).await,
                        None => tracing::warn!(signal = name, "{NO_RELOAD}"),
                    }
                    sleep(COPIES_WITHIN).await;
                }
                Answer::Nothing(words) => {
                    tracing::warn!(signal = name, "{words}");
                    // A sender that repeats the signal without end must not fill the log.
                    sleep(COPIES_WITHIN).await;
                }
            }
        }
    }
}

/// Reads the file on a thread on which no session waits for it. The server logs the outcome.
async fn reload(server: ServerHandle, signal: &'static str) {
    tracing::info!(signal, "told to reload the configuration");
    let reloaded = tokio::task::spawn_blocking(move || server.reload());
    if let Ok(Err(error @ ReloadError::NoSource)) = reloaded.await {
        tracing::warn!(signal, "{error}");
    }
}

const NO_RELOAD: &str = "there is no configuration to reload, so nothing changes";
/// Shorter than the time a person needs to press Ctrl-C again.
const COPIES_WITHIN: Duration = Duration::from_millis(100);
