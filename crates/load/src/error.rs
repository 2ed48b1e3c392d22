//! Why a storm did not start, or could not be judged: one clear line for each error.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_client::ServerAddr;
use lastword_session::{Cause, OsError};

/// An error of the admin port.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// No connection to the admin port could be made.
    #[error("cannot reach the admin port at {admin}: {}: is this the server's admin address?", why(.source))]
    Unreachable {
        /// The admin port, as the caller named it.
        admin: ServerAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The answer is not HTTP.
    #[error(
        "the admin port at {addr} does not speak HTTP, or stopped: {}: is this the server's admin address?",
        root(.source)
    )]
    Http {
        /// The address of the admin port.
        addr: SocketAddr,
        /// The HTTP client's error.
        source: hyper::Error,
    },
    /// The request cannot be written.
    #[error("the admin port at {addr} cannot be asked: {source}")]
    Request {
        /// The address of the admin port.
        addr: SocketAddr,
        /// The error in the request.
        source: hyper::http::Error,
    },
    /// An answer was interrupted, or was too long.
    #[error("an answer of the admin port at {addr} broke off: {source}")]
    Body {
        /// The address of the admin port.
        addr: SocketAddr,
        /// The error in the body.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No answer arrived.
    #[error("the admin port at {addr} did not answer within {after:?}")]
    TimedOut {
        /// The address of the admin port.
        addr: SocketAddr,
        /// The timeout.
        after: Duration,
    },
    /// The port asks for a token, and none was given.
    #[error(
        "the admin port at {addr} asks for a token (401): name the file with the server's token, as in --token-file \
         (admin.token_file of its configuration)"
    )]
    TokenMissing {
        /// The address of the admin port.
        addr: SocketAddr,
    },
    /// The port refused the token.
    #[error(
        "the admin port at {addr} refused the token (401): is it the one in the server's admin.token_file?"
    )]
    TokenRefused {
        /// The address of the admin port.
        addr: SocketAddr,
    },
    /// The port refused the request.
    #[error(
        "the admin port at {addr} answered {path} with {status}{}: does it belong to a lastword server?",
        in_brackets(words)
    )]
    Status {
        /// The address of the admin port.
        addr: SocketAddr,
        /// The path of the request.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The first line of the answer, escaped.
        words: String,
    },
    /// The port does not have the counters of a lastword server.
    #[error("{addr} is no admin port of a lastword server: its /metrics has no {missing}")]
    NotOurs {
        /// The address of the admin port.
        addr: SocketAddr,
        /// The missing series.
        missing: &'static str,
    },
    /// The records cannot be read.
    #[error("the records of the admin port at {addr} cannot be read: {source}")]
    Records {
        /// The address of the admin port.
        addr: SocketAddr,
        /// The error in the records.
        source: serde_json::Error,
    },
}

/// Why a storm did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StormError {
    /// An error of the admin port.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// No player can join.
    #[error("cannot run the storm at {server}: {fault}")]
    Server {
        /// The server that players should join.
        server: ServerAddr,
        /// The fault of the first player.
        fault: Fault,
    },
    /// The game does not obey.
    #[error(
        "the game at {server} does not obey the storm, which {ways} need: start it with `lastword serve --game storm`, or \
         remove them from [ways]"
    )]
    GameDoesNotObey {
        /// The server that players should join.
        server: ServerAddr,
        /// The ways that need a game that obeys.
        ways: String,
    },
    /// The game does not send frames back unchanged.
    #[error(
        "the game at {server} does not send frames back: {how}: storm one that does, as `lastword serve` does, or write \
         frames = [0, 0] in the scenario"
    )]
    GameDoesNotEcho {
        /// The server that players should join.
        server: ServerAddr,
        /// The game's answer.
        how: NotAnEcho,
    },
    /// The game sends frames of its own.
    #[error(
        "the game at {server} sends frames without being asked (the first has {bytes} bytes): the storm needs a server \
         that only echoes, as `lastword serve` does"
    )]
    GameSpeaksUnasked {
        /// The server that players should join.
        server: ServerAddr,
        /// The payload bytes of the first such frame.
        bytes: usize,
    },
    /// The first end is not in the records.
    #[error(
        "the trial session at {server} is not in the records of {admin}: is that the admin port of the same server?"
    )]
    NotRecorded {
        /// The server that the session joined.
        server: SocketAddr,
        /// The address of the admin port.
        admin: SocketAddr,
    },
    /// The server sees another address than ours.
    #[error(
        "the server saw the address {seen}, but ours is {local}: a storm finds records by address, so no proxy or NAT may be in between"
    )]
    Translated {
        /// Our address.
        local: SocketAddr,
        /// The address in the record.
        seen: SocketAddr,
    },
    /// The counters and the records differ before the storm.
    #[error(
        "at {admin} the counters have {counted} ends and the records {recorded}: other clients come and go, or a law is broken"
    )]
    Unsettled {
        /// The address of the admin port.
        admin: SocketAddr,
        /// Ends that `/metrics` counts.
        counted: u64,
        /// Ends that `/api/closes` has.
        recorded: u64,
    },
}

/// An event that is not part of a client's way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The connection could not be made.
    #[error("cannot connect: {}", why(.0))]
    Connect(#[source] io::Error),
    /// Reading or writing failed where the way does not allow it.
    #[error("{step}: {}", OsError::in_words(.source))]
    Io {
        /// The client's step.
        step: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The server refused a player. Holds the code of its goodbye.
    #[error("the server let no player in: its goodbye has {}", word(.0))]
    Refused(Option<u16>),
    /// There was neither a welcome nor a goodbye.
    #[error("no welcome: is it a lastword server? {0}")]
    NoWelcome(NotAServer),
    /// A frame came back changed, or a frame came that was not an echo.
    #[error(
        "a frame came that differs from the one sent: does the game change frames, or send frames of its own?"
    )]
    EchoDiffers,
    /// The connection ended before all echoes arrived.
    #[error("the connection ended before {missing} of its frames came back")]
    EchoMissing {
        /// The number of missing echoes.
        missing: usize,
    },
    /// The expected goodbye did not arrive.
    #[error("the server's goodbye is {}, not {}", word(.heard), word(&Some(*.due)))]
    OtherGoodbye {
        /// The expected code.
        due: u16,
        /// The code that arrived, if one did.
        heard: Option<u16>,
    },
    /// The client library failed.
    #[error("the client library: {0}")]
    Client(String),
    /// The client passed its deadline.
    #[error("not finished after {after:?}, while {step}")]
    TooLong {
        /// The client's step.
        step: &'static str,
        /// The timeout.
        after: Duration,
    },
}

/// The answer of a port that does not belong to a lastword server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAServer {
    /// The port did not answer within this time.
    #[error("it said nothing within {0:?}, like a server whose game has a wire of its own")]
    Silent(Duration),
    /// The port closed the connection.
    #[error("it closed the connection on our hello")]
    HungUp,
    /// The port answered with HTTP.
    #[error("it speaks HTTP, as an admin port does")]
    Http,
    /// The port answered in another protocol.
    #[error("it answers in another protocol")]
    OtherProtocol,
}

/// The answer of a game that does not send a frame back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnEcho {
    /// The game did not answer within this time.
    #[error("it did not answer within {0:?}")]
    NoAnswer(Duration),
    /// The game sent another frame.
    #[error("it answered with another frame")]
    Differs,
    /// The game ended the session. Holds the code of the goodbye.
    #[error("it closed the session, and its goodbye was {}", word(.0))]
    Ended(Option<u16>),
}

/// Returns the innermost error, because the outer ones repeat its text.
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
        "no program listens there".to_owned()
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
