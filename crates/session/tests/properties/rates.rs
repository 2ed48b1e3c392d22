//! A rate holds for any arrivals: a peer that keeps to it never waits, and no peer gets more.

use std::sync::Arc;
use std::time::Duration;

use lastword_session::{
    Admission, Config, Connection, Flow, Input, Limits, Rate, Readings, Time, Timing,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::script::HELLO;

const START: Time = Time::from_micros(1_000_000);

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
            prop_assert!(!keeps_to_it || !peer.connection.has_unread(), "it waits");
            let (received, _) = peer.connection.frames();
            prop_assert!(received <= peer.most(), "{received} of {}", peer.most());
        }
        // All that waits comes at the rate: each frame is late by less than a microsecond.
        let waits = peer.sent - peer.connection.frames().0;
        peer.pass(Duration::from_micros(waits * (1_000_000 / u64::from(per_second) + 1)));
        prop_assert_eq!(peer.connection.frames().0, peer.sent);
        prop_assert!(peer.connection.is_live());
    }
}

/// A client, and the most that its rate allows.
struct Peer {
    connection: Connection,
    rate: Rate,
    now: Time,
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
        let config = Arc::new(Config {
            limits,
            ..Config::default()
        });
        let mut connection = Connection::server(config, START);
        let mut hello = Vec::new();
        HELLO.encode(&mut hello);
        connection.feed(START, &mut hello, |_, _| Flow::More);
        let timing = Timing::default();
        let session = [7; 16];
        connection.handle(
            START,
            Input::Admit(Admission {
                session,
                timing,
                resume_window: None,
            }),
        );
        assert!(connection.is_live(), "the setting itself is sound");
        Self {
            connection,
            rate,
            now: START,
            sent: 0,
            level: u64::from(rate.burst) * 1_000_000,
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let (at, _) = self.connection.poll_timeout();
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            let timeout = Input::Timeout(Readings::default());
            self.connection.handle(self.now, timeout);
            self.reads(&mut []);
        }
        self.now = end;
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
        let mut bytes = b"\0\0\x01\0x".repeat(usize::try_from(frames).expect("it fits"));
        self.connection.bytes_arrived(self.now, bytes.len());
        self.reads(&mut bytes);
    }

    /// Bytes that come while others wait lie behind those.
    fn reads(&mut self, bytes: &mut [u8]) {
        self.connection.feed(self.now, bytes, |_, _| Flow::More);
        while self.connection.poll_output().is_some() {}
    }

    fn most(&self) -> u64 {
        let micros = u64::try_from(self.now.since(START).as_micros()).expect("it fits");
        let refill = micros * u64::from(self.rate.per_second) / 1_000_000;
        u64::from(self.rate.burst) + refill
    }
}
