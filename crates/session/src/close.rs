//! Our own decision that a connection ends, and its goodbye.

use std::time::Duration;

use crate::{Cause, Message};

/// A local decision to end the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Our verdict.
    pub cause: Cause,
    /// The content of our goodbye.
    pub message: Message,
    /// How long the peer may take to leave; `None` is the linger timeout. A drain gives the rest of its time.
    pub linger: Option<Duration>,
    /// Whether the peer gets the queued data before the goodbye, for at most the linger timeout. This is always so for
    /// an orderly close, a drain, a panic and idleness.
    pub flush: bool,
    /// The session lives on, and the goodbye says *paused*: a client leaves for a while, or a server refuses a connection of
    /// a session that has a newer one. Where a cause may be resumed, the goodbye says so without this.
    pub paused: bool,
    /// The cause that the goodbye names, where it is another one than that of this connection: why the session ended that a
    /// client asks for.
    pub names: Option<Cause>,
}

impl Close {
    /// The decision for `cause` with its default message.
    #[must_use]
    pub fn new(cause: Cause) -> Self {
        Self::with(cause, Message::of(cause))
    }

    /// The decision for `cause` with this message.
    #[must_use]
    pub fn with(cause: Cause, message: Message) -> Self {
        Self {
            cause,
            message,
            linger: None,
            flush: false,
            paused: false,
            names: None,
        }
    }

    /// Returns the code on the wire: the code of the game (4096 and up), or the code of the cause.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.message.code_for(self.names.unwrap_or(self.cause))
    }
}
