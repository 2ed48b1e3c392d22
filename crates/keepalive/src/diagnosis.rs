//! The names of a silence: while it lasts, and when it ends the connection.

use std::fmt;
use std::time::Duration;

use crate::Time;

/// The diagnosis of a silence while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Diagnosis {
    /// The evidence is not yet enough to tell.
    Undecided,
    /// Nothing is acknowledged, and nothing arrives.
    PathDead,
    /// Bytes arrive, but our data is not acknowledged.
    PathDeadOutbound,
    /// Nothing leaves this host.
    LocalNetworkDown,
    /// The peer's kernel answers over a path that loses nothing, but its process does not.
    PeerFrozen,
    /// The evidence cannot tell: this system has no evidence from the kernel, or the evidence is from a proxy's kernel.
    /// Or the path lost something, so that a living peer's data may be lost, too.
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

    /// Returns the stable label used in metrics and logs: the label of the cause that it would become, or `undecided`.
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

/// The kind of silence for which a connection was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Silence {
    /// No acknowledgement and no byte came: pulled cable, dead host, black hole.
    PathDead,
    /// Bytes arrived, but our data was never acknowledged.
    PathDeadOutbound,
    /// Nothing left this host: our own interface, route or filter.
    LocalNetworkDown,
    /// The peer's kernel answered over a path that lost nothing, but its process sent nothing.
    PeerFrozen,
    /// Only the peer's silence is known.
    PeerSilent,
    /// The peer sends but does not read: none of our data was acknowledged for the write-progress timeout.
    PeerNotReading,
}

impl From<Diagnosis> for Silence {
    /// Names a silence whose time is up. A silence that is still undecided then becomes [`Self::PeerSilent`].
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
pub struct SilenceVerdict {
    /// The kind of silence.
    pub silence: Silence,
    /// The last sign of life: the last byte, or the last acknowledgement where acknowledgements are missing.
    pub since: Time,
    /// For how long this process stood still since then, on the real clock.
    pub stood_still: Duration,
    /// How late our own process made this verdict. This counts only lateness that is too short to
    /// stop the clock.
    pub late: Duration,
}
