//! The books: every connection and session is counted in once and out once, under one lock.
//!
//! Laws: opened = open + Σ disconnects, joined = open + suspended + Σ departures, at every moment.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use lastword_session::{Cause, DepartureCause, Phase};
use lastword_transport::Linger;
use tokio::sync::Notify;

use crate::books::resumes::ResumeOutcome;
use crate::guard::lock;

/// The counts of one server.
#[derive(Debug)]
pub(crate) struct Ledger {
    counts: Mutex<Counts>,
    /// Connections that were counted in and are not gone, including connections whose end is being
    /// reported.
    present: AtomicU64,
    emptied: Notify,
}

/// One snapshot of the counts.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    cohorts: usize,
    /// The game's codes that have a count of their own.
    codes: Vec<u16>,
    pub(crate) opened: u64,
    pub(crate) open: u64,
    /// The open connections without a place: they were refused, or their session departed.
    lingering: u64,
    /// The lingering connections that were refused when they arrived.
    refused: u64,
    /// The most connections that have a place. As many more may linger after their sessions.
    pub(crate) places: u64,
    pub(crate) ended: u64,
    pub(crate) joined: u64,
    /// The sessions whose player is here.
    pub(crate) sessions_open: u64,
    /// The sessions that wait for their player.
    pub(crate) suspended: u64,
    /// The open connections that a session has: each shares the place of its session.
    attached: u64,
    /// Attempts to come back, by [`ResumeOutcome::ALL`].
    pub(crate) resumes: [u64; ResumeOutcome::ALL.len()],
    disconnects: Vec<u64>,
    departures: Vec<u64>,
    pub(crate) accept_errors: [u64; AcceptError::ALL.len()],
    game_closes: Vec<u64>,
    pub(crate) drained_bytes: u64,
    pub(crate) undelivered_in: (u64, u64),
    pub(crate) undelivered_out: (u64, u64),
    pub(crate) dropped_by_close: u64,
}

/// The kinds of accept errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptError {
    /// This process has no free descriptor.
    Emfile,
    /// The system has no free descriptor.
    Enfile,
    /// The peer left before it was accepted.
    Aborted,
    /// The system has no memory for a socket.
    NoMemory,
    /// A signal interrupted the call.
    Interrupted,
    /// Anything else.
    Unexpected,
}

impl AcceptError {
    pub(crate) const ALL: [Self; 6] = [
        Self::Emfile,
        Self::Enfile,
        Self::Aborted,
        Self::NoMemory,
        Self::Interrupted,
        Self::Unexpected,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Emfile => "emfile",
            Self::Enfile => "enfile",
            Self::Aborted => "aborted",
            Self::NoMemory => "no_memory",
            Self::Interrupted => "interrupted",
            Self::Unexpected => "unexpected",
        }
    }
}

/// The changes to the books at a connection's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    pub(crate) cause: Cause,
    pub(crate) phase: Phase,
    /// The cohort's index; 0 is `none`.
    pub(crate) cohort: usize,
    /// The connection had given up its place.
    pub(crate) lingered: bool,
    /// It had been refused when it arrived.
    pub(crate) refused: bool,
    /// The code that our decision sent, if it sent one.
    pub(crate) code: Option<u16>,
}

/// The causes that carry a code of the game.
pub(crate) const GAME_CLOSES: [Cause; 3] =
    [Cause::Kicked, Cause::ClosedByGame, Cause::AuthRejected];

impl Ledger {
    /// Opens the books for this many cohorts, `none` included, these codes of the game, and this many places. As many
    /// more connections may linger after their sessions. So when a full server is drained, every client still gets
    /// its goodbye.
    pub(crate) fn new(cohorts: usize, codes: Vec<u16>, places: u64) -> Self {
        let kinds = Cause::ALL.len() * cohorts;
        Self {
            counts: Mutex::new(Counts {
                cohorts,
                opened: 0,
                open: 0,
                lingering: 0,
                refused: 0,
                places,
                ended: 0,
                joined: 0,
                sessions_open: 0,
                suspended: 0,
                attached: 0,
                resumes: [0; ResumeOutcome::ALL.len()],
                disconnects: vec![0; kinds * Phase::ALL.len()],
                departures: vec![0; (Cause::ALL.len() + LATER.len()) * cohorts],
                accept_errors: [0; AcceptError::ALL.len()],
                game_closes: vec![0; GAME_CLOSES.len() * (codes.len() + 1)],
                codes,
                drained_bytes: 0,
                undelivered_in: (0, 0),
                undelivered_out: (0, 0),
                dropped_by_close: 0,
            }),
            present: AtomicU64::new(0),
            emptied: Notify::new(),
        }
    }

    /// Changes the number of places. Connections that have a place keep it.
    pub(crate) fn set_places(&self, places: u64) {
        lock(&self.counts).places = places;
    }

