//! The books of a server: what is counted, published, logged and recorded of its connections and sessions.

mod ledger;
pub(crate) mod log;
mod metrics;
mod names;
mod portrait;
mod record;
mod seats;
mod stats;
mod traffic;

use std::net::SocketAddr;

use crate::config::Config;
use crate::guard::guarded;

pub use metrics::{Metric, MetricKind, MetricLabel, MetricUnit};
pub use portrait::Portrait;
pub use record::{Departure, Disconnect, Record, Step};
pub use stats::Stats;

pub(crate) use ledger::{AcceptError, Closing};
pub(crate) use metrics::{Metrics, OpenFds, State, with_recorder};
pub(crate) use names::{Names, UnknownName};
pub(crate) use seats::place_of;

use ledger::Ledger;
use names::NameKind;
use portrait::Questions;
use seats::Seats;
use traffic::TrafficTotals;

/// The books of one server.
pub(crate) struct Books {
    pub(crate) ledger: Ledger,
    pub(crate) traffic: TrafficTotals,
    metrics: Metrics,
    pub(crate) cohorts: Names,
    /// The names of the profiles.
    pub(crate) profiles: Names,
    /// The seats of the live sessions, for the list.
    pub(crate) seats: Seats,
    /// Callers that wait for a live session to describe itself.
    pub(crate) questions: Questions,
    /// Limits the log lines of connections that never became a session.
    pub(crate) log_limit: log::Limit,
}

impl Books {
    pub(crate) fn open(
        config: &Config,
        metrics: Metrics,
        [cohorts, profiles]: [Names; NameKind::ALL.len()],
        listener: SocketAddr,
    ) -> Self {
        Self {
            // As many again may linger: a full house that is told to leave loses no last word.
            ledger: Ledger::new(
                cohorts.count(),
                config.metrics.game_codes.clone(),
                config.listen.connections_max.into(),
            ),
            traffic: TrafficTotals::default(),
            metrics,
            cohorts,
            profiles,
            seats: Seats::default(),
            questions: Questions::default(),
            log_limit: log::Limit::new(listener),
        }
    }

    /// Records a measured value. If the game's recorder panics, only this value is lost.
    pub(crate) fn measure(&self, record: impl FnOnce(&Metrics)) {
        guarded("the recorder of the metrics panicked", || {
            record(&self.metrics)
        });
    }

    /// Publishes one snapshot of the books. The recorder is the game's code: the counts are not locked meanwhile.
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
