//! The description of a metric: a row of the catalogue, its labels and their possible values.

use lastword_session::{BothEnds, Cause, Class, DepartureCause, Diagnosis, Initiator, Phase};

use crate::books::ledger::{AcceptError, GAME_CLOSES};
use crate::books::names::NameKind;
use crate::books::resumes::ResumeOutcome;

/// A metric that the server emits. Rules, dashboards and documentation are checked against it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The name, without the suffixes of a histogram's series.
    pub name: &'static str,
    /// The type of its values.
    pub kind: MetricKind,
    /// The unit of its values.
    pub unit: MetricUnit,
    /// The labels of its series, in addition to `server` if the server has a name.
    pub labels: &'static [MetricLabel],
    /// The text of `# HELP`.
    pub help: &'static str,
}

impl Metric {
    /// Returns the metric whose series have this name: its own name, or for a histogram with `_bucket`, `_sum` or
    /// `_count`.
    #[must_use]
    pub fn of_series(series: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|metric| match metric.kind {
            MetricKind::Counter | MetricKind::Gauge => metric.name == series,
            MetricKind::Histogram { .. } => series
                .strip_prefix(metric.name)
                .is_some_and(|suffix| ["_bucket", "_sum", "_count"].contains(&suffix)),
        })
    }
}

/// The type of a metric's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricKind {
    /// A number that only grows, from 0 at the start of the server.
    Counter,
    /// The current value, which rises and falls.
    Gauge,
    /// Counts of observations up to each of these bounds.
    Histogram {
        /// The upper bounds, rising; `+Inf` follows them.
        buckets: &'static [f64],
    },
}

impl MetricKind {
    /// Returns the word for `# TYPE`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram { .. } => "histogram",
        }
    }
}

/// The unit of a metric's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// Things: connections, frames, errors.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// 1 if true, otherwise 0.
    Flag,
}

impl MetricUnit {
    /// Returns the word that the documentation uses.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::Flag => "0 or 1",
        }
    }
}

/// A label of metrics. No label ever has a player, an address or free text as its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricLabel {
    /// The cause of an end.
    Cause,
    /// The last cause of a session, or one of the departure causes that no connection has.
    DepartureCause,
    /// The cause of an end to which the game can give a code.
    GameCause,
    /// A cause that only the passing of time shows.
    SilentCause,
    /// The class of the cause.
    Class,
    /// The initiator of the cause.
    Initiator,
    /// How far the connection had come.
    Phase,
    /// The cohort that an authenticator gave the player.
    Cohort,
    /// The kind of an accept error.
    AcceptError,
    /// A code that the game declared, or `undeclared`.
    GameCode,
    /// The diagnosis of a silence.
    Diagnosis,
    /// From the peer or to it.
    Direction,
    /// The property that an authenticator named.
    NameKind,
    /// The policy that dropped a frame.
    QueuePolicy,
    /// How an attempt to come back to a session ended.
    ResumeOutcome,
    /// A liveness profile.
    Profile,
    /// The comparison of the server's cause with the account of the client.
    BothEnds,
    /// The version of this library.
    Version,
}

impl MetricLabel {
    /// Every label.
    pub const ALL: [Self; 18] = [
        Self::Cause,
        Self::DepartureCause,
        Self::GameCause,
        Self::SilentCause,
        Self::Class,
        Self::Initiator,
        Self::Phase,
        Self::Cohort,
        Self::AcceptError,
        Self::GameCode,
        Self::Diagnosis,
        Self::Direction,
        Self::NameKind,
        Self::QueuePolicy,
        Self::ResumeOutcome,
        Self::Profile,
        Self::BothEnds,
        Self::Version,
    ];

    /// Returns the name of the label in the series.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cause | Self::DepartureCause | Self::GameCause | Self::SilentCause => "cause",
            Self::Class => "class",
            Self::Initiator => "initiator",
            Self::Phase => "phase",
            Self::Cohort => "cohort",
            Self::AcceptError => "error",
            Self::GameCode => "code",
            Self::Diagnosis => "diagnosis",
            Self::Direction => "direction",
            Self::NameKind => "kind",
            Self::QueuePolicy => "policy",
            Self::ResumeOutcome => "outcome",
            Self::Profile => "profile",
            Self::BothEnds => "both_ends",
            Self::Version => "version",
        }
    }

    /// Returns every value that the label can have; `None` if the configuration or the version decides.
    #[must_use]
    pub fn values(self) -> Option<Vec<&'static str>> {
        let causes = Cause::ALL.into_iter();
        let departed = || causes.clone().filter(|cause| cause.occurs_in(Phase::Live));
        Some(match self {
            Self::Cause => causes.map(Cause::label).collect(),
            Self::DepartureCause => {
                let no_causes = [DepartureCause::ResumeExpired, DepartureCause::HandedOver];
                let labels = departed().map(Cause::label);
                labels.chain(no_causes.map(DepartureCause::label)).collect()
            }
            Self::GameCause => GAME_CLOSES.map(Cause::label).to_vec(),
            Self::SilentCause => {
                let silent = causes.filter(|cause| cause.is_silent());
                silent.map(Cause::label).collect()
            }
            Self::Class => Class::ALL.map(Class::label).to_vec(),
            Self::Initiator => Initiator::ALL.map(Initiator::label).to_vec(),
            Self::Phase => Phase::ALL.map(Phase::label).to_vec(),
            Self::AcceptError => AcceptError::ALL.map(AcceptError::label).to_vec(),
            Self::Diagnosis => Diagnosis::ALL.map(Diagnosis::label).to_vec(),
            Self::Direction => vec!["in", "out"],
            Self::NameKind => NameKind::ALL.map(NameKind::label).to_vec(),
            Self::BothEnds => BothEnds::ALL.map(BothEnds::label).to_vec(),
            Self::QueuePolicy => vec!["close", "drop_oldest", "latest"],
            Self::ResumeOutcome => ResumeOutcome::ALL.map(ResumeOutcome::label).to_vec(),
            Self::Cohort | Self::GameCode | Self::Profile | Self::Version => return None,
        })
    }
}
