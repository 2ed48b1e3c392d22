//! Runs of similar frames, as a burst leaves them in a queue.

use crate::Time;

/// Consecutive frames with the same length, kind and time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// The bytes of each frame.
    pub(super) len: u32,
    /// At least one.
    pub(super) frames: u16,
    pub(super) kind: Kind,
    pub(super) queued_at: Time,
}

/// The fate of a frame that has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not a data frame: it stays behind the data frames, and no policy drops it.
    Goodbye,
    Kept,
    Droppable,
    /// A newer content may replace it.
    Latest,
}

impl Kind {
    pub(super) fn is_data(self) -> bool {
        self != Self::Goodbye
    }
}

impl Mark {
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.len, self.kind, self.queued_at) == (other.len, other.kind, other.queued_at)
    }

    /// The bytes of all its frames.
    pub(super) fn bytes(&self) -> usize {
        self.frame_bytes() * usize::from(self.frames)
    }

    pub(super) fn frame_bytes(&self) -> usize {
        usize::try_from(self.len).unwrap_or(usize::MAX)
    }

    pub(super) fn data_frames(&self) -> u64 {
        u64::from(self.kind.is_data()) * u64::from(self.frames)
    }
}
