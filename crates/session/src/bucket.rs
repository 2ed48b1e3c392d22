//! Token buckets: how much a peer may send at once, and then in each second.

use std::time::Duration;

use lastword_keepalive::Timing;

use crate::Time;

/// How much a peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The refill of a second, in tokens: frames or bytes. At least 1.
    pub per_second: u32,
    /// The depth of the bucket: the tokens after a rest. At least 1.
    pub burst: u32,
}

impl Rate {
    /// The rate of pings, pongs, acks and ignorable frames: 2 a second, or 2 in each heartbeat if the heartbeat is
    /// shorter than 1 s. The burst is 16 plus one for each second of the dead limit, or 80 without a dead limit.
    pub(crate) fn of_pings(timing: Timing) -> Self {
        let burst = match timing.dead_ms {
            0 => BURST_WITHOUT_DEAD,
            ms => ms / 1000 + BURST_BASE,
        };
        // In each heartbeat a peer must send a ping and a pong.
        let asked = match timing.heartbeat_ms {
            0 => PINGS_PER_SECOND,
            ms => 2_000_u32.div_ceil(ms),
        };
        Self {
            per_second: asked.max(PINGS_PER_SECOND),
            burst,
        }
    }

    /// The refill of this time, in millionths of a token: `per_second` for each microsecond.
    fn refill(self, time: Duration) -> i64 {
        i64::try_from(time.as_micros())
            .unwrap_or(i64::MAX)
            .saturating_mul(self.per_second.into())
    }

    fn full(self) -> i64 {
        i64::from(self.burst) * TOKEN
    }
}

/// The level of a token bucket at one moment. The rate is passed with each call, and does not change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    refilled: Time,
    /// Millionths of a token. A frame may take more tokens than there are: then the level is negative.
    level: i64,
}

impl Bucket {
    /// Creates a full bucket.
    pub(crate) fn full(now: Time, rate: Rate) -> Self {
        Self {
            refilled: now,
            level: rate.full(),
        }
    }

    /// Returns whether there is a token.
    pub(crate) fn has_token(&mut self, now: Time, rate: Rate) -> bool {
        self.fill_up(now, rate);
        self.level >= TOKEN
    }

    /// Takes one token. Returns false if there is no token.
    pub(crate) fn try_take(&mut self, now: Time, rate: Rate) -> bool {
        let has = self.has_token(now, rate);
        if has {
            self.take(1);
        }
        has
    }

    /// Takes tokens, also more than there are.
    pub(crate) fn take(&mut self, tokens: u32) {
        self.level = self.level.saturating_sub(i64::from(tokens) * TOKEN);
    }

    /// Gives tokens back, because the wire asks for this frame.
    pub(crate) fn give_back(&mut self, tokens: u32) {
        self.level = self.level.saturating_add(i64::from(tokens) * TOKEN);
    }

    /// Credits time in which we did not read: everything that the peer sent meanwhile arrives at once.
    pub(crate) fn not_reading(&mut self, since: Time, now: Time, rate: Rate) {
        self.credit(now.since(since), since, now, rate);
    }

    /// Credits a silence, once: real time in which no byte arrived. After a stall of our own process, everything that
    /// the peer sent meanwhile arrives at once.
    pub(crate) fn silence_ended(&mut self, silence: Duration, since: Time, now: Time, rate: Rate) {
        let most = rate.full().saturating_add(rate.refill(silence));
        let before = self.level;
        self.credit(silence, since, now, rate);
        self.level = self.level.min(most.max(before));
    }

    /// Returns when there will be this many tokens, if none is taken before.
    pub(crate) fn has_at(&self, tokens: u32, rate: Rate) -> Time {
        let missing = (i64::from(tokens) * TOKEN).saturating_sub(self.level);
        let missing = u64::try_from(missing).unwrap_or(0);
        self.refilled + Duration::from_micros(missing.div_ceil(rate.per_second.max(1).into()))
    }

    fn credit(&mut self, time: Duration, since: Time, now: Time, rate: Rate) {
        self.fill_up(since, rate);
        self.level = self.level.saturating_add(rate.refill(time));
        self.refilled = self.refilled.max(now);
    }

    /// Refills up to the depth, and keeps tokens that a pause added above it.
    fn fill_up(&mut self, now: Time, rate: Rate) {
        let filled = self
            .level
            .saturating_add(rate.refill(now.since(self.refilled)));
        self.level = self.level.max(filled.min(rate.full()));
        self.refilled = self.refilled.max(now);
    }
}

/// One token, in the unit of the level.
const TOKEN: i64 = 1_000_000;
const PINGS_PER_SECOND: u32 = 2;
const BURST_BASE: u32 = 16;
const BURST_WITHOUT_DEAD: u32 = 80;

#[cfg(test)]
mod tests {
    use lastword_keepalive::Profile;

    use super::*;

    /// A bucket with its rate.
    #[derive(Clone, Copy)]
    struct Rated(Bucket, Rate);

