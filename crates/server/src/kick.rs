//! How a game ends a session: with a code of its own, words for the player and advice for the client.

use lastword_session::{Advice, Cause, Close};

use crate::GameCode;

/// What a player is told who is thrown out, or whose session the game closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kick {
    /// The game's code on the wire; `None` sends the cause's own.
    pub code: Option<GameCode>,
    /// Words for the player, 512 bytes at most; longer ones are cut at a character.
    pub reason: String,
    /// What the client is told to do. Default: it may reconnect.
    pub advice: Advice,
    /// Whether the player gets what is queued before the reason. Default: no, a kick drops it. An orderly close always
    /// lets it out.
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
    /// A kick with words for the player.
    #[must_use]
    pub fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            ..Self::default()
        }
    }

    /// The same with the game's code.
    #[must_use]
    pub fn with_code(mut self, code: GameCode) -> Self {
        self.code = Some(code);
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn with_advice(mut self, advice: Advice) -> Self {
        self.advice = advice;
        self
    }

    /// The same behind what is queued: the player reads the frames of this tick, then the reason. A client that does not
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