    /// Counts a connection in. Returns how many connections have a place now, including this one.
    pub(crate) fn open(&self) -> u64 {
        self.present.fetch_add(1, Ordering::Relaxed);
        let mut counts = lock(&self.counts);
        counts.opened += 1;
        counts.open += 1;
        counts.places_taken()
    }

    /// Frees the place of a connection that was refused before its first byte. Returns whether it may stay to say hello, and
    /// to read why. With TLS, each needs a handshake for that.
    pub(crate) fn refuse(&self, has_tls: bool) -> Linger {
        let max = match has_tls {
            true => REFUSED_WITH_TLS_MAX,
            false => REFUSED_MAX,
        };
        let mut counts = lock(&self.counts);
        counts.lingering += 1;
        counts.refused += 1;
        match counts.refused <= max {
            true => Linger::Allowed,
            false => Linger::Refused,
        }
    }

    /// Frees the place of a connection that never became a session and stays open only for the
    /// goodbye.
    pub(crate) fn linger(&self) -> Linger {
        lock(&self.counts).linger(LINGERING_REFUSED_MAX)
    }

    /// Counts a session out together with its connection, which has no place any more. `is_away`: the session waited for its
    /// player, and the connection was not confirmed.
    pub(crate) fn depart(&self, cause: DepartureCause, cohort: usize, is_away: bool) -> Linger {
        let mut counts = lock(&self.counts);
        counts.depart(cause, cohort, is_away);
        counts.attached -= 1;
        counts.linger(u64::MAX)
    }

    /// Counts a session out that waited for its player, and has no connection.
    pub(crate) fn depart_away(&self, cause: DepartureCause, cohort: usize, unsent: (u64, u64)) {
        let mut counts = lock(&self.counts);
        counts.depart(cause, cohort, true);
        counts.undelivered_out.0 += unsent.0;
        counts.undelivered_out.1 += unsent.1;
    }

    /// Counts a session in.
    pub(crate) fn join(&self) {
        let mut counts = lock(&self.counts);
        counts.joined += 1;
        counts.sessions_open += 1;
        counts.attached += 1;
    }

    /// The connection of a session is lost: it lingers without a place. The session keeps its place, and waits for its
    /// player. `is_away`: it waited already, and the connection was not confirmed.
    pub(crate) fn lose(&self, is_away: bool) -> Linger {
        let mut counts = lock(&self.counts);
        counts.attached -= 1;
        if !is_away {
            counts.sessions_open -= 1;
            counts.suspended += 1;
        }
        counts.linger(u64::MAX)
    }

    /// A session that waits for its player has another connection, which has no place of its own any more. `is_refused`: it
    /// had none before, because it was refused when it arrived.
    pub(crate) fn attach(&self, is_refused: bool) {
        let mut counts = lock(&self.counts);
        counts.attached += 1;
        counts.lingering -= u64::from(is_refused);
        counts.refused -= u64::from(is_refused);
    }

    /// A session's player is back.
    pub(crate) fn back(&self, outcome: ResumeOutcome) {
        let mut counts = lock(&self.counts);
        counts.suspended -= 1;
        counts.sessions_open += 1;
        counts.resume(outcome);
    }

    /// An attempt to come back to a session has failed.
    pub(crate) fn not_back(&self, outcome: ResumeOutcome) {
        lock(&self.counts).resume(outcome);
    }

    /// Counts a connection out. Returns the sequence number of this end.
    pub(crate) fn close(&self, closing: Closing, also: impl FnOnce(&mut Counts)) -> u64 {
        let mut counts = lock(&self.counts);
        let index = counts.disconnect_index(closing.cause, closing.phase, closing.cohort);
        count(&mut counts.disconnects, Some(index));
        counts.open -= 1;
        counts.lingering -= u64::from(closing.lingered);
        counts.refused -= u64::from(closing.refused);
        counts.ended += 1;
        let index = counts.game_close_index(closing.cause, closing.code);
        count(&mut counts.game_closes, index);
        also(&mut counts);
        counts.ended
    }

    /// Marks a connection as gone, after its end was reported everywhere.
    pub(crate) fn gone(&self) {
        if self.present.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.emptied.notify_waiters();
        }
    }

    pub(crate) fn accept_error(&self, error: AcceptError) {
        let index = AcceptError::ALL.iter().position(|kind| *kind == error);
        count(&mut lock(&self.counts).accept_errors, index);
    }

    /// Copies the counts of one moment. No session waits while the copy is used.
    pub(crate) fn counts(&self) -> Counts {
        lock(&self.counts).clone()
    }

    /// Whether sessions wait for their players, and no session has a connection.
    pub(crate) fn is_deserted(&self) -> bool {
        let counts = lock(&self.counts);
        counts.attached == 0 && counts.suspended > 0
    }

    /// Whether all connections are gone and all their ends were reported.
    pub(crate) fn is_empty(&self) -> bool {
        self.present.load(Ordering::Acquire) == 0
    }

    /// Waits until all connections are gone and all their ends were reported.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

