//! When the data frames that came must be acknowledged. Only where the session may resume: else no ack is due.

use std::time::Duration;

use crate::Time;

/// The frames that came and of which the peer was not told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct AckClock {
    /// The `received` that the peer was told last.
    told: u64,
    /// When the first frame came of which it was not told. Without meaning where there is none.
    since: Time,
    /// The payload bytes of these frames.
    bytes: u32,
}

impl AckClock {
    /// Takes note of a data frame: `received` counts it.
    pub(super) fn on_frame(&mut self, now: Time, received: u64, payload: usize) {
        if received == self.told + 1 {
            self.since = now;
        }
        let payload = u32::try_from(payload).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_add(payload);
    }

    /// Takes note that a frame with this `received` was queued for the peer.
    pub(super) fn on_told(&mut self, received: u64) {
        self.told = received;
        self.bytes = 0;
    }

    /// Returns when an ack is due: [`Time::ORIGIN`] is at once, [`Time::NEVER`] where there is nothing to acknowledge.
    pub(super) fn due_at(&self, received: u64) -> Time {
        match received - self.told {
            0 => Time::NEVER,
            FRAMES.. => Time::ORIGIN,
            _ if self.bytes >= BYTES => Time::ORIGIN,
            _ => self.since + DELAY,
        }
    }

    /// Whether an ack goes out now: where it is due, or joins a write that happens anyway, from half of that on.
    #[inline]
    pub(super) fn goes_out(&self, now: Time, received: u64, joins: bool) -> bool {
        let (most, bytes_most, delay) = match joins {
            true => (FRAMES / 2, BYTES / 2, DELAY / 2),
            false => (FRAMES, BYTES, DELAY),
        };
        let frames = received - self.told;
        frames > 0 && (frames >= most || self.bytes >= bytes_most || self.since + delay <= now)
    }
}

/// An ack is due at the latest after this much: section 7 of `docs/wire.md`.
const FRAMES: u64 = 64;
const BYTES: u32 = 32 * 1024;
const DELAY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(5_000_000);

    fn after(frames: u64, payload: usize) -> AckClock {
        let mut acks = AckClock::default();
        for received in 1..=frames {
            acks.on_frame(NOW, received, payload);
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
            assert_eq!(acks.due_at(frames), due, "{frames} of {payload}");
            let goes_out = acks.goes_out(NOW, frames, false);
            assert_eq!(goes_out, due == at_once, "{frames} of {payload}");
            let goes_out = acks.goes_out(later, frames, false);
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
            assert_eq!(
                acks.goes_out(now, frames, true),
                joins,
                "{frames} of {payload}"
            );
        }
    }

    #[test]
    fn what_was_told_starts_anew() {
        let mut acks = after(63, 500);
        acks.on_told(63);
        assert_eq!(acks.due_at(63), Time::NEVER);
        let later = NOW + Duration::from_secs(9);
        acks.on_frame(later, 64, 1);
        acks.on_frame(later + Duration::from_millis(900), 65, 1);
        assert_eq!(acks.due_at(65), later + Duration::from_secs(1));
    }
}
