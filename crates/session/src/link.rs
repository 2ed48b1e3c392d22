//! The state of a live session's link, as reported to its owner: suspect or healthy, congested or flowing, over its rate
//! or within it.

use lastword_keepalive::Diagnosis;

/// A change of a live session's link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// No byte came from the peer for the profile's suspect limit, or its kernel acknowledged nothing for 2.5 s.
    ///
    /// It is reported again when the diagnosis changes. The connection has not ended yet: the peer may come back, or
    /// be given up at the dead limit.
    Suspect(Diagnosis),
    /// A byte came from a suspect peer again.
    Healthy,
    /// The peer reads more slowly than the game sends. Either its kernel does not take the data and more than half of
    /// `outbound_bytes_max` waits, or a frame has waited for half of `outbound_age_ms`.
    ///
    /// It comes before anything is dropped and before the session ends because of it, so that the game can send less.
    /// The only exception is one burst of more than twice `outbound_bytes_max`.
    Congested,
    /// At most a quarter of `outbound_bytes_max` waits for a congested peer, and no frame for a quarter of
    /// `outbound_age_ms`.
    Flowing,
    /// The peer sends more than its rate, so its bytes wait: reading is slowed to the rate.
    ///
    /// If it stays over its rate for the timeout, it is ended as `rate_limited`.
    RateLimited,
    /// The peer is within its rate again: none of its bytes waits, and it may send at least half a burst at once.
    WithinRate,
}

impl Link {
    /// The number of kinds of changes: the peer's silence, the data that waits for the peer, and the peer's rate.
    pub const MATTERS: usize = 3;

    /// Returns the index of this kind of change, below [`Link::MATTERS`]. A later change of the same kind makes this
    /// one obsolete.
    #[must_use]
    pub const fn matter(&self) -> usize {
        match self {
            Self::Suspect(_) | Self::Healthy => 0,
            Self::Congested | Self::Flowing => 1,
            Self::RateLimited | Self::WithinRate => 2,
        }
    }
}
