//! The events of a client that reconnects.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lastword_session::{Advice, Link, SessionId};

use crate::{DialError, Ended, Event, Notice, PeerGoodbye};

/// An event of a [`ReconnectingClient`](crate::ReconnectingClient), in this order:
/// `(Retrying* (Connected F* (Lost Retrying* Resumed F*)* [Lost Retrying*])? Ended)*`, where `F` is a frame, a notice or a
/// link.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReconnectEvent {
    /// A new session has begun.
    Connected {
        /// The session's id. `None` on a dialect, which has no ids.
        session: Option<SessionId>,
        /// The server's address.
        remote_addr: SocketAddr,
    },
    /// A frame of the game.
    Frame(Bytes),
    /// An announcement. The connection continues.
    Notice(Notice),
    /// The link changed. The connection continues.
    Link(Link),
    /// The connection has ended, after all of its frames. A session that may resume lives on: attempts follow, and frames that
    /// are sent meanwhile wait. Otherwise its end follows at once.
    Lost(Arc<Ended>),
    /// The session goes on over another connection: no frame was lost, and none comes twice.
    Resumed {
        /// The number of the connection in the session; the first one has 1.
        connection: u32,
        /// How long the session had no connection.
        away: Duration,
        /// The server's address.
        remote_addr: SocketAddr,
    },
    /// An attempt failed, and another one follows. A game that takes no events misses some of these.
    Retrying {
        /// How many attempts of this series have failed.
        attempt: u32,
        /// The time until the next attempt, counted from the failure.
        after: Duration,
        /// Why the attempt failed.
        why: DialError,
    },
    /// There is no session, and no attempt is under way.
    Ended(SessionEnd),
}

/// Why a session is over, or did not begin.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionEnd {
    /// Its connection ended, and it cannot resume.
    Lost(Arc<Ended>),
    /// The server did not let it go on: its window is over, frames were missed, or it was ended meanwhile. Or the server has
    /// restarted and does not know it. The error has the server's words.
    NotResumed(DialError),
    /// The server wants no further attempt, or no attempt can succeed: the credentials, the address or the TLS of this
    /// client cannot be used.
    Refused(DialError),
    /// No attempt succeeded in time ([`Reconnecting::give_up_after`](crate::Reconnecting::give_up_after)). The error is
    /// that of the last one.
    GaveUp(DialError),
}

impl SessionEnd {
    /// Returns the server's goodbye, if it said one.
    #[must_use]
    pub fn told(&self) -> Option<&PeerGoodbye> {
        match self {
            Self::Lost(ended) => ended.peer_goodbye.as_ref(),
            Self::NotResumed(error) | Self::Refused(error) | Self::GaveUp(error) => error.told(),
        }
    }

    /// Returns whether a game may log in again without asking its player. `false` where the server said *do not
    /// reconnect*, and where no attempt can succeed.
    #[must_use]
    pub fn may_log_in_again(&self) -> bool {
        let forbids = |told: &PeerGoodbye| told.advice == Advice::DoNot;
        !matches!(self, Self::Refused(_)) && !self.told().is_some_and(forbids)
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(ended) => write!(f, "the connection ended: {ended}"),
            Self::NotResumed(error) => write!(f, "the session cannot go on: {error}"),
            Self::Refused(error) => write!(f, "no further attempt: {error}"),
            Self::GaveUp(error) => write!(f, "no attempt succeeded in time; the last one: {error}"),
        }
    }
}

impl From<Event> for ReconnectEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Frame(payload) => Self::Frame(payload),
            Event::Notice(notice) => Self::Notice(notice),
            Event::Link(link) => Self::Link(link),
        }
    }
}
