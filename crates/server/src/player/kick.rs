//! How a game ends a session: with its own code, words for the player and advice for the client.

use lastword_session::{Advice, Cause, Close};

use super::id::GameCode;

/// Tells a player why it is kicked, or why the game closes its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kick {
    /// The game's code on the wire; `None` sends the cause's own code.
    pub code: Option<GameCode>,
    /// Words for the player, at most 512 bytes; longer text is cut at a character boundary.
    pub reason: String,
    /// The advice to the client. Default: it may reconnect.
    pub advice: Advice,
    /// Whether the player gets the queued frames before the reason. Default false: a kick drops them. An orderly close
    /// always sends them.
    pub after_queued: bool,
}

impl Default for Kick {
    fn default() -> Self {
        Self {
            code: None,
            reason: String::new(),
            advice: Advice::MayReconnect,
            after_queued: false,
        }
    }
}

impl Kick {
    /// Returns a kick with words for the player.
    #[must_use]
    pub fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            ..Self::default()
        }
    }

    /// Adds the game's code.
    #[must_use]
    pub fn with_code(mut self, code: GameCode) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds advice for the client.
    #[must_use]
    pub fn with_advice(mut self, advice: Advice) -> Self {
        self.advice = advice;
        self
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
        let mut close = Close::new(cause).with_reason(self.reason);
        close.code = self.code.map_or(close.code, GameCode::value);
        close.advice = self.advice;
        close.flush = self.after_queued;
        close
    }
}
