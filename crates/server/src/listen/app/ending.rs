//! One connection's end: counted out, logged, and reported to the observers and the game, exactly once.

use std::sync::Arc;
use std::time::SystemTime;

use lastword_session::{Cause, Ending};

use super::ServerApp;
use super::standing::Standing;
use crate::books::{Closing, Departure, Disconnect, log};
use crate::guard::guarded;
use crate::shape::{Game, Shape};

impl<S: Shape> ServerApp<S> {
    fn record(&self, seq: u64, ending: Ending, undelivered: (u64, u64)) -> Disconnect {
        let core = self.core();
        let seat = self.standing.seat();
        let profile = seat.map_or(0, |seat| seat.profile);
        Disconnect {
            seq,
            at: SystemTime::now() - core.clock.now().since(ending.verdict.at),
            listener: core.listeners.addr_of(self.slot),
            remote: self.standing.remote(),
            player: seat.and_then(|seat| seat.player.as_deref().map(str::to_owned)),
            session: seat.map(|seat| seat.session),
            connection: u32::from(self.standing.is_joined()),
            profile: core.settings.profile_name(profile),
            undelivered_frames: undelivered.0,
            undelivered_bytes: undelivered.1,
            ending,
        }
    }

    /// Counts the connection and its session out. Returns the sequence number of this end.
    fn count_out(&mut self, ending: &Ending, undelivered: (u64, u64)) -> u64 {
        self.counted = true;
        let evidence = &ending.evidence;
        let closing = Closing {
            cause: ending.verdict.cause,
            phase: ending.verdict.phase,
            cohort: self
                .standing
                .seat()
                .map_or(0, |seat| usize::from(seat.cohort)),
            refused: self.standing.is_refused(),
            joined: self.standing.is_joined(),
            code: ending.decided.as_ref().map(|decided| decided.code),
        };
        let lost = evidence.bytes_unacked.unwrap_or(0) + evidence.bytes_unsent;
        self.core().books.ledger.close(closing, |counts| {
            counts.drained_bytes += evidence.bytes_drained;
            counts.undelivered_in.0 += undelivered.0;
            counts.undelivered_in.1 += undelivered.1;
            counts.undelivered_out.0 += evidence.frames_unsent;
            counts.undelivered_out.1 += lost;
            if closing.cause == Cause::SendQueueFull {
                counts.dropped_by_close += evidence.frames_unsent;
            }
        })
    }

    /// Removes the session from its groups and reports the end: to the books first, then the log, the game last.
    pub(super) fn end(&mut self, ending: Ending) {
        if let Some(seat) = self.standing.seat() {
            self.core().books.seats.remove(seat.session);
            self.core().groups.depart(seat.session);
            self.core().books.questions.drop_all(seat.session);
        }
        self.suspected_as(None);
        if self.paused {
            self.core().books.traffic.paused(false);
        }
        let undelivered = self.game.as_ref().map_or((0, 0), Game::undelivered);
        let seq = self.count_out(&ending, undelivered);
        let disconnect = Arc::new(self.record(seq, ending, undelivered));
        let core = Arc::clone(self.core());
        if let Some(profile) = disconnect.profile {
            core.books
                .measure(|metrics| metrics.ended(&disconnect.ending, profile));
        }
        log::disconnect(&core.books.log_limit, &disconnect);
        let observers = &core.observers;
        observers.tell(|observer| observer.disconnected(&disconnect));
        let Standing::Joined(seat) = &self.standing else {
            return;
        };
        let departure = Departure {
            cause: disconnect.cause().into(),
            session: seat.session,
            undelivered_frames: undelivered.0,
            undelivered_bytes: undelivered.1,
            disconnect,
            data: seat.data.clone(),
        };
        if let Some(game) = self.game.take() {
            guarded("the game panicked in `left`", || game.leave(&departure));
        }
        observers.tell(|observer| observer.left(&departure));
    }
}

impl<S: Shape> Drop for ServerApp<S> {
    /// A task that is dropped before its verdict, because the runtime was dropped, is counted as a defect. The
    /// connection counts as gone only now, after its end was reported.
    fn drop(&mut self) {
        if !self.counted {
            let at = self.core().clock.now();
            self.end(Ending::without_verdict(self.standing.phase(), at));
        }
        self.core().books.ledger.gone();
    }
}
