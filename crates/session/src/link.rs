//! How a live session's link is doing, as its owner is told: suspect, and healthy again.

use std::fmt;

/// A change of a live session's link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// Nothing came from the peer for the profile's suspect limit. Nothing ends yet: it may come back, or be
    /// given up at the dead limit.
    Suspect(Diagnosis),
    /// A suspect peer was heard again.
    Healthy,
}

/// What a silence looks like while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Diagnosis {
    /// The evidence does not tell yet.
    Undecided,
}

impl Diagnosis {
    /// Every diagnosis.
    pub const ALL: [Self; 1] = [Self::Undecided];

    /// The stable label used in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}
