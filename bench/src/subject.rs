//! The servers that are measured: the program of each, and the wire that a client speaks to it.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::Serialize;

use crate::process::{self, Process};
use crate::report::Report;
use crate::wire::Framing;

/// A server that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// An epoll loop without a runtime: the limit.
    Epoll,
    /// A hand-written tokio loop.
    Raw,
    /// A hand-written tokio-rustls loop.
    RawTls,
    /// tokio-util's `Framed` with a `send` per message.
    FramedSend,
    /// tokio-util's `Framed`, flushed when drained.
    FramedFeed,
    /// `lastword` with a `Handler`.
    LastwordHandler,
    /// The same over TLS.
    LastwordTls,
    /// `lastword` with a `Handler`, whose clients can resume.
    LastwordHandlerResume,
    /// `lastword` with a task and a `Session` per session.
    LastwordSession,
    /// The same, whose clients can resume.
    LastwordSessionResume,
    /// `lastword` with a loop of 60 ticks a second that drains the events of all sessions.
    LastwordTick,
    /// The same, whose clients can resume.
    LastwordTickResume,
}

/// A subject that accepts connections.
#[derive(Debug)]
pub struct Server {
    /// Its process.
    pub process: Process,
    /// The address on which it accepts them, as an argument for a load generator.
    pub addr: String,
}

impl Subject {
    /// Returns every subject whose program was built.
    #[must_use]
    pub fn built() -> Vec<Self> {
        let is_built =
            |subject: &Self| process::path_of(subject.program().0).is_ok_and(|path| path.is_file());
        Self::value_variants()
            .iter()
            .copied()
            .filter(is_built)
            .collect()
    }

    /// Starts the server on a core of its own.
    ///
    /// # Errors
    /// When it cannot be started or does not begin to listen.
    pub fn start(self, core: usize) -> Result<Server> {
        let (program, variant) = self.program();
        // All addresses of loopback, because many connections are spread over several.
        let arguments = [variant, "--listen", "0.0.0.0:0"].map(String::from);
        let process = Process::spawn(&process::path_of(program)?, &arguments, core)?;
        let Report::Listening { addr } = process.wait_for_report(START_TIMEOUT)? else {
            bail!("{self} reports something else than where it listens");
        };
        Ok(Server {
            process,
            addr: format!("127.0.0.1:{}", addr.port()),
        })
    }

    /// Returns how the server's frames are delimited.
    #[must_use]
    pub fn framing(self) -> Framing {
        match self {
            Self::Epoll | Self::Raw | Self::RawTls | Self::FramedSend | Self::FramedFeed => {
                Framing::U32
            }
            Self::LastwordHandler
            | Self::LastwordTls
            | Self::LastwordHandlerResume
            | Self::LastwordSession
            | Self::LastwordSessionResume
            | Self::LastwordTick
            | Self::LastwordTickResume => Framing::Lastword,
        }
    }

    /// Whether the server speaks TLS.
    #[must_use]
    pub fn has_tls(self) -> bool {
        matches!(self, Self::RawTls | Self::LastwordTls)
    }

    /// Returns the same server with clients that decline to resume, where those of this subject do not.
    #[must_use]
    pub fn without_resume(self) -> Option<Self> {
        match self {
            Self::LastwordHandlerResume => Some(Self::LastwordHandler),
            Self::LastwordSessionResume => Some(Self::LastwordSession),
            Self::LastwordTickResume => Some(Self::LastwordTick),
            Self::Epoll
            | Self::Raw
            | Self::RawTls
            | Self::FramedSend
            | Self::FramedFeed
            | Self::LastwordHandler
            | Self::LastwordTls
            | Self::LastwordSession
            | Self::LastwordTick => None,
        }
    }

    /// Returns the load generator's arguments for this server's wire.
    #[must_use]
    pub fn wire(self) -> Vec<String> {
        let framing = format!("--framing={}", self.framing());
        let tls = self.has_tls().then(|| String::from("--tls"));
        let resume = self.without_resume().map(|_| String::from("--resume"));
        std::iter::once(framing).chain(tls).chain(resume).collect()
    }

    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Epoll => ("peer", "epoll"),
            Self::Raw => ("peer", "raw"),
            Self::RawTls => ("peer", "raw-tls"),
            Self::FramedSend => ("peer", "framed-send"),
            Self::FramedFeed => ("peer", "framed-feed"),
            Self::LastwordHandler | Self::LastwordHandlerResume => ("subject", "handler"),
            Self::LastwordTls => ("subject", "tls"),
            Self::LastwordSession | Self::LastwordSessionResume => ("subject", "session"),
            Self::LastwordTick | Self::LastwordTickResume => ("subject", "tick"),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(
            self.to_possible_value()
                .as_ref()
                .map_or("", |value| value.get_name()),
        )
    }
}

const START_TIMEOUT: Duration = Duration::from_secs(10);
