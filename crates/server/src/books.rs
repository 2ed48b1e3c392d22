//! The books of a server: the counts, metrics, log lines and records of its connections and sessions.

mod ledger;
mod live_sessions;
pub(crate) mod log;
mod metrics;
mod names;
mod record;
mod resumes;
mod session_status;
mod stats;
mod traffic;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::Config;
use crate::guard::guarded;

pub use metrics::{Metric, MetricKind, MetricLabel, MetricUnit};
pub use record::{Account, Departure, Disconnect, PeerTold, Record, Step, Told};
pub use session_status::SessionStatus;
pub use stats::Stats;

pub(crate) use ledger::{AcceptError, Closing};
pub(crate) use live_sessions::LiveSessions;
pub(crate) use metrics::{Metrics, OpenFds, State, with_recorder};
pub(crate) use names::{Names, UnknownName};
pub(crate) use resumes::ResumeOutcome;

use ledger::Ledger;
use names::NameKind;
use session_status::StatusRequests;
use traffic::TrafficTotals;

/// The books of one server.
pub(crate) struct Books {
    pub(crate) ledger: Ledger,
    pub(crate) traffic: TrafficTotals,
    metrics: Metrics,
    pub(crate) cohorts: Names,
    /// The names of the profiles.
    pub(crate) profiles: Names,
    /// The live sessions, for the list.
    pub(crate) live_sessions: Arc<LiveSessions>,
    /// Callers that wait for a live session to describe itself.
    pub(crate) status_requests: StatusRequests,
    /// Limits the log lines of connections that never became a session.
    pub(crate) log_limit: log::Limit,
    /// Limits the log lines of failures of accept.
    pub(crate) accept_limit: log::Limit,
}

impl Books {
    pub(crate) fn open(
        config: &Config,
        metrics: Metrics,
        [cohorts, profiles]: [Names; NameKind::ALL.len()],
        live_sessions: Arc<LiveSessions>,
        listener: SocketAddr,
    ) -> Self {
        Self {
            ledger: Ledger::new(
                cohorts.count(),
                config.metrics.game_codes.clone(),
                config.admission.connections_max.into(),
            ),
            traffic: TrafficTotals::default(),
            metrics,
            cohorts,
            profiles,
            live_sessions,
            status_requests: StatusRequests::default(),
            log_limit: log::Limit::new(log::Limited::Closes, listener),
            accept_limit: log::Limit::new(log::Limited::AcceptErrors, listener),
        }
    }

    /// Logs once a second how many lines were withheld in that second. It never ends.
    pub(crate) async fn tell_each_second(&self) {
        tokio::join!(
            self.log_limit.tell_each_second(),
            self.accept_limit.tell_each_second()
        );
    }

    /// Logs how many lines were withheld since the last call.
    pub(crate) fn tell(&self) {
        self.log_limit.tell();
        self.accept_limit.tell();
    }

    /// Records a measured value. If the game's recorder panics, only this value is lost.
    pub(crate) fn measure(&self, record: impl FnOnce(&Metrics)) {
        guarded("the recorder of the metrics panicked", || {
            record(&self.metrics)
        });
    }

    /// Publishes one snapshot of the books. The recorder may be the game's code, so the counts are not locked
    /// during the call.
    pub(crate) fn publish(&self, state: State) {
        let (counts, totals) = (self.ledger.counts(), self.traffic.read());
        let unknown_names = self.unknown_names();
        self.metrics.publish(&counts, totals, unknown_names, state);
    }

    /// Players whose names the configuration does not have, by [`NameKind::ALL`].
    fn unknown_names(&self) -> [u64; NameKind::ALL.len()] {
        [self.cohorts.unknown(), self.profiles.unknown()]
    }
}
