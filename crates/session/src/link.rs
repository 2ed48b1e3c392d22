//! How a live session's link is doing, as its owner is told: suspect, and healthy again.

use lastword_keepalive::Diagnosis;

/// A change of a live session's link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// Nothing came from the peer for the profile's suspect limit, or its kernel acknowledged nothing for 2.5 s. Told
    /// again when the evidence says more. Nothing ends yet: it may come back, or be given up at the dead limit.
    Suspect(Diagnosis),
    /// A suspect peer was heard again.
    Healthy,
}

impl Link {
    /// What the peer is suspected of, where it is.
    #[must_use]
    pub const fn suspicion(&self) -> Option<Diagnosis> {
        match self {
            Self::Suspect(diagnosis) => Some(*diagnosis),
            Self::Healthy => None,
        }
    }
}
