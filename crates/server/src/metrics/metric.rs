//! What a metric is: the shape of a row of the catalogue, and the labels with the values that they may have.

use lastword_session::{Cause, Class, DepartureCause, Diagnosis, Initiator, Phase};

use crate::ledger::{AcceptError, GAME_CLOSES};
use crate::names::NameKind;

/// A metric that the server emits, or will: what rules, dashboards and documentation are made of and held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The name, without what a histogram's series add to it.
    pub name: &'static str,
    /// What its values are.
    pub kind: MetricKind,
    /// What they count or measure.
    pub unit: MetricUnit,
    /// The labels of its series, besides `server` where the server has a name.
    pub labels: &'static [MetricLabel],
    /// What `# HELP` says.
    pub help: &'static str,
    /// What has to be built before it is emitted; `None`: it is.
    pub reserved_for: Option<&'static str>,
}

impl Metric {
    /// Every metric, in the order of the documentation.
    pub const ALL: &'static [Self] = super::catalogue::CATALOGUE;

    /// The metric whose series have this name: its own, or of a histogram with `_bucket`, `_sum` or `_count`.
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

/// What a metric's values are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricKind {
    /// It only grows, from 0 at the start of the server.
    Counter,
    /// It is what it is now.
    Gauge,
    /// Counts of observations up to each of these bounds.
    Histogram {
        /// The upper bounds, rising; `+Inf` follows them.
        buckets: &'static [f64],
    },
}

impl MetricKind {
    /// The word of `# TYPE`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram { .. } => "histogram",
        }
    }
}

/// What a metric counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// Things: connections, frames, errors.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Seconds since 1970.
    UnixSeconds,
    /// 1 where it is so, else 0.
    Flag,
}

impl MetricUnit {
    /// The word of the documentation.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::UnixSeconds => "seconds since 1970",
            Self::Flag => "0 or 1",
        }
    }
}

/// A label of metrics. None ever holds a player, an address or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricLabel {
    /// The cause of an end.
    Cause,
    /// The last cause of a session, or one of those that no connection has.
    DepartureCause,
    /// The cause of an end that the game can give a code.
    GameCause,
    /// A cause that only the passing of time tells.
    SilentCause,
    /// The class of the cause.
    Class,
    /// The initiator of the cause.
    Initiator,
    /// How far the connection had come.
    Phase,
    /// What an authenticator put the player under.
    Cohort,
    /// What accept failed with.
    AcceptError,
    /// A code that the game declared, or `undeclared`.
    GameCode,
    /// What a silence looks like.
    Diagnosis,
    /// From the peer or to it.
    Direction,
    /// The property that an authenticator named.
    NameKind,
    /// Which policy dropped a frame.
    QueuePolicy,
    /// A profile of liveness.
    Profile,
    /// How a resume came out.
    ResumeOutcome,
    /// The version of this library.
    Version,
}

impl MetricLabel {
    /// Every label.
    pub const ALL: [Self; 17] = [
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
        Self::Profile,
        Self::ResumeOutcome,
        Self::Version,
    ];

    /// The name that series have it by.
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
            Self::Profile => "profile",
            Self::ResumeOutcome => "outcome",
            Self::Version => "version",
        }
    }

    /// Every value that it can have; `None` where the configuration or the version says which.
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
            Self::QueuePolicy => vec!["close", "drop_oldest", "latest"],
            Self::ResumeOutcome => RESUME_OUTCOMES.to_vec(),
            Self::Cohort | Self::GameCode | Self::Profile | Self::Version => return None,
        })
    }
}

const RESUME_OUTCOMES: [&str; 8] = [
    "resumed",
    "bad_token",
    "unknown",
    "expired",
    "ended",
    "gap",
    "ack_ahead",
    "raced",
];