impl Counts {
    /// The connections and sessions that have a place. A session shares that of its connection.
    fn places_taken(&self) -> u64 {
        let alone = self.open - self.lingering - self.attached;
        alone + self.sessions_open + self.suspended
    }

    fn depart(&mut self, cause: DepartureCause, cohort: usize, is_away: bool) {
        let index = self.departure_index(cause, cohort);
        count(&mut self.departures, index);
        match is_away {
            true => self.suspended -= 1,
            false => self.sessions_open -= 1,
        }
    }

    fn resume(&mut self, outcome: ResumeOutcome) {
        let mut all = ResumeOutcome::ALL.iter();
        count(&mut self.resumes, all.position(|each| *each == outcome));
    }

    fn linger(&mut self, max: u64) -> Linger {
        self.lingering += 1;
        match self.lingering - self.refused <= self.places.min(max) {
            true => Linger::Allowed,
            false => Linger::Refused,
        }
    }

    pub(crate) fn disconnects(&self, cause: Cause, phase: Phase, cohort: usize) -> u64 {
        let index = self.disconnect_index(cause, phase, cohort);
        at(&self.disconnects, Some(index))
    }

    pub(crate) fn departures(&self, cause: DepartureCause, cohort: usize) -> u64 {
        at(&self.departures, self.departure_index(cause, cohort))
    }

    /// Ends with this cause in this phase, of all cohorts.
    pub(crate) fn ends(&self, cause: Cause, phase: Phase) -> u64 {
        let cohorts = 0..self.cohorts;
        cohorts
            .map(|each| self.disconnects(cause, phase, each))
            .sum()
    }

    /// Departures with this cause, of all cohorts.
    pub(crate) fn left(&self, cause: DepartureCause) -> u64 {
        let cohorts = 0..self.cohorts;
        cohorts.map(|each| self.departures(cause, each)).sum()
    }

    /// Ends with this cause and this code; `None` stands for all undeclared codes.
    pub(crate) fn game_closes(&self, cause: Cause, code: Option<u16>) -> u64 {
        at(&self.game_closes, self.game_close_index(cause, code))
    }

    /// The last place of each cause is for undeclared codes.
    fn game_close_index(&self, cause: Cause, code: Option<u16>) -> Option<usize> {
        let cause = GAME_CLOSES.iter().position(|other| *other == cause)?;
        let declared = self.codes.iter().position(|other| Some(*other) == code);
        let undeclared = self.codes.len();
        Some(cause * (undeclared + 1) + declared.unwrap_or(undeclared))
    }

    pub(crate) fn accept_errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        AcceptError::ALL
            .map(AcceptError::label)
            .into_iter()
            .zip(self.accept_errors)
    }

    pub(crate) fn resumes_as(&self, outcome: ResumeOutcome) -> u64 {
        let mut all = self.resumes();
        all.find(|(of, _)| *of == outcome)
            .map_or(0, |(_, count)| count)
    }

    pub(crate) fn resumes(&self) -> impl Iterator<Item = (ResumeOutcome, u64)> {
        ResumeOutcome::ALL.into_iter().zip(self.resumes)
    }

    fn disconnect_index(&self, cause: Cause, phase: Phase, cohort: usize) -> usize {
        (ordinal(cause) * Phase::ALL.len() + usize::from(phase as u8)) * self.cohorts + cohort
    }

    fn departure_index(&self, cause: DepartureCause, cohort: usize) -> Option<usize> {
        let kind = match cause {
            DepartureCause::Ended(cause) => ordinal(cause),
            DepartureCause::ResumeExpired | DepartureCause::HandedOver => {
                Cause::ALL.len() + LATER.iter().position(|later| *later == cause)?
            }
        };
        Some(kind * self.cohorts + cohort)
    }
}

fn at(counts: &[u64], index: Option<usize>) -> u64 {
    let count = index.and_then(|index| counts.get(index));
    count.copied().unwrap_or(0)
}

fn count(counts: &mut [u64], index: Option<usize>) {
    if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
        *count += 1;
    }
}

/// The index of the cause in [`Cause::ALL`].
fn ordinal(cause: Cause) -> usize {
    Cause::ALL
        .iter()
        .position(|other| *other == cause)
        .unwrap_or_default()
}

/// The causes of departures besides those of connections.
const LATER: [DepartureCause; 2] = [DepartureCause::ResumeExpired, DepartureCause::HandedOver];

/// The causes of all departures.
pub(crate) fn departure_causes() -> impl Iterator<Item = DepartureCause> {
    Cause::ALL
        .into_iter()
        .map(DepartureCause::from)
        .chain(LATER)
}

