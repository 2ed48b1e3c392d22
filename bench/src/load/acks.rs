//! When a client acknowledges frames: section 7 of `docs/wire.md`.

use std::time::{Duration, Instant};

/// The frames that came and of which the server was not told.
#[derive(Debug, Clone, Default)]
pub(super) struct Acks {
    frames: usize,
    payload_bytes: usize,
    /// When they were first seen by [`Acks::is_old`].
    seen: Option<Instant>,
}

impl Acks {
    pub(super) fn on_frame(&mut self, payload_bytes: usize) {
        self.frames += 1;
        self.payload_bytes += payload_bytes;
    }

    /// Returns whether the frames or their bytes are enough for an ack. Half of them are, where it joins another write.
    pub(super) fn is_due(&self, is_writing: bool) -> bool {
        let parts = if is_writing { 2 } else { 1 };
        self.frames * parts >= FRAMES || self.payload_bytes * parts >= PAYLOAD_BYTES
    }

    /// Returns whether the frames have waited long enough for an ack. To be called ten times a second.
    pub(super) fn is_old(&mut self, now: Instant) -> bool {
        self.frames > 0 && now.duration_since(*self.seen.get_or_insert(now)) >= DELAY
    }
}

const FRAMES: usize = 64;
const PAYLOAD_BYTES: usize = 32 * 1024;
/// A second, less the longest time until [`Acks::is_old`] sees a frame and sees it again.
const DELAY: Duration = Duration::from_millis(800);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_is_due_after_so_many_frames_or_bytes_and_joins_a_write_after_half() {
        for (frames, payload_bytes, joins, due) in [
            (0, 0, false, false),
            (31, 1, false, false),
            (32, 1, true, false),
            (63, 1, true, false),
            (64, 1, true, true),
            (1, 16 * 1024 - 1, false, false),
            (1, 16 * 1024, true, false),
            (1, 32 * 1024, true, true),
        ] {
            let mut acks = Acks::default();
            (0..frames).for_each(|_| acks.on_frame(payload_bytes));
            assert_eq!(
                (acks.is_due(true), acks.is_due(false)),
                (joins, due),
                "{frames}"
            );
        }
    }

    #[test]
    fn an_ack_is_due_within_a_second() {
        let start = Instant::now();
        let mut acks = Acks::default();
        assert!(!acks.is_old(start));
        acks.on_frame(1);
        assert!(!acks.is_old(start));
        assert!(!acks.is_old(start + Duration::from_millis(700)));
        assert!(acks.is_old(start + Duration::from_millis(900)));
    }
}
