//! How long packets take.

use std::time::Duration;

use crate::share::Share;

/// How long the packets of one direction take, whether they overtake each other, and how many arrive twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    pub(crate) least: Duration,
    pub(crate) most: Duration,
    pub(crate) may_overtake: bool,
    pub(crate) doubled: Share,
}

impl Delay {
    /// No delay.
    pub const NONE: Self = Self::constant(Duration::ZERO);

    /// Each packet takes the same time.
    #[must_use]
    pub const fn constant(time: Duration) -> Self {
        Self::between(time, time)
    }

    /// Each packet takes a random time between these two. It waits for the earlier packets of its direction, so none
    /// arrives out of order. So in a busy direction most packets take nearly the longer time.
    #[must_use]
    pub const fn between(least: Duration, most: Duration) -> Self {
        Self {
            least,
            most,
            may_overtake: false,
            doubled: Share::NONE,
        }
    }

    /// Lets a packet overtake earlier ones that take longer.
    #[must_use]
    pub const fn overtaking(self) -> Self {
        Self {
            may_overtake: true,
            ..self
        }
    }

    /// Delivers this share of the packets twice, each packet chosen separately and at random.
    #[must_use]
    pub const fn doubling(self, share: Share) -> Self {
        Self {
            doubled: share,
            ..self
        }
    }

    /// Returns the longest time that a packet takes.
    #[must_use]
    pub const fn most(self) -> Duration {
        self.most
    }
}

impl From<Duration> for Delay {
    fn from(time: Duration) -> Self {
        Self::constant(time)
    }
}
