//! A session that outlives its connections: the claim of a newcomer, its way to the session's task, the loss, the return,
//! and the end of a session without a connection.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use lastword_session::{Back, Cause, Claim, Close, DepartureCause, Dropped, Ending, Link, Refusal};
use lastword_transport::{
    Carried, Clock, Continues, Linger, Mailbox, Newcomer, Outbox, Request, Returned,
};

use super::ServerApp;
use super::standing::{AtDoor, Away, Claiming, Replaced, Standing};
use super::tombstone::{NO_GENERATION, answer_of, two_generations};
use crate::books::ResumeOutcome;
use crate::core::{Accounts, Answer, Inside, Leaving, Reply, Seat, Visitor};
use crate::guard::{guarded, lock};
use crate::player::{LinkFlag, Returning, SessionIdentity};
use crate::shape::{Context as GameContext, Game, Shape};

impl<S: Shape> ServerApp<S> {
    /// Looks at a hello that asks to go on with a session. Its token is checked here, so a wrong one wakes no session. An
    /// unknown session takes as long as a wrong token.
    pub(super) fn on_claim(&mut self, claim: &Claim<'_>) -> Result<(), Close> {
        let core = self.core();
        let identity = core.books.live_sessions.find(claim.session);
        let tombstone = core.tombstones.find(Clock::real(), claim.session);
        let valid = match (&identity, &tombstone) {
            (Some(identity), _) => two_generations(identity),
            (None, Some(tombstone)) => tombstone.generations,
            (None, None) => [NO_GENERATION; 2],
        };
        let knock = claim.knock(&core.settings.token_key, valid);
        let mailbox = core.mailboxes.of(claim.session);
        let (Some(identity), Ok(knock), Some(mailbox)) = (identity, knock, mailbox) else {
            core.books.ledger.not_back(Refusal::Stale.into());
            let had_token = knock.is_ok();
            return Err(answer_of(tombstone.filter(|_| had_token)));
        };
        if !self.lets_back(&identity) {
            core.books.ledger.not_back(Refusal::Stale.into());
            return Err(Refusal::Stale.close());
        }
        self.standing = Standing::Claiming(Box::new(Claiming {
            remote: self.standing.remote(),
            session: claim.session,
            knock,
            previous: claim.previous,
            mailbox,
        }));
        Ok(())
    }

    /// Asks the game, which may have banned the player or the address meanwhile.
    fn lets_back(&self, identity: &SessionIdentity) -> bool {
        let Some(may_resume) = &self.core().may_resume else {
            return true;
        };
        let returning = Returning {
            session: identity.session,
            player: identity.player.as_deref(),
            remote: self.standing.remote().addr,
        };
        let mut may = false;
        guarded("`may_resume` panicked", || may = may_resume(&returning));
        may
    }

    /// Puts the connection at the door of its session.
    pub(super) fn goes_to_door(&mut self, carried: Box<Carried>) {
        let Standing::Claiming(claiming) = &self.standing else {
            return;
        };
        let (Some(admitted), Some(own)) = (self.admitted, self.own_mailbox()) else {
            return;
        };
        let reply = Reply::new(own);
        let (remote, session) = (claiming.remote, claiming.session);
        let visitor = Visitor {
            carried,
            knock: claiming.knock,
            previous: claiming.previous,
            seat: Seat {
                remote,
                listener: self.core().listeners.number_of(self.slot),
                admitted,
                is_refused: self.is_refused,
            },
            reply: Arc::clone(&reply),
        };
        let mailbox = &claiming.mailbox;
        let is_open = || match mailbox.session() == Some(*session.as_bytes()) {
            true => Ok(()),
            false => Err(answer_of(
                self.core().tombstones.find(Clock::real(), session),
            )),
        };
        if self.core().doors.enter(session, visitor, is_open) {
            mailbox.request(Request::Knock);
        }
        self.standing = Standing::AtDoor(Box::new(AtDoor {
            remote,
            session,
            reply,
        }));
    }

    /// The answer of the session's task to this connection.
    pub(super) fn poll_answer_of_session(&mut self, is_late: bool) -> Poll<Option<Returned>> {
        let Standing::AtDoor(at_door) = &self.standing else {
            return Poll::Ready(None);
        };
        let take_back = || {
            let doors = &self.core().doors;
            doors.take_back(at_door.session, &at_door.reply)
        };
        let answer = at_door.reply.take();
        let answer = answer.or_else(|| is_late.then(take_back).flatten());
        let remote = at_door.remote;
        match answer {
            None => Poll::Pending,
            Some(Answer::Refused { returned, outcome }) => {
                self.core().books.ledger.not_back(outcome);
                self.standing = Standing::Cancelled(Box::new(remote));
                Poll::Ready(Some(returned))
            }
            Some(Answer::Adopted(None)) => {
                // The session has this connection now, and counts it out.
                (self.admitted, self.is_refused) = (None, false);
                Poll::Ready(None)
            }
            Some(Answer::Adopted(Some(leaving))) => {
                let Leaving {
                    carried,
                    identity,
                    accounts,
                    seat,
                } = leaving;
                self.admitted = Some(seat.admitted);
                (self.lingers, self.is_refused) = (Some(Linger::Allowed), false);
                self.core().listeners.accepted(self.slot, seat.listener);
                self.standing = Standing::Replaced(Box::new(Replaced {
                    identity,
                    remote: seat.remote,
                    accounts,
                }));
                Poll::Ready(Some(Returned {
                    carried,
                    refusal: None,
                }))
            }
        }
    }

