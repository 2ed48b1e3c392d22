//! How a connection of ours ended, as seen from this side.

use std::fmt;

use lastword_session::{Cause, Ending, Evidence, FirstError, Phase, TrailEvent};

use crate::Parting;

/// The end of a connection: one cause, and what there is to show for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Why, as seen from here: `peer_goodbye` where the server said why, `closed_by_game` where we did.
    pub cause: Cause,
    /// How far the connection had come: `auth` until the welcome, then `live`.
    pub phase: Phase,
    /// What the server's goodbye said, where it said one.
    pub parting: Option<Parting>,
    /// The first error by whichever call.
    pub first_error: Option<FirstError>,
    /// What the kernel and our clocks showed.
    pub evidence: Evidence,
    /// What happened towards the end, oldest first, at most eight.
    pub trail: Vec<TrailEvent>,
}

impl From<Ending> for Ended {
    fn from(ending: Ending) -> Self {
        Self {
            cause: ending.verdict.cause,
            phase: ending.verdict.phase,
            parting: ending.parting.map(Parting::from),
            first_error: ending.first_error,
            evidence: ending.evidence,
            trail: ending.trail,
        }
    }
}

/// The cause in words, and the server's last word where it said one.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parting {
            Some(parting) => write!(f, "{}, the server said {parting}", self.cause),
            None => write!(f, "{}: {}", self.cause, self.cause.sentence()),
        }
    }
}
