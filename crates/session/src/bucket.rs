//! The limit on cheap control frames: a token bucket. Time without reading refills it beyond its depth.

use std::time::Duration;

use lastword_keepalive::Timing;

use crate::Time;

/// The bucket for pings, pongs, acks and ignorable frames. It gains 2 tokens a second, or 2 a heartbeat where that is
/// shorter than 1 s. Its depth is 16 plus the dead limit in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PingBucket {
    refilled: Time,
    milli_tokens: u32,
    depth: u16,
    tokens_per_second: u16,
}

impl PingBucket {
    /// Creates a full bucket for a session with this dead limit; 80 deep where the dead limit is never.
    pub(crate) fn new(now: Time, timing: Timing) -> Self {
        let depth = match timing.dead_ms {
            0 => DEPTH_WITHOUT_DEAD,
            ms => u16::try_from(ms / 1000)
                .unwrap_or(u16::MAX)
                .saturating_add(DEPTH_BASE),
        };
        // In each heartbeat a peer must send a ping and a pong.
        let asked = match timing.heartbeat_ms {
            0 => TOKENS_PER_SECOND,
            ms => u16::try_from(2_000_u32.div_ceil(ms)).unwrap_or(TOKENS_PER_SECOND),
        };
        Self {
            refilled: now,
            milli_tokens: u32::from(depth) * 1000,
            depth,
            tokens_per_second: asked.max(TOKENS_PER_SECOND),
        }
    }

    /// Takes one token. Returns false when there is none: `ping_flood`.
    pub(crate) fn take(&mut self, now: Time) -> bool {
        self.fill_up(now);
        match self.milli_tokens.checked_sub(1000) {
            Some(left) => {
                self.milli_tokens = left;
                true
            }
            None => false,
        }
    }

    /// Gives the last token back: the frame turned out to be the answer to our own ping.
    pub(crate) fn give_back(&mut self) {
        self.milli_tokens = self.milli_tokens.saturating_add(1000);
    }

    /// Credits time in which we did not read: everything that the peer sent meanwhile arrives at once.
    pub(crate) fn not_reading(&mut self, since: Time, now: Time) {
        self.credit(now.since(since), since, now);
    }

    fn credit(&mut self, time: Duration, since: Time, now: Time) {
        self.fill_up(since);
        self.milli_tokens = self.milli_tokens.saturating_add(self.refill(time));
        self.refilled = now;
    }

    /// Credits a silence, once: real time in which no byte arrived. If we stood still ourselves, everything that the
    /// peer sent meanwhile arrives at once.
    pub(crate) fn silence_ended(&mut self, silence: Duration, since: Time, now: Time) {
        let full = u32::from(self.depth) * 1000;
        let most = full.saturating_add(self.refill(silence));
        let before = self.milli_tokens;
        self.credit(silence, since, now);
        self.milli_tokens = self.milli_tokens.min(most.max(before));
    }

    /// Refills up to the depth, and keeps tokens that a pause added above it.
    fn fill_up(&mut self, now: Time) {
        let full = u32::from(self.depth) * 1000;
        let filled = self
            .milli_tokens
            .saturating_add(self.refill(now.since(self.refilled)));
        self.milli_tokens = self.milli_tokens.max(filled.min(full));
        self.refilled = self.refilled.max(now);
    }

    /// The refill in thousandths of a token: `tokens_per_second` for each millisecond.
    fn refill(&self, time: Duration) -> u32 {
        u32::try_from(time.as_millis())
            .unwrap_or(u32::MAX)
            .saturating_mul(self.tokens_per_second.into())
    }
}

const TOKENS_PER_SECOND: u16 = 2;
const DEPTH_BASE: u16 = 16;
const DEPTH_WITHOUT_DEAD: u16 = 80;

#[cfg(test)]
mod tests {
    use lastword_keepalive::Profile;

    use super::*;

