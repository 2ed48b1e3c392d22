//! One snapshot of the counts, for the game.

use std::time::Duration;

use lastword_session::{Cause, DepartureCause, Diagnosis, Phase};
use lastword_transport::Table;

use super::ledger::departure_causes;
use super::{Books, ResumeOutcome};

/// One snapshot of a server's counts. Both laws hold in it: opened = open + Σ disconnects, and joined = sessions open +
/// suspended + Σ departures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Connections accepted so far.
    pub connections_opened: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Sessions joined so far.
    pub sessions_joined: u64,
    /// Sessions open now, whose player is connected.
    pub sessions_open: u64,
    /// Sessions without a connection, which wait for their player.
    pub sessions_suspended: u64,
    /// Returns of players whose connection had been lost.
    pub resumed: u64,
    /// Returns of players whose older connection still looked alive.
    pub superseded: u64,
    /// Attempts to come back to a session that failed, by the label of `lastword_resumes_total`, without those that are
    /// zero.
    pub resumes_refused: Vec<(&'static str, u64)>,
    /// Ends by cause and phase, without those that are zero.
    pub disconnects: Vec<(Cause, Phase, u64)>,
    /// Departures by their cause, without those that are zero.
    pub departures: Vec<(DepartureCause, u64)>,
    /// Failures of accept by kind, without those that are zero.
    pub accept_errors: Vec<(&'static str, u64)>,
    /// Players to whom the authenticator gave a cohort that `metrics.cohorts` does not declare.
    pub unknown_cohorts: u64,
    /// Players to whom the authenticator gave an unknown profile: not built in, and not in `liveness.profiles`.
    pub unknown_profiles: u64,
    /// Data frames in and out.
    pub frames: (u64, u64),
    /// Raw bytes in and out.
    pub bytes: (u64, u64),
    /// How often a peer became suspect, by the diagnosis of its silence, without those that are zero.
    pub suspects: Vec<(Diagnosis, u64)>,
    /// Sessions whose peer is suspect now, by the diagnosis of its silence, without those that are zero.
    pub suspected: Vec<(Diagnosis, u64)>,
    /// Sessions whose reading is paused, because the game is not taking their frames.
    pub inbound_paused: u64,
    /// Sessions that are congested: their peers read more slowly than the game sends.
    pub congested: u64,
    /// Queued frames that were dropped as the oldest ones, of sessions that lived on.
    pub frames_dropped: u64,
    /// Queued frames that a newer one with the same key replaced.
    pub frames_replaced: u64,
    /// Sessions whose peer is over its rate, so that its bytes wait.
    pub rate_limited: u64,
    /// Events that wait for the game's next tick.
    pub events_waiting: usize,
    /// How long this process was late in all, because it was starved or stopped, or its machine was paused. This time
    /// does not count as peer silence. Delays of less than 20 ms are not included.
    pub local_stall: Duration,
    /// The greatest lateness of the 100 ms sweep in the last 30 to 60 s.
    pub runtime_lag: Duration,
    /// The server's pings that were answered; it sends one per eight heartbeats of each session.
    pub round_trips: u64,
    /// The mean round trip of these pings; zero before the first answer.
    pub round_trip_mean: Duration,
}

impl Stats {
    /// Returns the number of ends with this cause, in any phase.
    #[must_use]
    pub fn ended_by(&self, cause: Cause) -> u64 {
        self.disconnects
            .iter()
            .filter(|(of, ..)| *of == cause)
            .map(|(.., count)| count)
            .sum()
    }

    /// Returns whether both laws hold.
    #[must_use]
    pub fn laws_hold(&self) -> bool {
        let ended: u64 = self.disconnects.iter().map(|(.., count)| count).sum();
        let departed: u64 = self.departures.iter().map(|(_, count)| count).sum();
        self.connections_opened == self.connections_open + ended
            && self.sessions_joined == self.sessions_open + self.sessions_suspended + departed
    }
}

impl Books {
    /// `events_waiting` is the number of events that wait for the game to tick.
    pub(crate) fn stats(&self, events_waiting: usize, table: &Table) -> Stats {
        let totals = self.traffic.read();
        let suspects = Diagnosis::ALL.into_iter().zip(totals.suspects);
        let suspected = Diagnosis::ALL.into_iter().zip(totals.suspected);
        let [round_trips, in_all] = totals.round_trips;
        let [unknown_cohorts, unknown_profiles] = self.unknown_names();
        let counts = self.ledger.counts();
        let ends = Cause::ALL
            .into_iter()
            .flat_map(|cause| Phase::ALL.map(|phase| (cause, phase, counts.ends(cause, phase))));
        let departures = departure_causes().map(|cause| (cause, counts.left(cause)));
        let accept_errors = counts.accept_errors();
        let refused = counts
            .resumes()
            .filter(|(outcome, count)| !outcome.is_back() && *count > 0);
        Stats {
            connections_opened: counts.opened,
            connections_open: counts.open,
            sessions_joined: counts.joined,
            sessions_open: counts.sessions_open,
            sessions_suspended: counts.suspended,
            resumed: counts.resumes_as(ResumeOutcome::Resumed),
            superseded: counts.resumes_as(ResumeOutcome::Superseded),
            resumes_refused: refused
                .map(|(outcome, count)| (outcome.label(), count))
                .collect(),
            disconnects: ends.filter(|(.., count)| *count > 0).collect(),
            departures: departures.filter(|(_, count)| *count > 0).collect(),
            accept_errors: accept_errors.filter(|(_, count)| *count > 0).collect(),
            unknown_cohorts,
            unknown_profiles,
            frames: totals.frames.into(),
            bytes: totals.bytes.into(),
            suspects: suspects.filter(|(_, count)| *count > 0).collect(),
            suspected: suspected.filter(|(_, count)| *count > 0).collect(),
            inbound_paused: totals.paused,
            congested: totals.congested,
            frames_dropped: totals.dropped,
            frames_replaced: totals.replaced,
            rate_limited: totals.rate_limited,
            events_waiting,
            local_stall: table.stalled_total(),
            runtime_lag: table.lag(),
            round_trips,
            round_trip_mean: Duration::from_micros(in_all / round_trips.max(1)),
        }
    }
}
