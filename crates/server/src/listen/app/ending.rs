//! The end: the session departs, and then its connection is counted out, logged and reported, each exactly once.

use std::sync::Arc;
use std::time::SystemTime;

use lastword_session::{Cause, Close, DepartureCause, Ending};
use lastword_transport::{App, Clock, Linger};

use super::ServerApp;
use super::standing::Standing;
use crate::books::{Closing, Departure, Disconnect, log};
use crate::guard::{guarded, lock};
use crate::player::{LinkFlag, SessionIdentity};
use crate::shape::{Game, Shape};

impl<S: Shape> ServerApp<S> {
    /// The cause is fixed, and the game has taken all earlier frames: the session leaves the list of live sessions and
    /// its groups, and the game is told. Returns whether the connection may live on to say goodbye.
    pub(super) fn depart(&mut self, ending: Ending) -> Linger {
        let (Standing::Joined(_) | Standing::Away(_), Some(identity)) =
            (&self.standing, self.standing.identity())
        else {
            let lingers = self
                .lingers
                .unwrap_or_else(|| self.core().books.ledger.linger());
            self.lingers = Some(lingers);
            return lingers;
        };
        let identity = Arc::clone(identity);
        let cause = ending.verdict.cause.into();
        let is_away = matches!(self.standing, Standing::Away(_));
        let ledger = &self.core().books.ledger;
        let lingers = ledger.depart(cause, usize::from(identity.cohort), is_away);
        self.lingers = Some(lingers);
        let evidence = &ending.evidence;
        let unsent = (evidence.frames_unsent, evidence.bytes_unsent);
        let by = ending.decided.clone();
        self.leaves(&identity, (cause, by), ending, unsent);
        lingers
    }

    /// Nothing of the link is worth a word: the session has no connection, or departs.
    pub(super) fn is_calm(&mut self) {
        self.suspected_as(None);
        App::paused(self, false);
        self.flagged(LinkFlag::Congested, false);
        self.flagged(LinkFlag::RateLimited, false);
    }

    /// The session leaves the list of live sessions, its groups and its door, and the game is told. `unsent` are frames and
    /// bytes for its player.
    pub(super) fn leaves(
        &mut self,
        identity: &Arc<SessionIdentity>,
        (cause, by): (DepartureCause, Option<Close>),
        ending: Ending,
        unsent: (u64, u64),
    ) {
        self.leave_tombstone(identity, by);
        self.core().books.live_sessions.remove(identity.session);
        self.core().groups.depart(identity.session);
        self.core().books.status_requests.drop_all(identity.session);
        self.is_calm();
        let undelivered = self.undelivered();
        // A session that waited for its player has left now, and not when its connection was lost.
        let away_for = self.standing.away_for(Clock::real());
        let at = match away_for {
            Some(_) => SystemTime::now(),
            None => self.wall_time_of(&ending),
        };
        let departure = Departure {
            cause,
            session: identity.session,
            player: identity.player.as_deref().map(str::to_owned),
            remote: identity.remote().addr,
            at,
            away_for,
            undelivered_frames: undelivered.0,
            undelivered_bytes: undelivered.1,
            ending,
            data: identity.data.clone(),
        };
        let lived = match away_for {
            None if departure.ending.connection <= 1 => departure.ending.evidence.live_for,
            _ => identity.joined.live_for(Clock::real()),
        };
        let books = &self.core().books;
        books.measure(|metrics| metrics.departed(cause, lived));
        if let Some(away_for) = away_for {
            log::departure(&departure, away_for, unsent);
        }
        self.standing = Standing::Departed(Arc::clone(identity));
        if let Some(game) = self.game.take() {
            guarded("the game panicked in `left`", || {
                self.game = game.leave(&departure);
            });
        }
        let observers = &self.core().observers;
        observers.tell(|observer| observer.left(&departure));
        if let Some(logins) = &self.core().logins {
            // The game and the observers know of this end, so a newer login of the player may join.
            logins.release(identity);
        }
    }

    /// Reports the end of the connection, and before it that of the session.
    pub(super) fn end(&mut self, ending: Ending) {
        if let Standing::Joined(_) | Standing::Away(_) = self.standing {
            self.depart(ending.clone());
        }
        // A login that waited for its turn never became a session.
        App::authentication_cancelled(self);
        // The game may have taken some of the frames that waited when its session departed.
        let undelivered = self.undelivered();
        self.report(ending, undelivered);
    }

