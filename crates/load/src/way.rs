//! A way to end, as data: how far a client goes, which frames it sends, how it leaves, and the ending to record.

mod early;
mod game;
mod live;

use std::fmt;

use lastword_session::{Cause, Phase};

use crate::Ending;
use crate::last_frames::LastFrames;

/// One way for a connection to end.
pub struct Way {
    /// The name in a scenario.
    pub name: &'static str,
    /// The client's actions, in one line.
    pub does: &'static str,
    /// The ending that the server must record.
    pub truth: Ending,
    /// Whether the game must obey, as an [`ObeyingGame`](crate::ObeyingGame).
    pub needs_the_game: bool,
    pub(crate) play: Play,
    /// The code of the goodbye that the client must read before the end.
    pub(crate) hears: Option<u16>,
}

/// How a way is played.
pub(crate) enum Play {
    /// On a raw socket.
    Raw {
        joins: bool,
        says: fn(&mut LastFrames),
        leaves: Leaves,
    },
    /// With the client library.
    Client(ClientEnd),
}

/// How a client on a raw socket leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// Closes at once.
    Close,
    /// Closes at once, with a reset.
    Reset,
    /// Closes with an unread answer, which also causes a reset.
    Unread,
    /// Closes so that the FIN is in the last segment, and every answer is refused.
    WithLastFrame,
    /// Shuts its write side and reads to the end. Every echo must arrive.
    HalfClose,
    /// Reads to the end.
    Read,
    /// Reads to the end, but reads nothing at first, so that both kernels' buffers fill.
    ReadLate,
}

/// How a client with the client library leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientEnd {
    Goodbye,
    Drop,
    Abort,
}

impl Way {
    /// Returns every way.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        early::WAYS.iter().chain(live::WAYS).chain(game::WAYS)
    }

    /// Returns the way of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::all().find(|way| way.name == name)
    }

    /// Tells whether the clients of this way join.
    #[must_use]
    pub const fn joins(&self) -> bool {
        match self.play {
            Play::Raw { joins, .. } => joins,
            Play::Client(_) => true,
        }
    }

    /// Whether this way needs the game's answer: without an answer it has another ending.
    pub(crate) const fn needs_an_answer(&self) -> bool {
        matches!(
            self.play,
            Play::Raw {
                leaves: Leaves::Unread | Leaves::WithLastFrame,
                ..
            }
        )
    }

    /// A way without a session.
    const fn early(
        name: &'static str,
        does: &'static str,
        says: fn(&mut LastFrames),
        leaves: Leaves,
        cause: Cause,
        phase: Phase,
    ) -> Self {
        Self {
            name,
            does,
            truth: Ending { cause, phase },
            needs_the_game: false,
            play: Play::Raw {
                joins: false,
                says,
                leaves,
            },
            hears: None,
        }
    }

    /// A way of a joined player.
    const fn live(
        name: &'static str,
        does: &'static str,
        says: fn(&mut LastFrames),
        leaves: Leaves,
        cause: Cause,
    ) -> Self {
        Self {
            play: Play::Raw {
                joins: true,
                says,
                leaves,
            },
            ..Self::early(name, does, says, leaves, cause, Phase::Live)
        }
    }

    /// A way of a player with the client library.
    const fn client(name: &'static str, does: &'static str, end: ClientEnd, cause: Cause) -> Self {
        Self {
            play: Play::Client(end),
            ..Self::live(name, does, |_| {}, Leaves::Close, cause)
        }
    }

    /// The same way, with a goodbye that has the cause's code.
    const fn told(self) -> Self {
        let code = self.truth.cause.code();
        self.told_with(code)
    }

    const fn told_with(self, code: u16) -> Self {
        Self {
            hears: Some(code),
            ..self
        }
    }

    /// The same way, with a game that must obey.
    const fn with_the_game(self) -> Self {
        Self {
            needs_the_game: true,
            ..self
        }
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way")
            .field("name", &self.name)
            .field("truth", &self.truth)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_way_has_a_name_of_its_own_and_a_truth_that_can_occur() {
        let names: BTreeSet<_> = Way::all().map(|way| way.name).collect();
        assert_eq!(names.len(), Way::all().count());
        for way in Way::all() {
            assert!(way.truth.cause.occurs_in(way.truth.phase), "{way:?}");
            assert_eq!(way.joins(), way.truth.phase == Phase::Live, "{way:?}");
        }
    }
}
