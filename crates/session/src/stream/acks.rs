//! When the data frames that came must be acknowledged. Only where the session may resume: else no ack is due.

use std::time::Duration;

use crate::Time;

/// The frames that came and of which the peer was not told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct AckClock {
    /// When the first of them came. Without meaning where there is none.
    since: Time,
    frames: u32,
    /// Their payload.
    bytes: u32,
}

impl AckClock {
    /// Takes note of a data frame.
    #[inline]
    pub(super) fn on_frame(&mut self, now: Time, payload: usize) {
        if self.frames == 0 {
            self.since = now;
        }
        let payload = u32::try_from(payload).unwrap_or(u32::MAX);
        self.frames = self.frames.saturating_add(1);
        self.bytes = self.bytes.saturating_add(payload);
    }

    /// Takes note that a frame with the count was queued for the peer.
    #[inline]
    pub(super) fn on_told(&mut self) {
        (self.frames, self.bytes) = (0, 0);
    }

    /// Whether there is something to acknowledge.
    #[inline]
    pub(super) fn owes(&self) -> bool {
        self.frames > 0
    }

    /// Returns when an ack is due: [`Time::ORIGIN`] is at once, [`Time::NEVER`] where there is nothing to acknowledge.
    #[inline]
    pub(super) fn due_at(&self) -> Time {
        match self.frames {
            0 => Time::NEVER,
            FRAMES.. => Time::ORIGIN,
            _ if self.bytes >= BYTES => Time::ORIGIN,
            _ => self.since + DELAY,
        }
    }

    /// Whether an ack goes out now: where it is due, or joins a write that happens anyway, from half of that on.
    #[inline]
    pub(super) fn goes_out(&self, now: Time, joins: bool) -> bool {
        let (most, bytes_most, delay) = match joins {
            true => (FRAMES / 2, BYTES / 2, DELAY / 2),
            false => (FRAMES, BYTES, DELAY),
        };
        let is_due = self.frames >= most || self.bytes >= bytes_most || self.since + delay <= now;
        self.owes() && is_due
    }
}

/// An ack is due at the latest after this much: section 7 of `docs/wire.md`.
const FRAMES: u32 = 64;
const BYTES: u32 = 32 * 1024;
const DELAY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(5_000_000);

    fn after(frames: u32, payload: usize) -> AckClock {
        let mut acks = AckClock::default();
        for _ in 0..frames {
            acks.on_frame(NOW, payload);
        }
        acks
    }

    #[test]
    fn an_ack_is_due_after_so_many_frames_bytes_or_so_long() {
        let at_once = Time::ORIGIN;
        let later = NOW + Duration::from_secs(1);
        for (frames, payload, due) in [
            (0, 0, Time::NEVER),
            (1, 0, later),
            (63, 1, later),
            (64, 0, at_once),
            (1, 32 * 1024 - 1, later),
            (2, 16 * 1024, at_once),
            (1, usize::MAX, at_once),
        ] {
            let acks = after(frames, payload);
            assert_eq!(acks.due_at(), due, "{frames} of {payload}");
            let goes_out = acks.goes_out(NOW, false);
            assert_eq!(goes_out, due == at_once, "{frames} of {payload}");
            let goes_out = acks.goes_out(later, false);
            assert_eq!(goes_out, frames > 0, "{frames} of {payload}");
        }
    }

    #[test]
    fn an_ack_joins_a_write_from_half_of_that_on() {
        let half = NOW + Duration::from_millis(500);
        for (now, frames, payload, joins) in [
            (half, 0, 0, false),
            (NOW, 31, 1, false),
            (NOW, 32, 1, true),
            (NOW, 1, 16 * 1024 - 1, false),
            (NOW, 1, 16 * 1024, true),
            (NOW + Duration::from_millis(499), 1, 1, false),
            (half, 1, 1, true),
        ] {
            let acks = after(frames, payload);
            assert_eq!(acks.goes_out(now, true), joins, "{frames} of {payload}");
        }
    }

    #[test]
    fn what_was_told_starts_anew() {
        let mut acks = after(63, 500);
        acks.on_told();
        assert_eq!(acks.due_at(), Time::NEVER);
        let later = NOW + Duration::from_secs(9);
        acks.on_frame(later, 1);
        acks.on_frame(later + Duration::from_millis(900), 1);
        assert_eq!(acks.due_at(), later + Duration::from_secs(1));
    }
}
