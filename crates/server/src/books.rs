//! The books of a server: what is counted, published, logged and recorded of its connections and sessions.

mod ledger;
pub(crate) mod log;
mod metrics;
mod names;
mod portrait;
mod record;
mod seats;
mod traffic;

pub use metrics::{Metric, MetricKind, MetricLabel, MetricUnit};
pub use portrait::Portrait;
pub use record::{Departure, Disconnect, Record, Step};

pub(crate) use ledger::{AcceptError, Closing, Ledger};
pub(crate) use metrics::{Catalogue, Metrics, State, with_recorder};
pub(crate) use names::{NameKind, Names, UnknownName};
pub(crate) use portrait::Questions;
pub(crate) use seats::{Seats, place_of};
pub(crate) use traffic::TrafficTotals;
