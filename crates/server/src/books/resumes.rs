//! How attempts to come back to a session end.

use lastword_session::Refusal;

/// How an attempt to come back to a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResumeOutcome {
    /// The player is back. Its older connection had been lost.
    Resumed,
    /// The player is back. Its older connection still looked alive.
    Superseded,
    /// The attempt was refused, for this reason.
    Refused(Refusal),
    /// The session's task did not look at the attempt in time.
    Late,
}

impl ResumeOutcome {
    pub(crate) const ALL: [Self; 9] = [
        Self::Resumed,
        Self::Superseded,
        Self::Refused(Refusal::Stale),
        Self::Refused(Refusal::Raced),
        Self::Refused(Refusal::Gap),
        Self::Refused(Refusal::Ahead),
        Self::Refused(Refusal::Unfit),
        Self::Refused(Refusal::TooOften),
        Self::Late,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Resumed => "resumed",
            Self::Superseded => "superseded",
            Self::Refused(Refusal::Stale) => "stale",
            Self::Refused(Refusal::Raced) => "raced",
            Self::Refused(Refusal::Gap) => "gap",
            Self::Refused(Refusal::Ahead) => "ahead",
            Self::Refused(Refusal::Unfit) => "unfit",
            Self::Refused(Refusal::TooOften) => "too_often",
            Self::Late => "late",
        }
    }

    /// Whether the player is back.
    pub(crate) const fn is_back(self) -> bool {
        matches!(self, Self::Resumed | Self::Superseded)
    }
}

impl From<Refusal> for ResumeOutcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
