//! Why there is no connection: everything that can go wrong before the welcome.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_session::{OsError, SendError};

use crate::{Ended, Parting};

/// Why a server was not reached, or did not let us in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// There is no socket to connect from.
    #[error("cannot open a socket to connect from: {}", OsError::in_words(.0))]
    Socket(#[source] io::Error),
    /// The system could not connect.
    #[error("cannot connect to {addr}: {}", why(.source))]
    Connect {
        /// Where to.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody answered the attempt to connect.
    #[error(
        "cannot connect to {addr}: no answer within {after:?}, the host is down or a firewall drops our packets"
    )]
    ConnectTimedOut {
        /// Where to.
        addr: SocketAddr,
        /// The connect timeout.
        after: Duration,
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
    #[error("the server refused us: {0}")]
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

fn why(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        "nobody listens there".to_owned()
    } else if error.kind() == io::ErrorKind::AddrNotAvailable {
        "no local address or port to connect from: are all in use?".to_owned()
    } else {
        OsError::in_words(error)
    }
}
