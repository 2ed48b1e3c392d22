//! A rate holds for any arrivals: a peer that keeps to it never waits, and no peer gets more.

use std::time::Duration;

use lastword_session::{Admission, Config, Limits, Rate, Timing};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{ADMISSION, Answer, START, Solo};

proptest! {
    #[test]
    fn a_peer_within_its_rate_never_waits_and_no_peer_gets_more(
        per_second in 10..2_000_u32, burst in 1..300_u32, keeps_to_it in any::<bool>(),
        arrivals in vec((0..400_000_u32, 1..400_u64), 1..60),
    ) {
        let rate = Rate { per_second, burst };
        let mut peer = Peer::new(rate);
        for (gap, frames) in arrivals {
            peer.pass(Duration::from_micros(gap.into()));
            let frames = if keeps_to_it { frames.min(peer.tokens()) } else { frames };
            peer.send(frames);
            let received = peer.received();
            prop_assert!(!keeps_to_it || received == peer.sent, "it waits");
            prop_assert!(received <= peer.most(), "{received} of {}", peer.most());
        }
        // All that waits comes at the rate: each frame is late by less than a microsecond.
        let waits = peer.sent - peer.received();
        peer.pass(Duration::from_micros(waits * (1_000_000 / u64::from(per_second) + 1)));
        prop_assert_eq!(peer.received(), peer.sent);
        prop_assert!(peer.solo.connection().is_live());
    }
}

/// A client, and the most that its rate allows.
struct Peer {
    solo: Solo,
    rate: Rate,
    sent: u64,
    /// The tokens of a bucket that the sent frames leave, in millionths.
    level: u64,
}

impl Peer {
    fn new(rate: Rate) -> Self {
        let limits = Limits {
            frame_rate: Some(rate),
            over_rate_timeout: None,
            ..Limits::default()
        };
        let config = Config {
            limits,
            ..Config::default()
        };
        let admission = Admission {
            timing: Timing::default(),
            ..ADMISSION
        };
        Self {
            solo: Solo::joined_with(config, Answer::Admit(admission)),
            rate,
            sent: 0,
            level: u64::from(rate.burst) * 1_000_000,
        }
    }

    fn pass(&mut self, time: Duration) {
        self.solo.advance(time);
        let micros = u64::try_from(time.as_micros()).expect("it fits");
        let full = u64::from(self.rate.burst) * 1_000_000;
        self.level = full.min(self.level + micros * u64::from(self.rate.per_second));
    }

    fn tokens(&self) -> u64 {
        self.level / 1_000_000
    }

    fn send(&mut self, frames: u64) {
        self.sent += frames;
        self.level = self.level.saturating_sub(frames * 1_000_000);
        let frames = usize::try_from(frames).expect("it fits");
        self.solo.says(&b"\0\0\x01\0x".repeat(frames));
    }

    /// The frames that the game got.
    fn received(&mut self) -> u64 {
        self.solo.connection().traffic().frames_in
    }

    fn most(&self) -> u64 {
        let micros = u64::try_from(self.solo.now.since(START).as_micros()).expect("it fits");
        let refill = micros * u64::from(self.rate.per_second) / 1_000_000;
        u64::from(self.rate.burst) + refill
    }
}
