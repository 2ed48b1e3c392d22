//! Connections on their way from one task to another.

use lastword_session::{Close, Connection, Knock, SessionId};

use crate::Tap;
use crate::tls::Tls;

/// A connection with its socket, on its way from one task to another.
#[derive(Debug)]
pub struct Carried {
    pub(crate) connection: Connection,
    pub(crate) tap: Tap,
    pub(crate) tls: Option<Box<Tls>>,
}

/// A connection that asks to go on with a session, at the session's task.
#[derive(Debug)]
pub struct Newcomer {
    /// The connection.
    pub carried: Box<Carried>,
    /// The session.
    pub session: SessionId,
    /// Its hello, with a valid token.
    pub knock: Knock,
}

/// What comes back to the task of a connection that was handed over.
#[derive(Debug)]
pub struct Returned {
    /// The connection to drive to its end: the same one, or the older one of its session.
    pub carried: Box<Carried>,
    /// Why it is refused, if it is the same one.
    pub refusal: Option<Close>,
}
