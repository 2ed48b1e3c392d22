//! How much one wake-up does before others on the same worker have their turn.

use std::time::Duration;

use crate::Time;

/// The rest of what one wake-up may do.
pub(super) struct Budget {
    turns: u32,
    frames: u32,
    bytes: usize,
    /// On the real clock; [`Time::NEVER`] until something is read.
    until: Time,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            turns: TURNS_MAX,
            frames: FRAMES_MAX,
            bytes: BYTES_MAX,
            until: Time::NEVER,
        }
    }
}

impl Budget {
    pub(super) fn allows_turn(&mut self) -> bool {
        self.turns = self.turns.saturating_sub(1);
        self.turns > 0 && !self.is_spent()
    }

    pub(super) fn is_spent(&self) -> bool {
        self.frames == 0 || self.bytes == 0
    }

    /// Notes that `bytes` bytes were read at this moment of the real clock.
    pub(super) fn read(&mut self, bytes: usize, at: Time) {
        self.bytes = self.bytes.saturating_sub(bytes);
        if self.until == Time::NEVER {
            self.until = at + TIME_MAX;
        }
    }

    /// Notes that a frame was handled. The real clock is read after the second frame, and then after each eighth.
    pub(super) fn frame(&mut self, real: impl FnOnce() -> Time) {
        self.frames = self.frames.saturating_sub(1);
        let handled = FRAMES_MAX - self.frames;
        if (handled == 2 || handled % 8 == 0) && real() >= self.until {
            self.frames = 0;
        }
    }
}

const TURNS_MAX: u32 = 17;
const FRAMES_MAX: u32 = 256;
const BYTES_MAX: usize = 64 * 1024;
const TIME_MAX: Duration = Duration::from_micros(200);
