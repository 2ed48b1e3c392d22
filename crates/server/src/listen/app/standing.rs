//! How far a peer has come, and its data at that point. It is one pointer, because every idle session pays for its
//! size.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use lastword_session::wire::Previous;
use lastword_session::{Close, Ending, Knock, Phase, SessionId, Time};
use lastword_transport::Mailbox;

use crate::core::{Accounts, Claim, Reply};
use crate::player::{AuthResult, Check, Player, Refusal, Remote, SessionIdentity};
use crate::shape::events::WakeRequest;

/// How far a peer has come.
pub(super) enum Standing {
    /// The peer has not asked to be let in.
    Outside(Box<Remote>),
    /// The peer was refused before its first byte.
    Refused(Box<Remote>),
    /// The authenticator is checking the peer's credentials.
    Asking(Box<Asking>),
    /// The peer asked. It was refused, or it no longer waits for the answer.
    Cancelled(Box<Remote>),
    /// The authenticator accepted the peer. Its session joins at once, or waits until an earlier one of its player has
    /// departed.
    Admitted(Box<Accepted>),
    /// The peer's session joined.
    Joined(Arc<SessionIdentity>),
    /// The peer's session departed; its connection lives on to say goodbye.
    Departed(Arc<SessionIdentity>),
    /// The peer asks to go on with a session of another task, which may get the connection.
    Claiming(Box<Claiming>),
    /// The connection is at the door of that session.
    AtDoor(Box<AtDoor>),
    /// The session waits for its player. It may have a connection that the player has not confirmed.
    Away(Box<Away>),
    /// The older connection of a session that goes on with another one: here it says its last words.
    Replaced(Box<Replaced>),
}

/// A hello with a valid token.
pub(super) struct Claiming {
    pub(super) remote: Remote,
    pub(super) session: SessionId,
    pub(super) knock: Knock,
    pub(super) previous: Option<Previous>,
    /// Of the session.
    pub(super) mailbox: Arc<Mailbox>,
}

/// A connection that waits for another task.
pub(super) struct AtDoor {
    pub(super) remote: Remote,
    pub(super) session: SessionId,
    pub(super) reply: Arc<Reply>,
}

/// A session that waits for its player.
pub(super) struct Away {
    pub(super) identity: Arc<SessionIdentity>,
    /// When its confirmed connection was lost, and how.
    pub(super) since: Time,
    pub(super) ending: Arc<Ending>,
    pub(super) accounts: Arc<Accounts>,
}

/// The older connection of a session.
pub(super) struct Replaced {
    pub(super) identity: Arc<SessionIdentity>,
    /// Its own: that of the session has changed.
    pub(super) remote: Remote,
    pub(super) accounts: Arc<Accounts>,
}

/// A peer that asks to be let in.
pub(super) struct Asking {
    pub(super) remote: Remote,
    pub(super) since: Time,
    pub(super) check: Check,
    /// A dialect's first frame: it has the credentials, and the game receives it as the first frame, too.
    pub(super) first_frame: Option<Bytes>,
    pub(super) room: WakeRequest,
}

/// A peer whose session is about to join.
pub(super) struct Accepted {
    pub(super) identity: Arc<SessionIdentity>,
    pub(super) player: Player,
    pub(super) first_frame: Option<Bytes>,
    /// Its claim on the player's name, where the name allows one session only.
    pub(super) claim: Option<Claim>,
    /// For room in the game's queue after a wait.
    pub(super) room: WakeRequest,
}

impl Standing {
    /// Moves an admitted peer's session to joined. Returns the admission's data.
    pub(super) fn join(&mut self) -> Option<Accepted> {
        let Self::Admitted(admitted) = self else {
            return None;
        };
        let joined = Self::Joined(Arc::clone(&admitted.identity));
        let Self::Admitted(admitted) = std::mem::replace(self, joined) else {
            return None;
        };
        Some(*admitted)
    }

    pub(super) fn remote(&self) -> Remote {
        match self {
            Self::Outside(remote) | Self::Refused(remote) | Self::Cancelled(remote) => **remote,
            Self::Asking(asking) => asking.remote,
            Self::Admitted(admitted) => admitted.identity.remote(),
            Self::Joined(identity) | Self::Departed(identity) => identity.remote(),
            Self::Claiming(claiming) => claiming.remote,
            Self::AtDoor(at_door) => at_door.remote,
            Self::Away(away) => away.identity.remote(),
            Self::Replaced(replaced) => replaced.remote,
        }
    }

    /// The identity of a peer that was let in.
    pub(super) fn identity(&self) -> Option<&Arc<SessionIdentity>> {
        match self {
            Self::Joined(identity) | Self::Departed(identity) => Some(identity),
            Self::Admitted(admitted) => Some(&admitted.identity),
            Self::Away(away) => Some(&away.identity),
            Self::Replaced(replaced) => Some(&replaced.identity),
            Self::Outside(_)
            | Self::Refused(_)
            | Self::Asking(_)
            | Self::Cancelled(_)
            | Self::Claiming(_)
            | Self::AtDoor(_) => None,
        }
    }

    /// How long the session has waited for its player, if it does.
    pub(super) fn away_for(&self, now: Time) -> Option<Duration> {
        if let Self::Away(away) = self {
            return Some(now.since(away.since));
        }
        None
    }

    /// Where the client's account of this connection comes, or has come.
    pub(super) fn accounts(&self) -> Option<&Accounts> {
        if let Self::Away(away) = self {
            return Some(&away.accounts);
        }
        if let Self::Replaced(replaced) = self {
            return Some(&replaced.accounts);
        }
        None
    }

    /// The phase that the record shows for a connection without a verdict.
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Outside(_) => Phase::Hello,
            Self::Refused(_) => Phase::Admission,
            Self::Asking(_)
            | Self::Cancelled(_)
            | Self::Admitted(_)
            | Self::Claiming(_)
            | Self::AtDoor(_) => Phase::Auth,
            Self::Joined(_) | Self::Departed(_) | Self::Away(_) | Self::Replaced(_) => Phase::Live,
        }
    }

    pub(super) fn has_joined(&self) -> bool {
        self.phase() == Phase::Live
    }
}

impl Accepted {
    /// Whether the session may join now.
    pub(super) fn poll_claim(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        match &mut self.claim {
            Some(claim) => claim.poll(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl Asking {
    /// The authenticator's answer. The authenticator is the game's code: if it panics, the answer is "unavailable".
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<AuthResult> {
        let check = AssertUnwindSafe(|| self.check.as_mut().poll(cx));
        let answer = match catch_unwind(check) {
            Ok(answer) => ready!(answer),
            Err(_) => Err(Refusal::unavailable("")),
        };
        Poll::Ready(answer)
    }
}
