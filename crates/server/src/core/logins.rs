//! One session for each player, where the server has that policy. A login claims its player's name before its session
//! joins. The name is free again once the game was told of the departure.
//!
//! One lock decides, so no two sessions of a player are live at any moment, and one of several logins always joins.

mod claims;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use lastword_session::{Cause, Close, Message};
use lastword_transport::Request;

use super::mailboxes::Mailboxes;
use crate::config::SecondLogin;
use crate::guard::lock;
use crate::player::{LinkFlag, SessionIdentity};

use claims::{Answer, Claims, Policy};

/// The names of the players that have a session, or are about to have one.
pub(crate) struct Logins {
    policy: Policy,
    mailboxes: Arc<Mailboxes>,
    claims: Mutex<Claims>,
    /// Ends a session in favour of a newer login.
    replace: Request,
}

/// A login's claim on its player's name, until its session joins. Dropping it before gives the name up.
pub(crate) struct Claim {
    logins: Arc<Logins>,
    identity: Arc<SessionIdentity>,
    has_asked: bool,
    has_joined: bool,
}

impl Logins {
    /// `None` where all sessions of a player may be live.
    pub(crate) fn new(policy: SecondLogin, mailboxes: &Arc<Mailboxes>) -> Option<Arc<Self>> {
        let policy = match policy {
            SecondLogin::Replace => Policy::Replace,
            SecondLogin::Refuse => Policy::Refuse,
            SecondLogin::Allow | SecondLogin::Auto => return None,
        };
        let message = Message::of(Cause::ReplacedByLogin).with_reason(REPLACED);
        Some(Arc::new(Self {
            policy,
            mailboxes: Arc::clone(mailboxes),
            claims: Mutex::default(),
            replace: Request::close(Close::with(Cause::ReplacedByLogin, message)),
        }))
    }

    /// The claim of a login. `None` for a player without a name: no other one is the same.
    pub(crate) fn claim_of(self: &Arc<Self>, identity: &Arc<SessionIdentity>) -> Option<Claim> {
        identity.name()?;
        Some(Claim {
            logins: Arc::clone(self),
            identity: Arc::clone(identity),
            has_asked: false,
            has_joined: false,
        })
    }

    /// The session that has this player's name: live, about to join, or departing.
    pub(crate) fn find(&self, player: &str) -> Option<Arc<SessionIdentity>> {
        lock(&self.claims).find(player)
    }

    /// Frees the name of a session whose departure the game was told, or of a login that was given up.
    pub(crate) fn release(&self, identity: &SessionIdentity) {
        let next = lock(&self.claims).release(identity);
        wake(next);
    }

    fn ask(&self, identity: &Arc<SessionIdentity>, waker: &Waker) -> Answer {
        let mut claims = lock(&self.claims);
        let (answer, superseded) =
            claims.ask(identity, self.policy, waker, |owner| self.is_well(owner));
        if let (Answer::Waits(_), Some(name)) = (answer, identity.name()) {
            // Under the lock, because the owner's task keeps its slot until it has released the name. The owner may not have
            // joined yet: then its id is in no table.
            let owner = claims.find(name);
            let mailbox = owner.and_then(|owner| self.mailboxes.table.find(owner.slot));
            if let Some(mailbox) = mailbox {
                mailbox.request(self.replace.clone());
            }
        }
        drop(claims);
        wake(superseded);
        answer
    }

    /// Whether a session is live, its player is connected, and its peer is not silent.
    fn is_well(&self, owner: &SessionIdentity) -> bool {
        let is_here = owner.suspicion.read().is_none() && !owner.link.has(LinkFlag::Away);
        is_here && self.mailboxes.of(owner.session).is_some()
    }
}

impl Claim {
    /// Returns whether the login's session may join now, which it must do before this task waits again. It is pending
    /// while the player's earlier session departs.
    ///
    /// # Errors
    /// The refusal of this login: `already_logged_in`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        let answer = match std::mem::replace(&mut self.has_asked, true) {
            false => self.logins.ask(&self.identity, cx.waker()),
            true => lock(&self.logins.claims).ask_again(&self.identity, cx.waker()),
        };
        match answer {
            Answer::Owns => Poll::Ready(Ok(())),
            Answer::Waits(_) => Poll::Pending,
            Answer::Refused => Poll::Ready(Err(refusal(HAS_SESSION))),
            Answer::Superseded => Poll::Ready(Err(refusal(REPLACED))),
        }
    }

    /// The session has joined: the name is its own until it is released.
    pub(crate) fn joined(mut self) {
        self.has_joined = true;
        lock(&self.logins.claims).joined(&self.identity);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.has_asked && !self.has_joined {
            self.logins.release(&self.identity);
        }
    }
}

fn refusal(words: &str) -> Close {
    let message = Message::of(Cause::AlreadyLoggedIn).with_reason(words);
    Close::with(Cause::AlreadyLoggedIn, message)
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

const REPLACED: &str = "the same player logged in again";
const HAS_SESSION: &str = "this player is already logged in";
