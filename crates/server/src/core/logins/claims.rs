//! Which session owns each player's name, and which login waits for it. It knows no clock and no socket.
//!
//! ```text
//!            no owner                                        ┌───────── release ─────────► (free)
//!   login ─────────────► Joining ── joined ──► Joined ───────┤
//!     │                     ▲                                └ release, and one waits ┐
//!     │                     └───────────── asks again ───────────────────── Offered ◄─┘
//!     │ owner                                     a later login (replace) ─────┘ │
//!     ├── refuse, and the owner is well, joining or offered, or one waits ──► Refused
//!     └── else ──► waits; a login that waited before it is Superseded
//! ```
//! A session keeps its name until its departure was told. So the next owner joins after that. At most one login waits for
//! each owner, and it becomes the owner under the same lock under which the name is released: no third can come between.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::task::Waker;

use lastword_session::SessionId;

use crate::player::SessionIdentity;

/// What a login does while its player has a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Replace,
    Refuse,
}

/// The answer to a login. The login's session is its whole id: slots are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It owns the name, and joins now.
    Owns,
    /// It waits until this session has departed.
    Waits(SessionId),
    /// The player has a session.
    Refused,
    /// It waited, and a later login came.
    Superseded,
}

/// The owners of all names, at 17 to 39 bytes each, and the logins that wait.
#[derive(Debug, Default)]
pub(super) struct Claims {
    owners: HashMap<Named, Stage>,
    /// By the session of the owner.
    waiting: HashMap<SessionId, Waiting>,
}

/// How far the owner of a name has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waited, and the name is free for it. It was woken, and has not asked again.
    Offered,
    /// Its session joins before its task waits again.
    Joining,
    /// Its session has joined, and its departure has not been told.
    Joined,
}

#[derive(Debug)]
struct Waiting {
    login: Arc<SessionIdentity>,
    waker: Waker,
}

impl Claims {
    /// A login asks for its player's name, for the first time. Returns also the waker of a login that is superseded by
    /// it. `is_well` says whether an owner that has joined is live and its peer is not silent.
    pub(super) fn ask(
        &mut self,
        login: &Arc<SessionIdentity>,
        policy: Policy,
        waker: &Waker,
        is_well: impl FnOnce(&SessionIdentity) -> bool,
    ) -> (Answer, Option<Waker>) {
        let owner = match self.owners.entry(Named(Arc::clone(login))) {
            Entry::Vacant(free) => {
                free.insert(Stage::Joining);
                return (Answer::Owns, None);
            }
            Entry::Occupied(owner) => owner,
        };
        let (session, stage) = (owner.key().0.session, *owner.get());
        let keeps = policy == Policy::Refuse
            && match stage {
                Stage::Offered | Stage::Joining => true,
                Stage::Joined => self.waiting.contains_key(&session) || is_well(&owner.key().0),
            };
        if keeps {
            return (Answer::Refused, None);
        }
        if stage == Stage::Offered {
            // It was woken for its own turn, and then learns that it is superseded.
            owner.remove();
            self.owners.insert(Named(Arc::clone(login)), Stage::Joining);
            return (Answer::Owns, None);
        }
        let waiting = Waiting {
            login: Arc::clone(login),
            waker: waker.clone(),
        };
        let superseded = self.waiting.insert(session, waiting);
        (Answer::Waits(session), superseded.map(|it| it.waker))
    }

    /// A login that waited asks again.
    pub(super) fn ask_again(&mut self, login: &Arc<SessionIdentity>, waker: &Waker) -> Answer {
        let name = Named(Arc::clone(login));
        let Some((owner, stage)) = self.owners.get_key_value(&name) else {
            return Answer::Superseded;
        };
        let (owner, stage) = (owner.0.session, *stage);
        if owner == login.session {
            if stage == Stage::Offered {
                self.owners.insert(name, Stage::Joining);
            }
            return Answer::Owns;
        }
        let waiting = self.waiting.get_mut(&owner);
        match waiting.filter(|waiting| waiting.login.session == login.session) {
            Some(waiting) => {
                waiting.waker.clone_from(waker);
                Answer::Waits(owner)
            }
            None => Answer::Superseded,
        }
    }

    /// The session of an owner has joined.
    pub(super) fn joined(&mut self, login: &Arc<SessionIdentity>) {
        if self.owner_of(login) == Some(login.session) {
            let name = Named(Arc::clone(login));
            self.owners.insert(name, Stage::Joined);
        }
    }

    /// Gives the name up: of a session whose departure was told, or of a login that will not join. Returns the waker of
    /// the login that may have the name now.
    pub(super) fn release(&mut self, login: &SessionIdentity) -> Option<Waker> {
        let owner = self.owner_of(login)?;
        if owner == login.session {
            let next = self.waiting.remove(&owner);
            self.owners.remove(login.name()?);
            let next = next.map(|next| {
                self.owners.insert(Named(next.login), Stage::Offered);
                next.waker
            });
            self.tidy();
            return next;
        }
        let waits = |waiting: &Waiting| waiting.login.session == login.session;
        if self.waiting.get(&owner).is_some_and(waits) {
            self.waiting.remove(&owner);
            self.tidy();
        }
        None
    }

    /// The session that owns this name.
    pub(super) fn find(&self, player: &str) -> Option<Arc<SessionIdentity>> {
        let (owner, _) = self.owners.get_key_value(player)?;
        Some(Arc::clone(&owner.0))
    }

    fn owner_of(&self, login: &SessionIdentity) -> Option<SessionId> {
        let (owner, _) = self.owners.get_key_value(login.name()?)?;
        Some(owner.0.session)
    }

    /// The memory of a rush of second logins does not stay.
    fn tidy(&mut self) {
        if self.waiting.is_empty() {
            self.waiting.shrink_to_fit();
        }
    }

    /// The bytes of the table of owners: each bucket has an entry and a byte, and at most 7 of 8 buckets are used.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let buckets = (self.owners.capacity() * 8 / 7).next_power_of_two();
        buckets * (size_of::<(Named, Stage)>() + 1)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.owners.is_empty() && self.waiting.is_empty()
    }
}

/// A session as the owner of its player's name: it is found by the name.
#[derive(Debug)]
struct Named(Arc<SessionIdentity>);

impl Borrow<str> for Named {
    fn borrow(&self) -> &str {
        self.0.name().unwrap_or_default()
    }
}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Borrow::<str>::borrow(self).hash(state);
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Named {}
