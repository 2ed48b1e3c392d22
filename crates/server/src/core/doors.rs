//! The doors of sessions. A connection that asks to go on with a session waits at its door for the session's task. There
//! comes back: the same connection, refused; the older one that it replaced; or nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use lastword_session::wire::Previous;
use lastword_session::{Cause, Close, Knock, Refusal, SessionId};
use lastword_transport::{Carried, Mailbox, Newcomer, Returned};

use super::{Accounts, Admitted};
use crate::books::ResumeOutcome;
use crate::guard::lock;
use crate::player::{Remote, SessionIdentity};

/// The doors at which connections wait, or waited a moment ago.
#[derive(Default)]
pub(crate) struct Doors(Mutex<HashMap<SessionId, Door>>);

#[derive(Default)]
struct Door {
    waiting: VecDeque<Visitor>,
    /// Of the connection that the session's task looks at.
    inside: Option<Inside>,
}

/// The connection that a session's task looks at.
pub(crate) struct Inside {
    pub(crate) seat: Seat,
    /// What its hello tells of an earlier connection.
    pub(crate) previous: Option<Previous>,
    pub(crate) reply: Arc<Reply>,
}

/// A connection at the door of a session.
pub(crate) struct Visitor {
    pub(crate) carried: Box<Carried>,
    pub(crate) knock: Knock,
    pub(crate) previous: Option<Previous>,
    pub(crate) seat: Seat,
    pub(crate) reply: Arc<Reply>,
}

/// A connection as the limits and the records know it.
#[derive(Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) remote: Remote,
    pub(crate) listener: u8,
    pub(crate) admitted: Admitted,
    /// It was refused when it arrived: it has no place of its own.
    pub(crate) is_refused: bool,
}

/// The answer to a visitor, for its own task.
pub(crate) struct Reply {
    /// Of the visitor's task.
    mailbox: Arc<Mailbox>,
    answer: Mutex<Option<Answer>>,
}

/// What comes back for a visitor.
pub(crate) enum Answer {
    /// The session does not go on with it.
    Refused {
        returned: Returned,
        outcome: ResumeOutcome,
    },
    /// It does. The older connection, where it has not ended, is the task's now.
    Adopted(Option<Leaving>),
}

/// The older connection of a session, on its way to the task that drives it to its end.
pub(crate) struct Leaving {
    pub(crate) carried: Box<Carried>,
    pub(crate) identity: Arc<SessionIdentity>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) seat: Seat,
}

impl Doors {
    /// Puts a visitor at the door of a session that `is_open` says is here. Otherwise it gets its answer at once.
    ///
    /// `is_open` runs under the lock of the doors: a session is closed before its door is.
    pub(crate) fn enter(
        &self,
        session: SessionId,
        visitor: Visitor,
        is_open: impl FnOnce() -> Result<(), Close>,
    ) -> bool {
        let mut doors = lock(&self.0);
        let waiting = doors.get(&session).map_or(0, |door| door.waiting.len());
        let (refusal, why) = if let Err(close) = is_open() {
            (close, Refusal::Stale)
        } else if waiting >= WAITING_MAX {
            (Refusal::TooOften.close(), Refusal::TooOften)
        } else {
            doors.entry(session).or_default().waiting.push_back(visitor);
            return true;
        };
        drop(doors);
        visitor.reply.refuse(visitor.carried, refusal, why.into());
        false
    }

    /// Takes the next visitor of a session inside. [`Doors::inside`] must follow.
    pub(crate) fn next(&self, session: SessionId) -> Option<Newcomer> {
        let mut doors = lock(&self.0);
        let door = doors.get_mut(&session)?;
        let Some(visitor) = door.waiting.pop_front() else {
            doors.remove(&session);
            return None;
        };
        door.inside = Some(Inside {
            seat: visitor.seat,
            previous: visitor.previous,
            reply: visitor.reply,
        });
        Some(Newcomer {
            carried: visitor.carried,
            session,
            knock: visitor.knock,
        })
    }

    /// Takes the rest of the visitor that is inside.
    pub(crate) fn inside(&self, session: SessionId) -> Option<Inside> {
        lock(&self.0).get_mut(&session)?.inside.take()
    }

    /// Takes a visitor back that the session's task has not looked at.
    pub(crate) fn take_back(&self, session: SessionId, reply: &Arc<Reply>) -> Option<Answer> {
        let mut doors = lock(&self.0);
        let waiting = &mut doors.get_mut(&session)?.waiting;
        let place = waiting
            .iter()
            .position(|visitor| Arc::ptr_eq(&visitor.reply, reply))?;
        let visitor = waiting.remove(place)?;
        Some(Answer::Refused {
            returned: Returned {
                carried: visitor.carried,
                refusal: Some(Close::new(Cause::Overloaded)),
            },
            outcome: ResumeOutcome::Late,
        })
    }

    /// Refuses all visitors of a session that is over.
    pub(crate) fn shut(&self, session: SessionId, refusal: &Close) {
        let door = lock(&self.0).remove(&session);
        for visitor in door.into_iter().flat_map(|door| door.waiting) {
            let outcome = Refusal::Stale.into();
            visitor
                .reply
                .refuse(visitor.carried, refusal.clone(), outcome);
        }
    }
}

impl Reply {
    pub(crate) fn new(mailbox: Arc<Mailbox>) -> Arc<Self> {
        Arc::new(Self {
            mailbox,
            answer: Mutex::default(),
        })
    }

    /// Leaves the answer, and wakes the visitor's task.
    pub(crate) fn give(&self, answer: Answer) {
        *lock(&self.answer) = Some(answer);
        self.mailbox.wake();
    }

    /// Leaves a refusal.
    pub(crate) fn refuse(&self, carried: Box<Carried>, refusal: Close, outcome: ResumeOutcome) {
        self.give(Answer::Refused {
            returned: Returned {
                carried,
                refusal: Some(refusal),
            },
            outcome,
        });
    }

    /// Takes the answer, if it is there.
    pub(crate) fn take(&self) -> Option<Answer> {
        lock(&self.answer).take()
    }
}

/// The most visitors that wait at one door. Each has a valid token, so they are connections of one player.
const WAITING_MAX: usize = 8;
