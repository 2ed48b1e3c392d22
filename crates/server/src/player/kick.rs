//! How a game ends a session: with a message for the client, and with the queued frames or without them.

use std::time::Duration;

use lastword_session::{Address, Advice, Cause, Close, GameCode, Message};

/// Tells a player why it is kicked, or why the game closes its session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kick {
    /// The content of the goodbye. Default: the client may reconnect, and there are no words.
    pub message: Message,
    /// Whether the player gets the queued frames before the goodbye. Default false: a kick drops the queued frames. An
    /// orderly close always sends them.
    pub after_queued: bool,
}

impl From<Message> for Kick {
    fn from(message: Message) -> Self {
        Self {
            message,
            after_queued: false,
        }
    }
}

impl Kick {
    /// Returns a kick with words for the player.
    #[must_use]
    pub fn because(reason: impl Into<String>) -> Self {
        Message::default().with_reason(reason).into()
    }

    /// Adds the game's code, as [`Message::with_code`] does.
    #[must_use]
    pub fn with_code(self, code: GameCode) -> Self {
        self.saying(|message| message.with_code(code))
    }

    /// Adds advice for the client, as [`Message::with_advice`] does.
    #[must_use]
    pub fn with_advice(self, advice: Advice) -> Self {
        self.saying(|message| message.with_advice(advice))
    }

    /// Sends the client to another server, as [`Message::with_address`] does.
    #[must_use]
    pub fn with_address(self, address: Address) -> Self {
        self.saying(|message| message.with_address(address))
    }

    /// Adds the least time before the client follows the advice, as [`Message::with_delay`] does.
    #[must_use]
    pub fn with_delay(self, delay: Duration) -> Self {
        self.saying(|message| message.with_delay(delay))
    }

    /// Sends the queued frames first: the player reads the frames of this tick, then the reason. A client that does not
    /// read them within the linger timeout (`timeouts.linger_ms`, default 3 s) is cut off; the cause stays `kicked`.
    #[must_use]
    pub fn after_queued(mut self) -> Self {
        self.after_queued = true;
        self
    }

    pub(crate) fn into_close(self) -> Close {
        self.close_as(Cause::Kicked)
    }

    pub(crate) fn into_orderly_close(self) -> Close {
        self.close_as(Cause::ClosedByGame)
    }

    fn close_as(self, cause: Cause) -> Close {
        Close {
            flush: self.after_queued,
            ..Close::with(cause, self.message)
        }
    }

    fn saying(mut self, change: impl FnOnce(Message) -> Message) -> Self {
        self.message = change(self.message);
        self
    }
}