    /// Counts the connection out, and writes its record: to the books first, then the log, then the observers.
    pub(super) fn report(&mut self, ending: Ending, undelivered: (u64, u64)) {
        let seq = self.count_out(&ending, undelivered);
        let disconnect = Arc::new(self.record(seq, ending, undelivered));
        let core = Arc::clone(self.core());
        if let Some(profile) = disconnect.profile {
            core.books
                .measure(|metrics| metrics.ended(&disconnect.ending, profile));
        }
        log::disconnect(&core.books.log_limit, &disconnect);
        core.observers
            .tell(|observer| observer.disconnected(&disconnect));
        self.on_recorded(&disconnect);
        self.may_need_no_tombstone(&disconnect);
    }

    /// Frames and payload bytes that the game has not taken.
    fn undelivered(&self) -> (u64, u64) {
        self.game.as_ref().map_or((0, 0), Game::undelivered)
    }

    fn record(&self, seq: u64, ending: Ending, undelivered: (u64, u64)) -> Disconnect {
        let core = self.core();
        let identity = self.standing.identity();
        let profile = identity.map_or(0, |identity| identity.profile);
        let remote = self.standing.remote();
        Disconnect {
            seq,
            at: self.wall_time_of(&ending),
            listener: core.listeners.addr_of(self.slot),
            remote: remote.addr,
            remote_source: remote.source,
            player: identity.and_then(|identity| identity.player.as_deref().map(str::to_owned)),
            session: identity.map(|identity| identity.session),
            connection: ending.connection,
            session_lives_on: matches!(self.standing, Standing::Away(_) | Standing::Replaced(_)),
            profile: core.settings.profile_name(profile),
            undelivered_frames: undelivered.0,
            undelivered_bytes: undelivered.1,
            told: None,
            ending,
        }
    }

    /// Counts the connection out. Returns the sequence number of this end.
    fn count_out(&mut self, ending: &Ending, undelivered: (u64, u64)) -> u64 {
        let admitted = self.admitted.take();
        if let Some(admitted) = admitted.filter(|admitted| admitted.is_counted()) {
            let (addr, has_joined) = (self.standing.remote().addr.ip(), self.standing.has_joined());
            let mut admission = lock(&self.core().admission);
            admission.left(Clock::real(), addr, admitted, has_joined);
        }
        let (evidence, identity) = (&ending.evidence, self.standing.identity());
        let closing = Closing {
            cause: ending.verdict.cause,
            phase: ending.verdict.phase,
            cohort: identity.map_or(0, |identity| usize::from(identity.cohort)),
            lingered: self.lingers.is_some(),
            refused: self.is_refused,
            code: ending.decided.as_ref().map(Close::code),
        };
        let lost = evidence.bytes_unacked.unwrap_or(0) + evidence.bytes_unsent;
        self.core().books.ledger.close(closing, |counts| {
            counts.drained_bytes += evidence.bytes_drained;
            counts.undelivered_in.0 += undelivered.0;
            counts.undelivered_in.1 += undelivered.1;
            counts.undelivered_out.0 += evidence.frames_unsent;
            counts.undelivered_out.1 += lost;
            if matches!(closing.cause, Cause::SendQueueFull | Cause::SendQueueStale) {
                counts.dropped_by_close += evidence.frames_unsent;
            }
        })
    }

    fn wall_time_of(&self, ending: &Ending) -> SystemTime {
        SystemTime::now() - self.core().clock.now().since(ending.verdict.at)
    }
}

impl<S: Shape> Drop for ServerApp<S> {
    /// A task that is dropped before its verdict, because the runtime was dropped, is counted as a defect. The
    /// connection counts as gone only now, after its end was reported.
    fn drop(&mut self) {
        self.dropped_away();
        if self.admitted.is_some() {
            let at = self.core().clock.now();
            self.end(Ending {
                // It is 1 for a later connection, too, whose number is lost with its task.
                connection: u32::from(self.standing.has_joined()),
                ..Ending::without_verdict(self.standing.phase(), at)
            });
        }
        self.core().books.ledger.gone();
    }
}
