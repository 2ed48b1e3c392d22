//! The right of a client to go on with its session on another connection.

use std::fmt;
use std::time::Duration;

use crate::SessionId;
use crate::wire::Welcome;

/// A client's right to go on with its session on another connection, from its newest welcome.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The session.
    pub session: SessionId,
    /// The number of the connection that the welcome came on.
    pub connection: u32,
    /// How long the session waits for its client.
    pub window: Duration,
    /// The client's count of its hellos that asked to go on with the session.
    pub attempts: u32,
    /// The credential of the next resume.
    pub token: Box<[u8]>,
}

impl Ticket {
    pub(super) fn of(welcome: &Welcome<'_>, attempts: u32) -> Self {
        Self {
            session: SessionId::from_bytes(welcome.session),
            connection: welcome.connection,
            window: Duration::from_millis(welcome.resume_window_ms.into()),
            attempts,
            token: welcome.token.into(),
        }
    }
}

/// Without the token.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("session", &self.session)
            .field("connection", &self.connection)
            .field("window", &self.window)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
