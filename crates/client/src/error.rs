//! Why there is no connection: every error that can happen before the welcome. Why a connection ended after it is a
//! [`Cause`], in [`Ended`].

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_session::{Advice, Cause, OsError, Phase, SendError};

use crate::{Ended, InvalidServerAddr, NoCredentials, PeerGoodbye, ServerAddr};

/// Why a server was not reached, or refused us.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The text is not a host and a port.
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
    /// The system gave no socket to connect from.
    #[error("cannot open a socket to connect from: {}", OsError::in_words(.0))]
    Socket(#[source] io::Error),
    /// No address of the server accepted a connection.
    #[error("cannot connect to {server}: {}", Tried(server, attempts))]
    Connect {
        /// The server.
        server: ServerAddr,
        /// Every address that was tried, with its error, in the order in which they failed.
        attempts: Vec<Attempt>,
    },
    /// At least one address of the server did not answer, and no other one accepted a connection.
    #[error(
        "cannot connect to {server} within {after:?}: {}",
        Tried(server, attempts)
    )]
    ConnectTimedOut {
        /// The server.
        server: ServerAddr,
        /// The connect timeout, which covers all addresses and the lookup of the name.
        after: Duration,
        /// Every address that was tried, with its error, in the order in which they failed.
        attempts: Vec<Attempt>,
    },
    /// The connection was made, but neither a welcome nor a goodbye came.
    #[error(
        "{addr} accepted the connection and said nothing within {after:?}: is it a lastword server?"
    )]
    WelcomeTimedOut {
        /// The server's address.
        addr: SocketAddr,
        /// The welcome timeout.
        after: Duration,
    },
    /// The server said goodbye instead of welcome.
    #[error("cannot join: {peer_goodbye}")]
    Refused {
        /// The goodbye.
        peer_goodbye: PeerGoodbye,
        /// The end of the connection, with its evidence.
        ended: Box<Ended>,
    },
    /// The connection was made, but TLS was not secured: the server's certificate is not trusted, the server speaks no
    /// TLS, or the handshake took too long.
    #[error("TLS with the server was not secured: {0}")]
    Unsecured(Box<Ended>),
    /// The connection ended before a welcome or a goodbye of the server.
    #[error("the connection ended before the welcome: {0}")]
    Ended(Box<Ended>),
    /// TLS cannot begin.
    #[cfg(feature = "tls")]
    #[error("cannot begin TLS: {0}")]
    Tls(#[source] rustls::Error),
    /// The credentials are not a valid frame of this dialect.
    #[error("the credentials cannot be sent: {0}")]
    Credentials(#[source] SendError),
    /// The game's function has no credentials for this login.
    #[error("cannot log in: {0}")]
    NoCredentials(#[from] NoCredentials),
    /// The system gave no thread or no descriptor for the client's own runtime.
    #[error("cannot start a runtime for this client: {}", OsError::in_words(.0))]
    Runtime(#[source] io::Error),
    /// The task of the attempts was dropped before their end.
    #[error(
        "the attempts ended early: their runtime ended, or the fetch of the credentials panicked"
    )]
    TaskDropped,
}

impl DialError {
    /// Returns the server's goodbye, if the server refused us.
    #[must_use]
    pub fn told(&self) -> Option<&PeerGoodbye> {
        let Self::Refused { peer_goodbye, .. } = self else {
            return None;
        };
        Some(peer_goodbye)
    }

    /// Returns whether another attempt may succeed. `false` where the server said *do not reconnect*, and where the
    /// credentials, the address or the TLS of this client cannot be used. A name that does not resolve may succeed later:
    /// a machine without a network resolves none.
    #[must_use]
    pub fn may_try_again(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Socket(_)
            | Self::Connect { .. }
            | Self::ConnectTimedOut { .. }
            | Self::WelcomeTimedOut { .. }
            | Self::Unsecured(_)
            | Self::Ended(_)
            | Self::Runtime(_) => true,
            Self::Refused { peer_goodbye, .. } => peer_goodbye.advice != Advice::DoNot,
            Self::NoCredentials(none) => none.may_try_again(),
            Self::Address(_) | Self::Credentials(_) | Self::TaskDropped => false,
            #[cfg(feature = "tls")]
            Self::Tls(_) => false,
        }
    }

    /// Whether the server has answered a resume, and the session cannot go on. A refusal of admission says nothing of the
    /// session. Nor does the end of the connection without an answer.
    pub(crate) fn ends_session(&self) -> bool {
        match self {
            Self::Refused { peer_goodbye, .. } => {
                let keeps_token = peer_goodbye.cause.is_some_and(Cause::keeps_token);
                peer_goodbye.over && !keeps_token
            }
            Self::Ended(ended) => matches!(
                ended.cause,
                Cause::ResumeRefused | Cause::ProtocolViolation | Cause::VersionUnsupported
            ),
            Self::Address(_)
            | Self::Resolve { .. }
            | Self::Socket(_)
            | Self::Connect { .. }
            | Self::ConnectTimedOut { .. }
            | Self::WelcomeTimedOut { .. }
            | Self::Unsecured(_)
            | Self::Credentials(_)
            | Self::NoCredentials(_)
            | Self::Runtime(_)
            | Self::TaskDropped => false,
            #[cfg(feature = "tls")]
            Self::Tls(_) => false,
        }
    }

    /// Returns how the TCP connection ended, if there was one and its end is known.
    #[must_use]
    pub fn ended(&self) -> Option<&Ended> {
        let (Self::Refused { ended, .. } | Self::Unsecured(ended) | Self::Ended(ended)) = self
        else {
            return None;
        };
        Some(ended)
    }
}

