//! The state of a session's link, as reported to its owner: suspect or healthy, congested or flowing, over its rate or
//! within it, lost or back.

use std::sync::Arc;
use std::time::Duration;

use lastword_keepalive::Diagnosis;

use crate::Ending;

/// A change of a session's link.
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
    /// The connection is lost, and the session waits for its player: for its resume window, and then it departs as
    /// `resume_expired`. All frames of the connection came before this. Next comes [`Link::Back`] or the departure.
    ///
    /// A game need not do anything. It should stop held inputs. What it sends meanwhile waits for the player, up to
    /// `outbound_bytes_max`.
    Lost(Arc<Ending>),
    /// The player of a lost session is back, on another connection. No frame was lost or came twice, in both directions.
    Back(Arc<Back>),
}

/// The return of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Back {
    /// How long the game had to do without the player.
    pub away: Duration,
    /// The number of the connection in its session, from 2.
    pub connection: u32,
    /// The frames that the game could not send meanwhile, because the queue was full: send the whole state where there are
    /// some.
    pub refused_frames: u64,
}

impl Link {
    /// The number of kinds of changes that a later one makes obsolete: the peer's silence, the data that waits for the
    /// peer, and the peer's rate.
    pub const MATTERS: usize = 3;

    /// Returns the index of this kind of change, below [`Link::MATTERS`]. A later change of the same kind makes this
    /// one obsolete. `None` for a loss and a return, which never are.
    #[must_use]
    pub const fn matter(&self) -> Option<usize> {
        match self {
            Self::Suspect(_) | Self::Healthy => Some(0),
            Self::Congested | Self::Flowing => Some(1),
            Self::RateLimited | Self::WithinRate => Some(2),
            Self::Lost(_) | Self::Back(_) => None,
        }
    }

    /// Returns whether this change makes an earlier one obsolete.
    #[must_use]
    pub fn replaces(&self, earlier: &Self) -> bool {
        self.matter().is_some() && self.matter() == earlier.matter()
    }
}
