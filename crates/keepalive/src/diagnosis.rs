//! What a silence is called: while it lasts, and when it ends the connection.

use std::fmt;
use std::time::Duration;

use crate::Time;

/// What a silence looks like while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Diagnosis {
    /// The evidence does not tell yet.
    Undecided,
    /// Nothing is acknowledged, and nothing arrives.
    PathDead,
    /// Something arrives, and nothing of ours is acknowledged.
    PathDeadOutbound,
    /// Nothing leaves this host.
    LocalNetworkDown,
    /// The peer's kernel answers, its process does not.
    PeerFrozen,
    /// No evidence can tell: there is none of the kernel's here, or it is a proxy's.
    PeerSilent,
}

impl Diagnosis {
    /// Every diagnosis.
    pub const ALL: [Self; 6] = [
        Self::Undecided,
        Self::PathDead,
        Self::PathDeadOutbound,
        Self::LocalNetworkDown,
        Self::PeerFrozen,
        Self::PeerSilent,
    ];

    /// The stable label used in metrics and logs: of the cause that it would become, or `undecided`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::PathDead => "path_dead",
            Self::PathDeadOutbound => "path_dead_outbound",
            Self::LocalNetworkDown => "local_network_down",
            Self::PeerFrozen => "peer_frozen",
            Self::PeerSilent => "peer_silent",
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// What a connection ends as that is given up for its silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Silence {
    /// Nothing acknowledged, nothing heard: pulled cable, dead host, black hole.
    PathDead,
    /// Something arrived, ours was never acknowledged.
    PathDeadOutbound,
    /// Nothing left this host: own interface, route or filter.
    LocalNetworkDown,
    /// The peer's kernel answered, its process said nothing.
    PeerFrozen,
    /// Only the peer's silence is known.
    PeerSilent,
    /// The peer talks and does not read: nothing of ours was taken for the write-progress timeout.
    PeerNotReading,
}

impl From<Diagnosis> for Silence {
    /// What it ends as when its time is up; what is undecided then is a silence and no more.
    fn from(diagnosis: Diagnosis) -> Self {
        match diagnosis {
            Diagnosis::PathDead => Self::PathDead,
            Diagnosis::PathDeadOutbound => Self::PathDeadOutbound,
            Diagnosis::LocalNetworkDown => Self::LocalNetworkDown,
            Diagnosis::PeerFrozen => Self::PeerFrozen,
            Diagnosis::PeerSilent | Diagnosis::Undecided => Self::PeerSilent,
        }
    }
}

/// A silence that lasted too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it was.
    pub silence: Silence,
    /// The last sign of life: of the peer, of its acknowledgements where they are what is missing.
    pub since: Time,
    /// How much of the time since then was our own stall, and excused.
    pub own_stall: Duration,
}