impl From<Ended> for DialError {
    fn from(ended: Ended) -> Self {
        let is_of_tls = ended.phase == Phase::Tls
            || matches!(ended.cause, Cause::TlsFailed | Cause::TlsTimeout);
        let ended = Box::new(ended);
        match ended.peer_goodbye.clone() {
            Some(peer_goodbye) => Self::Refused {
                peer_goodbye,
                ended,
            },
            None if is_of_tls => Self::Unsecured(ended),
            None => Self::Ended(ended),
        }
    }
}

/// For a server argument that always converts, such as a socket address.
impl From<Infallible> for DialError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// One address of a server, and why connecting to it failed.
#[derive(Debug)]
pub struct Attempt {
    /// The address.
    pub addr: SocketAddr,
    /// Why connecting failed.
    pub error: AttemptError,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.addr, self.error)
    }
}

/// Why connecting to one address failed.
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
    #[error("no answer: the host is down, or a firewall drops our packets")]
    NoAnswer,
    /// The address is of another family than [`Connector::local_ip`](crate::Connector::local_ip).
    #[error("the local address to connect from is of the other family (IPv4 or IPv6)")]
    OtherFamily,
}

/// The attempts in words. A single attempt does not repeat the address if the caller named it.
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
        "no program listens there".to_owned()
    } else if error.kind() == io::ErrorKind::AddrNotAvailable {
        "no local address or port to connect from: are all in use?".to_owned()
    } else {
        OsError::in_words(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// permissionlesstech/bitchat-android#907: an error of the resolver ended all attempts, so a moment in a tunnel was
    /// for ever.
    #[test]
    fn bitchat_android_907_dns_error_ends_all_retries() {
        let unresolved = DialError::Resolve {
            host: "eu.example.net".to_owned(),
            source: io::ErrorKind::NotFound.into(),
        };
        assert!(unresolved.may_try_again());
    }

    #[test]
    fn only_what_cannot_change_ends_the_attempts() {
        let address: Result<ServerAddr, _> = "eu.example.net".parse();
        let address = DialError::from(address.expect_err("no port"));
        assert!(!address.may_try_again());
        assert!(!DialError::Credentials(SendError::TooLarge).may_try_again());
        let for_now = NoCredentials::for_now("no ticket yet");
        assert!(DialError::from(for_now).may_try_again());
        let for_good = NoCredentials::for_good("logged out");
        assert!(!DialError::from(for_good).may_try_again());
    }
}