    fn dead(secs: u32) -> Timing {
        Timing {
            dead_ms: secs * 1_000,
            ..Timing::default()
        }
    }

    #[test]
    fn the_documented_profiles_have_so_many_tokens_at_once_and_a_second() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/causes.md");
        let document = std::fs::read_to_string(path).unwrap();
        for name in Profile::NAMES {
            let profile = Profile::builtin(name).unwrap();
            let timing = Timing::from(&profile);
            let bucket = PingBucket::new(Time::ORIGIN, timing);
            let row = format!(
                "| `{name}` | {} ms | {} | {} |",
                timing.heartbeat_ms, bucket.depth, bucket.tokens_per_second
            );
            assert!(document.contains(&row), "{row}");
        }
    }

    #[test]
    fn a_heartbeat_of_less_than_a_second_is_no_flood() {
        let timing = Timing {
            heartbeat_ms: 100,
            ..dead(8)
        };
        let mut bucket = PingBucket::new(Time::ORIGIN, timing);
        let beats = |n: u64| [Time::from_micros(n * 100_000); 2];
        assert!((1..10_000).flat_map(beats).all(|at| bucket.take(at)));
    }

    #[test]
    fn pings_sent_during_a_silence_are_no_flood_and_are_credited_once() {
        let mut bucket = PingBucket::new(Time::ORIGIN, dead(8));
        let mut now = Time::ORIGIN;
        for _ in 0..100 {
            let since = now;
            now = now + Duration::from_secs(30);
            bucket.silence_ended(now.since(since), since, now);
        }
        assert_eq!((0..1000).filter(|_| bucket.take(now)).count(), 24 + 60);
    }

    #[test]
    fn the_depth_is_16_and_the_dead_limit_in_seconds() {
        let mut bucket = PingBucket::new(Time::ORIGIN, dead(15));
        assert_eq!((0..100).filter(|_| bucket.take(Time::ORIGIN)).count(), 31);
        let mut bucket = PingBucket::new(Time::ORIGIN, Timing::default());
        assert_eq!((0..100).filter(|_| bucket.take(Time::ORIGIN)).count(), 80);
    }

    #[test]
    fn two_a_second_for_ever_is_fine_and_three_is_not() {
        let mut steady = PingBucket::new(Time::ORIGIN, Timing::default());
        let mut fast = steady;
        assert!((1..10_000).all(|n| steady.take(Time::from_micros(n * 500_000))));
        assert!(!(1..10_000).all(|n| fast.take(Time::from_micros(n * 333_333))));
    }

    #[test]
    fn our_own_pause_is_credited_beyond_the_depth() {
        let mut bucket = PingBucket::new(Time::ORIGIN, dead(8));
        let now = Time::ORIGIN + Duration::from_secs(100);
        bucket.not_reading(Time::ORIGIN, now);
        assert_eq!((0..1000).filter(|_| bucket.take(now)).count(), 24 + 200);
    }

    #[test]
    fn a_pause_does_not_take_away_what_had_been_refilled_before_it() {
        let mut bucket = PingBucket::new(Time::ORIGIN, dead(8));
        while bucket.take(Time::ORIGIN) {}
        let paused = Time::ORIGIN + Duration::from_secs(60);
        let resumed = paused + Duration::from_secs(1);
        bucket.not_reading(paused, resumed);
        assert_eq!((0..1000).filter(|_| bucket.take(resumed)).count(), 24 + 2);
    }

    #[test]
    fn tokens_that_a_pause_added_above_the_depth_stay_until_used() {
        let mut bucket = PingBucket::new(Time::ORIGIN, dead(8));
        let resumed = Time::ORIGIN + Duration::from_secs(10);
        bucket.not_reading(Time::ORIGIN, resumed);
        let later = resumed + Duration::from_secs(600);
        assert_eq!((0..1000).filter(|_| bucket.take(later)).count(), 24 + 20);
    }
}