    impl Rated {
        fn of(per_second: u32, burst: u32) -> Self {
            let rate = Rate { per_second, burst };
            Self(Bucket::full(Time::ORIGIN, rate), rate)
        }

        fn pings(timing: Timing) -> Self {
            let rate = Rate::of_pings(timing);
            Self(Bucket::full(Time::ORIGIN, rate), rate)
        }

        fn take(&mut self, now: Time) -> bool {
            self.0.try_take(now, self.1)
        }

        fn not_reading(&mut self, since: Time, now: Time) {
            self.0.not_reading(since, now, self.1);
        }

        /// How many tokens it has at once.
        fn holds(&mut self, now: Time) -> usize {
            (0..1_000_000).take_while(|_| self.take(now)).count()
        }
    }

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
            let rate = Rate::of_pings(timing);
            let row = format!(
                "| `{name}` | {} ms | {} | {} |",
                timing.heartbeat_ms, rate.burst, rate.per_second
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
        let mut bucket = Rated::pings(timing);
        let beats = |n: u64| [Time::from_micros(n * 100_000); 2];
        assert!((1..10_000).flat_map(beats).all(|at| bucket.take(at)));
    }

    #[test]
    fn pings_sent_during_a_silence_are_no_flood_and_are_credited_once() {
        let mut bucket = Rated::pings(dead(8));
        let mut now = Time::ORIGIN;
        for _ in 0..100 {
            let since = now;
            now = now + Duration::from_secs(30);
            bucket
                .0
                .silence_ended(now.since(since), since, now, bucket.1);
        }
        assert_eq!(bucket.holds(now), 24 + 60);
    }

    #[test]
    fn the_depth_is_16_and_the_dead_limit_in_seconds() {
        assert_eq!(Rated::pings(dead(15)).holds(Time::ORIGIN), 31);
        assert_eq!(Rated::pings(Timing::default()).holds(Time::ORIGIN), 80);
    }

    #[test]
    fn two_a_second_for_ever_is_fine_and_three_is_not() {
        let mut steady = Rated::pings(Timing::default());
        let mut fast = steady;
        assert!((1..10_000).all(|n| steady.take(Time::from_micros(n * 500_000))));
        assert!(!(1..10_000).all(|n| fast.take(Time::from_micros(n * 333_333))));
    }

    /// The refill of each step is less than a token, and less than the clock's milliseconds.
    #[test]
    fn exactly_the_rate_in_steps_of_a_few_microseconds_loses_nothing() {
        let mut bucket = Rated::of(100_000, 1);
        assert!((1..200_000).all(|n| bucket.take(Time::from_micros(n * 10))));
        assert!(!bucket.take(Time::from_micros(1_999_999)), "no token more");
    }

    #[test]
    fn a_frame_that_costs_more_than_there_is_leaves_a_debt() {
        let mut bucket = Rated::of(1_000, 100);
        assert!(bucket.0.has_token(Time::ORIGIN, bucket.1));
        bucket.0.take(600);
        let due = bucket.0.has_at(1, bucket.1);
        assert_eq!(due, Time::from_micros(501_000));
        assert!(!bucket.0.has_token(Time::from_micros(500_999), bucket.1));
        assert!(bucket.0.has_token(due, bucket.1));
    }

    #[test]
    fn the_greatest_rates_and_times_do_not_overflow() {
        let mut bucket = Rated::of(u32::MAX, u32::MAX);
        bucket.0.take(u32::MAX);
        let later = Time::from_micros(u64::MAX / 2);
        assert!(bucket.take(later));
        bucket.not_reading(Time::ORIGIN, later);
        assert!(bucket.take(later));
        assert!(bucket.0.has_at(u32::MAX, bucket.1) >= later);
    }

    #[test]
    fn our_own_pause_is_credited_beyond_the_depth() {
        let mut bucket = Rated::pings(dead(8));
        let now = Time::ORIGIN + Duration::from_secs(100);
        bucket.not_reading(Time::ORIGIN, now);
        assert_eq!(bucket.holds(now), 24 + 200);
    }

    #[test]
    fn a_pause_does_not_take_away_what_had_been_refilled_before_it() {
        let mut bucket = Rated::pings(dead(8));
        while bucket.take(Time::ORIGIN) {}
        let paused = Time::ORIGIN + Duration::from_secs(60);
        let resumed = paused + Duration::from_secs(1);
        bucket.not_reading(paused, resumed);
        assert_eq!(bucket.holds(resumed), 24 + 2);
    }

    #[test]
    fn tokens_that_a_pause_added_above_the_depth_stay_until_used() {
        let mut bucket = Rated::pings(dead(8));
        let resumed = Time::ORIGIN + Duration::from_secs(10);
        bucket.not_reading(Time::ORIGIN, resumed);
        let later = resumed + Duration::from_secs(600);
        assert_eq!(bucket.holds(later), 24 + 20);
    }
}
