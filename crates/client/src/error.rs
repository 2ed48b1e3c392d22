//! Why there is no connection: everything that can go wrong before the welcome.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_session::{OsError, SendError};

use crate::{Ended, InvalidServerAddr, Parting, ServerAddr};

/// Why a server was not reached, or did not let us in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The text is no host and port.
    #[error("cannot connect: {0}")]
    Address(#[from] InvalidServerAddr),
    /// The host has no address that the system knows.
    #[error("cannot resolve {host:?}: {source}; check the name, and the resolver of this machine")]
    Resolve {
        /// The host as it was written.
        host: String,
        /// The resolver's error.
        source: io::Error,
    },
    /// There is no socket to connect from.
    #[error("cannot open a socket to connect from: {}", OsError::in_words(.0))]
    Socket(#[source] io::Error),
    /// No address of the server could be connected to.
    #[error("cannot connect to {server}: {}", Tried(server, attempts))]
    Connect {
        /// Where to.
        server: ServerAddr,
        /// Every address that was tried, with its error, in the order in which they failed.
        attempts: Vec<Attempt>,
    },
    /// One address of the server at least did not answer, and no other could be connected to.
    #[error(
        "cannot connect to {server} within {after:?}: {}",
        Tried(server, attempts)
    )]
    ConnectTimedOut {
        /// Where to.
        server: ServerAddr,
        /// The connect timeout, which is one for all addresses and the look-up of the name.
        after: Duration,
        /// Every address that was tried, with its error, in the order in which they failed.
        attempts: Vec<Attempt>,
    },
    /// The connection was made, and neither welcome nor goodbye came.
    #[error(
        "{addr} took the connection and said nothing within {after:?}: is it a lastword server?"
    )]
    WelcomeTimedOut {
        /// Where to.
        addr: SocketAddr,
        /// The welcome timeout.
        after: Duration,
    },
    /// The server said goodbye instead of welcome.
    #[error("cannot join: {0}")]
    Refused(Parting),
    /// The connection ended without a word of the server.
    #[error("the connection ended before the welcome: {0}")]
    Ended(Box<Ended>),
    /// The credentials are no frame of this dialect.
    #[error("the credentials cannot be sent: {0}")]
    Credentials(#[source] SendError),
}

impl From<Ended> for DialError {
    fn from(mut ended: Ended) -> Self {
        match ended.parting.take() {
            Some(parting) => Self::Refused(parting),
            None => Self::Ended(Box::new(ended)),
        }
    }
}

/// For where a server is what it must be, as a socket address is.
impl From<Infallible> for DialError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// One address of a server that was not connected to.
#[derive(Debug)]
pub struct Attempt {
    /// The address.
    pub addr: SocketAddr,
    /// Why not.
    pub error: AttemptError,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.addr, self.error)
    }
}

/// Why one address was not connected to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttemptError {
    /// The system gave no socket to connect from.
    #[error("cannot open a socket to connect from: {0}")]
    Socket(#[source] io::Error),
    /// The system could not connect.
    #[error("{}", why(.0))]
    Connect(#[source] io::Error),
    /// No answer came within the connect timeout.
    #[error("no answer, the host is down or a firewall drops our packets")]
    NoAnswer,
    /// The address is of another family than [`Connector::local_ip`](crate::Connector::local_ip).
    #[error("the local address to connect from is of the other family")]
    OtherFamily,
}

/// The attempts in words. An only one at the address that was asked for does not repeat it.
struct Tried<'a>(&'a ServerAddr, &'a [Attempt]);

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(server, attempts) = self;
        match attempts {
            [only] if **server == ServerAddr::from(only.addr) => {
                return write!(f, "{}", only.error);
            }
            _ => {}
        }
        for (n, attempt) in attempts.iter().enumerate() {
            let before = if n > 0 { "; " } else { "" };
            write!(f, "{before}{attempt}")?;
        }
        Ok(())
    }
}

fn why(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        "nobody listens there".to_owned()
    } else if error.kind() == io::ErrorKind::AddrNotAvailable {
        "no local address or port to connect from: are all in use?".to_owned()
    } else {
        OsError::in_words(error)
    }
}
