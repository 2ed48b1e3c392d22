//! Why a storm did not come about, or could not be judged: one clear line each.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_client::ServerAddr;
use lastword_session::{Cause, OsError};

/// What is wrong with the admin port.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Nobody was reached.
    #[error("cannot reach the admin port at {admin}: {}: is this where the server has it?", why(.source))]
    Unreachable {
        /// Where it should be.
        admin: ServerAddr,
        /// What the system says.
        source: io::Error,
    },
    /// It answers otherwise than HTTP.
    #[error(
        "the admin port at {addr} does not speak HTTP, or stopped: {}: is this where the server has it?",
        root(.source)
    )]
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
    /// It asks for a token, and none was given.
    #[error(
        "the admin port at {addr} asks for a token (401): name the file with the server's token, as in --token-file \
         (admin.token_file of its configuration)"
    )]
    TokenMissing {
        /// Where it is.
        addr: SocketAddr,
    },
    /// It refused the token.
    #[error(
        "the admin port at {addr} refused the token (401): is it the one in the server's admin.token_file?"
    )]
    TokenRefused {
        /// Where it is.
        addr: SocketAddr,
    },
    /// It refuses.
    #[error(
        "the admin port at {addr} answered {path} with {status}{}: is it a lastword server's?",
        in_brackets(words)
    )]
    Status {
        /// Where it is.
        addr: SocketAddr,
        /// What was asked for.
        path: String,
        /// The status.
        status: u16,
        /// The first line of the answer, escaped.
        words: String,
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
    #[error("cannot play at {server}: {fault}")]
    Server {
        /// Where players join.
        server: ServerAddr,
        /// What went wrong.
        fault: Fault,
    },
    /// The game does not obey.
    #[error(
        "the game at {server} does not obey the storm, which {ways} need: start it with `lastword serve --game storm`, or \
         take them out of [ways]"
    )]
    GameDoesNotObey {
        /// Where players join.
        server: ServerAddr,
        /// The ways that need it.
        ways: String,
    },
    /// The game does not send frames back as they are.
    #[error(
        "the game at {server} does not send frames back: {how}: storm one that does, as `lastword serve` does, or write \
         frames = [0, 0] in the scenario"
    )]
    GameDoesNotEcho {
        /// Where players join.
        server: ServerAddr,
        /// Its answer instead.
        how: NotAnEcho,
    },
    /// The game sends frames of its own.
    #[error(
        "the game at {server} sends frames without being asked (the first has {bytes} bytes): the storm needs a server \
         that only echoes, as `lastword serve` does"
    )]
    GameSpeaksUnasked {
        /// Where players join.
        server: ServerAddr,
        /// The bytes of payload of the first one.
        bytes: usize,
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
    #[error("the server let no player in: its goodbye has {}", word(.0))]
    Refused(Option<u16>),
    /// There was no welcome and no goodbye.
    #[error("no welcome: is it a lastword server? {0}")]
    NoWelcome(NotAServer),
    /// A frame came back changed, or another one came.
    #[error(
        "another frame came than the one that was sent: does the game change frames, or send some of its own?"
    )]
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

/// The answer of a port that is no lastword server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAServer {
    /// Nothing.
    #[error("it said nothing within {0:?}, as a server does whose game has a wire of its own")]
    Silent(Duration),
    /// The end.
    #[error("it closed the connection on our hello")]
    HungUp,
    /// HTTP.
    #[error("it speaks HTTP, as an admin port does")]
    Http,
    /// Anything else.
    #[error("it answers in another protocol")]
    OtherProtocol,
}

/// The answer of a game that does not send a frame back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnEcho {
    /// Nothing.
    #[error("it did not answer within {0:?}")]
    NoAnswer(Duration),
    /// It sent another one.
    #[error("it answered with another frame")]
    Differs,
    /// It ended the session. Holds the code of the goodbye.
    #[error("it closed the session, and the last word was {}", word(.0))]
    Ended(Option<u16>),
}

/// The innermost error, which says what the outer ones repeat.
fn root(error: &hyper::Error) -> String {
    let mut inner: &dyn Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    match inner.downcast_ref::<io::Error>() {
        Some(error) => OsError::in_words(error),
        None => inner.to_string(),
    }
}

pub(crate) fn why(error: &io::Error) -> String {
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

fn in_brackets(words: &str) -> String {
    match words {
        "" => String::new(),
        words => format!(" ({words})"),
    }
}