    /// The next connection that asks to go on with this session, once the game has room to hear of it.
    pub(super) fn poll_visitor(&mut self, cx: &mut Context<'_>) -> Poll<Option<Newcomer>> {
        if let Some(game) = &mut self.game {
            ready!(game.poll_change(cx));
        }
        let identity = self.standing.identity();
        let visitor = identity.and_then(|identity| self.core().doors.next(identity.session));
        Poll::Ready(visitor)
    }

    /// The session goes on with the visitor.
    pub(super) fn on_adopted(&mut self, older: Option<Box<Carried>>) {
        let Standing::Away(away) = &self.standing else {
            return;
        };
        let identity = Arc::clone(&away.identity);
        let core = Arc::clone(self.core());
        let Some(Inside {
            seat,
            previous,
            reply,
        }) = core.doors.inside(identity.session)
        else {
            return;
        };
        self.on_account(previous);
        let Standing::Away(away) = &self.standing else {
            return;
        };
        let leaving = older.zip(self.admitted).map(|(carried, admitted)| Leaving {
            carried,
            identity: Arc::clone(&identity),
            accounts: Arc::clone(&away.accounts),
            seat: Seat {
                remote: identity.remote(),
                listener: core.listeners.number_of(self.slot),
                admitted,
                is_refused: false,
            },
        });
        self.admitted = Some(seat.admitted);
        self.lingers = None;
        if seat.admitted.is_counted() {
            lock(&core.admission).joined(seat.admitted);
        }
        core.listeners.accepted(self.slot, seat.listener);
        identity.moved_to(seat.remote);
        core.books.ledger.attach(seat.is_refused);
        reply.give(Answer::Adopted(leaving));
    }

    /// The session does not go on with the visitor.
    pub(super) fn on_refused(&self, carried: Box<Carried>, refusal: Refusal) {
        let identity = self.standing.identity();
        let inside = identity.and_then(|identity| self.core().doors.inside(identity.session));
        if let Some(inside) = inside {
            inside
                .reply
                .refuse(carried, refusal.close(), refusal.into());
        }
    }

    /// The connection is lost, and the session lives on. The game hears of it, unless the player had not confirmed the
    /// connection.
    pub(super) fn on_lost(&mut self, outbox: &mut Outbox<'_>, ending: Ending) -> Linger {
        let Some(identity) = self.standing.identity().map(Arc::clone) else {
            return Linger::Allowed;
        };
        let was_away = matches!(self.standing, Standing::Away(_));
        let lingers = self.core().books.ledger.lose(was_away);
        self.lingers = Some(lingers);
        if was_away {
            return lingers;
        }
        self.is_calm();
        identity.link.replace(LinkFlag::Away, true);
        outbox.mailbox().take_refused();
        let ending = Arc::new(ending);
        self.standing = Standing::Away(Box::new(Away {
            identity: Arc::clone(&identity),
            since: Clock::real(),
            accounts: Arc::new(Accounts::new(ending.connection)),
            ending: Arc::clone(&ending),
        }));
        self.tell_link(outbox, &identity, Link::Lost(ending));
        lingers
    }

    /// The player has confirmed its new connection.
    pub(super) fn on_back(&mut self, outbox: &mut Outbox<'_>) {
        let Standing::Away(away) = &self.standing else {
            return;
        };
        let (identity, since) = (Arc::clone(&away.identity), away.since);
        let outcome = match away.ending.verdict.cause == Cause::SupersededByResume {
            true => ResumeOutcome::Superseded,
            false => ResumeOutcome::Resumed,
        };
        self.standing = Standing::Joined(Arc::clone(&identity));
        self.core().books.ledger.back(outcome);
        identity.link.replace(LinkFlag::Away, false);
        let back = Back {
            away: Clock::real() - since,
            connection: outbox.connection_number(),
            refused_frames: outbox.mailbox().take_refused(),
        };
        let books = &self.core().books;
        books.measure(|metrics| metrics.resume_away.record(back.away));
        self.tell_link(outbox, &identity, Link::Back(Arc::new(back)));
    }

    /// The lost connection has ended completely.
    pub(super) fn on_away(&mut self, ending: Box<Ending>) -> Continues {
        if let Standing::Away(_) = self.standing {
            // The session may have another connection later: its frames are not lost.
            self.report(*ending, (0, 0));
            self.lingers = None;
            return Continues::Yes;
        }
        self.end(*ending);
        Continues::No
    }

    /// The session is over behind the loss of its connection.
    pub(super) fn on_left(&mut self, cause: DepartureCause, by: Option<Close>, unsent: Dropped) {
        let Standing::Away(away) = &self.standing else {
            return;
        };
        let (identity, ending) = (Arc::clone(&away.identity), Ending::clone(&away.ending));
        let cohort = usize::from(identity.cohort);
        let unsent = (unsent.frames, unsent.bytes);
        let ledger = &self.core().books.ledger;
        ledger.depart_away(cause, cohort, unsent);
        self.leaves(&identity, (cause, by), ending, unsent);
    }

    /// A session that was dropped while it waited, because its runtime was, is counted as a defect. Its lost connection may
    /// still linger. A connection that its player has not confirmed ends together with it.
    pub(super) fn dropped_away(&mut self) {
        if self.admitted.is_none() || self.lingers.is_some() {
            self.on_left(Cause::VerdictMissing.into(), None, Dropped::default());
        }
    }

    fn tell_link(&mut self, outbox: &mut Outbox<'_>, identity: &Arc<SessionIdentity>, link: Link) {
        if let Some(game) = &mut self.game {
            game.link(&mut GameContext::new(outbox, identity), link);
        }
    }

    pub(super) fn own_mailbox(&self) -> Option<Arc<Mailbox>> {
        self.core().mailboxes.table.find(self.slot)
    }
}