/// The most refused connections that may stay at a time.
pub(crate) const REFUSED_MAX: u64 = 256;

/// The same where one more is to stay that needs a TLS handshake.
const REFUSED_WITH_TLS_MAX: u64 = 64;

/// The most lingering connections, if one more is to linger that never became a session. With
/// [`REFUSED_MAX`] they fit into the 320 descriptors that a process needs besides one for each place.
const LINGERING_REFUSED_MAX: u64 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(cause: Cause) -> Closing {
        Closing {
            cause,
            phase: Phase::Live,
            cohort: 0,
            lingered: false,
            refused: false,
            code: None,
        }
    }

    #[test]
    fn each_cause_phase_and_cohort_has_a_count_of_its_own() {
        let ledger = Ledger::new(3, Vec::new(), 1);
        for cause in Cause::ALL {
            for phase in Phase::ALL {
                for cohort in 0..3 {
                    let closing = Closing {
                        phase,
                        cohort,
                        ..closing(cause)
                    };
                    ledger.open();
                    ledger.close(closing, |_| ());
                }
            }
        }
        let counts = ledger.counts();
        assert_eq!((counts.opened, counts.open), (52 * 6 * 3, 0));
        assert!(counts.disconnects.iter().all(|count| *count == 1));
    }

    #[test]
    fn a_session_departs_before_its_connection_ends_and_frees_its_place() {
        let ledger = Ledger::new(1, Vec::new(), 1);
        assert_eq!(ledger.open(), 1);
        ledger.join();
        assert_eq!(
            ledger.depart(Cause::Kicked.into(), 0, false),
            Linger::Allowed
        );
        let counts = ledger.counts();
        assert_eq!(
            (counts.joined, counts.sessions_open, counts.open),
            (1, 0, 1)
        );
        assert_eq!(counts.departures(Cause::Kicked.into(), 0), 1);
        assert_eq!(counts.disconnects(Cause::Kicked, Phase::Live, 0), 0);
        assert_eq!(ledger.open(), 1, "the place is free");
        assert_eq!(ledger.linger(), Linger::Refused, "one lingers already");
        let closing = Closing {
            lingered: true,
            ..closing(Cause::Kicked)
        };
        assert_eq!(ledger.close(closing, |_| ()), 1);
        assert_eq!(ledger.close(closing, |_| ()), 2);
        let counts = ledger.counts();
        assert_eq!((counts.open, counts.lingering), (0, 0));
        assert_eq!(counts.disconnects(Cause::Kicked, Phase::Live, 0), 2);
    }

    #[test]
    fn a_refused_connection_has_no_place_and_only_some_of_them_may_stay() {
        for (has_tls, max) in [(true, 64), (false, 256)] {
            let ledger = Ledger::new(1, Vec::new(), 1);
            for n in 1..=max + 2 {
                assert_eq!(ledger.open(), 1, "no place is taken");
                let expected = match n <= max {
                    true => Linger::Allowed,
                    false => Linger::Refused,
                };
                assert_eq!(ledger.refuse(has_tls), expected, "{n}");
            }
            refused_ones_take_no_room(&ledger, has_tls);
        }
    }

    fn refused_ones_take_no_room(ledger: &Ledger, has_tls: bool) {
        ledger.open();
        assert_eq!(
            ledger.linger(),
            Linger::Allowed,
            "the refused ones take no room"
        );
        let closing = Closing {
            lingered: true,
            refused: true,
            ..closing(Cause::ServerFull)
        };
        for _ in 0..3 {
            ledger.close(closing, |_| ());
        }
        assert_eq!(ledger.open(), 1);
        assert_eq!(ledger.refuse(has_tls), Linger::Allowed);
    }

    #[test]
    fn a_code_of_the_game_is_counted_if_it_was_declared() {
        let ledger = Ledger::new(1, vec![4_100, 4_096], 1);
        let close = |cause, code| {
            let closing = Closing {
                code,
                ..closing(cause)
            };
            ledger.open();
            ledger.close(closing, |_| ());
        };
        for code in [Some(4_096), Some(4_100), Some(4_100), Some(4_097), None] {
            close(Cause::Kicked, code);
        }
        close(Cause::AuthRejected, Some(4_096));
        close(Cause::PeerFin, Some(4_096));
        let counts = ledger.counts();
        let of = |cause| [Some(4_096), Some(4_100), None].map(|c| counts.game_closes(cause, c));
        assert_eq!(of(Cause::Kicked), [1, 2, 2]);
        assert_eq!(of(Cause::ClosedByGame), [0, 0, 0]);
        assert_eq!(of(Cause::AuthRejected), [1, 0, 0]);
        assert_eq!(counts.game_closes.iter().sum::<u64>(), 6);
    }
}
