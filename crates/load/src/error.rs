//! Why a storm did not come about, or could not be judged: one clear line each.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_session::{Cause, OsError};

/// What is wrong with the admin port.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Nobody was reached.
    #[error("cannot reach the admin port at {addr}: {}: is this where the server has it?", why(.source))]
    Unreachable {
        /// Where it should be.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// It answers otherwise than HTTP.
    #[error("the admin port at {addr} does not speak HTTP, or stopped: {source}")]
    Http {
        /// Where it is.
        addr: SocketAddr,
        /// What went wrong.
        source: hyper::Error,
    },
    /// The request cannot be written.
    #[error("the admin port at {addr} cannot be asked: {source}")]
    Request {
        /// Where it is.
        addr: SocketAddr,
        /// What is wrong with the request.
        source: hyper::http::Error,
    },
    /// An answer broke off, or was too long.
    #[error("an answer of the admin port at {addr} broke off: {source}")]
    Body {
        /// Where it is.
        addr: SocketAddr,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No answer came.
    #[error("the admin port at {addr} did not answer within {after:?}")]
    TimedOut {
        /// Where it is.
        addr: SocketAddr,
        /// The timeout.
        after: Duration,
    },
    /// It refuses.
    #[error("the admin port at {addr} answered {path} with {status}: is it a lastword server's?")]
    Status {
        /// Where it is.
        addr: SocketAddr,
        /// What was asked for.
        path: String,
        /// The status.
        status: u16,
    },
    /// It has no counters of this server.
    #[error("{addr} is no admin port of a lastword server: its /metrics has no {missing}")]
    NotOurs {
        /// Where it is.
        addr: SocketAddr,
        /// The series that is not there.
        missing: &'static str,
    },
    /// Its records cannot be read.
    #[error("the records of the admin port at {addr} cannot be read: {source}")]
    Records {
        /// Where it is.
        addr: SocketAddr,
        /// What is wrong with them.
        source: serde_json::Error,
    },
}

/// Why a storm did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StormError {
    /// The admin port is no good.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// No player can join.
    #[error("cannot play at {addr}: {fault}")]
    Server {
        /// Where players join.
        addr: SocketAddr,
        /// What went wrong.
        fault: Fault,
    },
    /// The game does not obey.
    #[error(
        "the game at {addr} does not obey the storm, which {ways} need: start it with `lastword serve --game storm`, or \
         take them out of [ways]"
    )]
    GameDoesNotObey {
        /// Where players join.
        addr: SocketAddr,
        /// The ways that need it.
        ways: String,
    },
    /// The game sends nothing back.
    #[error(
        "the game at {addr} does not send frames back: write frames = [0, 0] in the scenario, or storm one that does"
    )]
    GameDoesNotEcho {
        /// Where players join.
        addr: SocketAddr,
    },
    /// The first end is not recorded where it should be.
    #[error(
        "the session that was tried at {server} is not in the records of {admin}: is that the admin port of the same server?"
    )]
    NotRecorded {
        /// Where players join.
        server: SocketAddr,
        /// Where the records are.
        admin: SocketAddr,
    },
    /// The server sees another address than we have.
    #[error(
        "the server saw {seen} where we are {local}: there is a proxy or a NAT between, and the storm joins by address"
    )]
    Translated {
        /// Our address.
        local: SocketAddr,
        /// The one in the record.
        seen: SocketAddr,
    },
    /// The counters and the records differ before anything happened.
    #[error(
        "at {admin} the counters have {counted} ends and the records {recorded}: others come and go, or a law is broken"
    )]
    Unsettled {
        /// Where both are.
        admin: SocketAddr,
        /// By `/metrics`.
        counted: u64,
        /// By `/api/closes`.
        recorded: u64,
    },
}

/// What a client met on its way that is not part of the way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No connection.
    #[error("cannot connect: {}", why(.0))]
    Connect(#[source] io::Error),
    /// Reading or writing failed where it must not.
    #[error("{step}: {}", OsError::in_words(.source))]
    Io {
        /// What the client was doing.
        step: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The server refused a player.
    #[error("no welcome, but a goodbye with {}", word(.0))]
    Refused(Option<u16>),
    /// The first frame is none of a server.
    #[error("no welcome: is it a lastword server?")]
    NoWelcome,
    /// A frame came back changed, or another one did.
    #[error("a frame did not come back as it was sent")]
    EchoDiffers,
    /// The connection ended first.
    #[error("the connection ended before {missing} of its frames came back")]
    EchoMissing {
        /// How many did not.
        missing: usize,
    },
    /// The server's last word did not arrive.
    #[error("its last word is {}, not {}", word(.heard), word(&Some(*.due)))]
    LastWord {
        /// The code that was due.
        due: u16,
        /// The code that came.
        heard: Option<u16>,
    },
    /// The client library failed.
    #[error("the client library: {0}")]
    Client(String),
    /// It took too long.
    #[error("not over after {after:?}, while {step}")]
    TooLong {
        /// What the client was doing.
        step: &'static str,
        /// The deadline.
        after: Duration,
    },
}

fn why(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        "nobody listens there".to_owned()
    } else if error.kind() == io::ErrorKind::AddrNotAvailable {
        "no local address or port is free".to_owned()
    } else {
        OsError::in_words(error)
    }
}

fn word(code: &Option<u16>) -> String {
    match code {
        None => "none".to_owned(),
        Some(code) => Cause::from_code(*code)
            .map_or_else(|| format!("code {code}"), |cause| cause.label().to_owned()),
    }
}
