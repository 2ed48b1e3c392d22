//! The state of a live session's link, as reported to its owner: suspect, or healthy again.

use lastword_keepalive::Diagnosis;

/// A change of a live session's link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// No byte came from the peer for the profile's suspect limit, or its kernel acknowledged nothing for 2.5 s.
    ///
    /// It is reported again when the evidence says more. The connection has not ended yet: the peer may come back, or
    /// be given up at the dead limit.
    Suspect(Diagnosis),
    /// A byte came from a suspect peer again.
    Healthy,
}

impl Link {
    /// Returns the diagnosis of a suspect peer, or `None` where the peer is healthy.
    #[must_use]
    pub const fn suspicion(&self) -> Option<Diagnosis> {
        match self {
            Self::Suspect(diagnosis) => Some(*diagnosis),
            Self::Healthy => None,
        }
    }
}
