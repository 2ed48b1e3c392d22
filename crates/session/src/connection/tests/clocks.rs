//! Two ends with unrelated clocks, and what each learns of the other's clock from pongs.

use std::sync::Arc;
use std::time::Duration;

use crate::wire::{Kind, Ping, Pong};
use crate::{Admission, Config, Connection, RoundTrip, Time, Timing};

use super::harness::{
    ADMISSION, Answer, HEARTBEAT, HELLO, Host, Pair, Pipe, Solo, View, encoded, millis, pong_to,
    secs,
};

/// An unrelated clock: its reading at the start, and how much faster than real time it runs.
#[derive(Clone, Copy)]
struct Clock {
    origin: u64,
    ppm: i64,
}

impl Clock {
    fn reads(self, real: Time) -> Time {
        let real = i64::try_from(real.as_micros()).expect("it is no eternity");
        let gained = real * self.ppm / 1_000_000;
        Time::from_micros((self.origin).saturating_add_signed(real + gained))
    }

    /// The other clock minus this one, in microseconds.
    fn behind(self, other: Self, real: Time) -> i64 {
        let micros = |clock: Self| i64::try_from(clock.reads(real).as_micros()).expect("it fits");
        micros(other) - micros(self)
    }
}

struct End {
    host: Host,
    clock: Clock,
}

impl End {
    fn new(connection: Connection, answer: Answer, clock: Clock) -> Self {
        let mut host = Host::new(connection, answer);
        host.view = View::Blind;
        host.clock = Box::new(move |real| clock.reads(real));
        Self { host, clock }
    }

    fn round_trip(&self) -> RoundTrip {
        self.host.connection().round_trip()
    }

    /// How wrong this end is about the other's clock, and its own bound on that error, in microseconds.
    fn errs(&self, other: &Self, real: Time) -> (u64, u64) {
        let told = self.round_trip().clock_offset();
        let told = told.expect("a pong told it");
        let wrong = told.micros.abs_diff(self.clock.behind(other.clock, real));
        let allowed = u64::try_from(told.error.as_micros()).expect("it fits");
        (wrong, allowed)
    }
}

struct Ends {
    real: Time,
    client: End,
    server: End,
    up: Pipe,
    down: Pipe,
}

impl Ends {
    fn new(client: Clock, server: Clock) -> Self {
        let config = Arc::new(Config::default());
        let real = Time::ORIGIN;
        let asks = Connection::client(Arc::clone(&config), &HELLO, client.reads(real));
        let answers = Connection::server(config, server.reads(real));
        Self {
            real,
            client: End::new(asks, Answer::Wait, client),
            server: End::new(answers, Answer::Admit(ADMISSION), server),
            up: Pipe::default(),
            down: Pipe::default(),
        }
    }

    /// Lets real time pass, one millisecond at a time; `jitter` gives the delays there and back at each.
    fn passes(&mut self, time: Duration, mut jitter: impl FnMut(u64) -> (Duration, Duration)) {
        let end = self.real + time;
        while self.real < end {
            self.real = self.real + millis(1);
            let now_ms = self.real.as_micros() / 1_000;
            (self.up.latency, self.down.latency) = jitter(now_ms);
            while self
                .client
                .host
                .turn(self.real, &mut self.down, &mut self.up)
                | self
                    .server
                    .host
                    .turn(self.real, &mut self.up, &mut self.down)
            {}
        }
    }
}

const CLOCKS: [(Clock, Clock); 3] = [
    (
        Clock {
            origin: 1_000_000,
            ppm: 0,
        },
        Clock {
            origin: 1_000_000,
            ppm: 0,
        },
    ),
    (
        Clock { origin: 1, ppm: 50 },
        Clock {
            origin: 86_400_000_000,
            ppm: -50,
        },
    ),
    (
        Clock {
            origin: 1_700_000_000_000_000,
            ppm: -50,
        },
        Clock { origin: 7, ppm: 50 },
    ),
];

#[test]
fn both_ends_learn_the_round_trip_and_the_others_clock_with_the_first_heartbeat() {
    for (client, server) in CLOCKS {
        let mut ends = Ends::new(client, server);
        ends.passes(HEARTBEAT, |_| (millis(20), millis(20)));
        for own in [&ends.client, &ends.server] {
            assert_eq!(own.round_trip(), RoundTrip::default());
        }
        ends.passes(millis(200), |_| (millis(20), millis(20)));
        for (own, other) in [(&ends.client, &ends.server), (&ends.server, &ends.client)] {
            let rtt = own.round_trip().rtt().expect("a pong came");
            assert!(rtt.abs_diff(millis(40)) <= millis(1), "{rtt:?}");
            assert_eq!(own.round_trip().variance(), Some(rtt / 2));
            let (wrong, allowed) = own.errs(other, ends.real);
            assert!(wrong <= 600, "{wrong}");
            assert!((19_500..=20_600).contains(&allowed), "{allowed}");
        }
    }
}

#[test]
fn drift_and_jitter_leave_both_ends_within_what_they_tell() {
    for (client, server) in CLOCKS {
        let mut ends = Ends::new(client, server);
        let mut state = 1_u64;
        let mut dice = move |_| {
            // A linear congruential generator: 10 ms each way, and sometimes up to 250 ms more.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let extra = |bits: u64| if bits % 4 == 0 { bits % 251 } else { bits % 7 };
            (
                millis(10 + extra(state >> 33 & 0xfff)),
                millis(10 + extra(state >> 45 & 0xfff)),
            )
        };
        for _ in 0..10 {
            ends.passes(secs(60), &mut dice);
            for (own, other) in [(&ends.client, &ends.server), (&ends.server, &ends.client)] {
                let (wrong, allowed) = own.errs(other, ends.real);
                // Since the last pong the two clocks drifted apart: for 40 s and a heartbeat at the most.
                assert!(wrong <= allowed + 4_500, "{wrong} {allowed}");
                assert!(allowed < 30_000, "{allowed}");
            }
        }
        let rtt = ends
            .client
            .host
            .connection()
            .round_trip()
            .rtt()
            .expect("pongs came");
        assert!((millis(20)..millis(120)).contains(&rtt), "{rtt:?}");
    }
}

#[test]
fn a_server_learns_with_the_first_ping_it_answers_and_every_eighth_from_then_on() {
    let mut solo = Solo::live();
    let mut asked = Vec::new();
    for n in 0..25 {
        solo.advance(HEARTBEAT);
        solo.outbound.log.clear();
        let ping = Ping {
            clock_us: n,
            received: 0,
        };
        solo.says(&encoded(|out| ping.encode(out)));
        match solo.kinds_written().as_slice() {
            [Kind::Pong] => {}
            [Kind::Pong, Kind::Ping] => asked.push(n),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(asked, [0, 8, 16, 24]);
}

#[test]
fn a_server_adds_no_ping_where_something_waits_to_be_written() {
    let mut solo = Solo::live();
    solo.stops_reading(100);
    let now = solo.now;
    solo.connection()
        .send(now, &[7; 1_000])
        .expect("there is room");
    solo.run();
    let ping = encoded(|out| {
        Ping {
            clock_us: 1,
            received: 0,
        }
        .encode(out);
    });
    solo.says(&ping);
    solo.outbound.capacity = usize::MAX;
    solo.run();
    assert_eq!(solo.kinds_written(), [Kind::Data, Kind::Pong]);
    solo.says(&ping);
    assert_eq!(
        solo.kinds_written(),
        [Kind::Data, Kind::Pong, Kind::Pong, Kind::Ping]
    );
}

#[test]
fn without_a_heartbeat_a_server_answers_and_asks_nothing() {
    let admission = Admission {
        timing: Timing::default(),
        ..ADMISSION
    };
    let mut solo = Solo::joined_with(Config::default(), Answer::Admit(admission));
    for clock_us in 0..20 {
        let ping = Ping {
            clock_us,
            received: 0,
        };
        solo.says(&encoded(|out| ping.encode(out)));
        solo.advance(secs(60));
    }
    assert_eq!(solo.kinds_written(), [Kind::Pong; 20]);
}

#[test]
fn answers_to_a_servers_own_pings_are_no_part_of_a_flood() {
    let mut timing = ADMISSION.timing;
    timing.heartbeat_ms = 500;
    let admission = Admission {
        timing,
        ..ADMISSION
    };
    let mut pair = Pair::with(Config::default(), Answer::Admit(admission));
    pair.run();
    // The bucket allows two pings a second; the pongs come on top of them.
    pair.advance(secs(600));
    assert!(pair.server.connection().is_live());
    let up = super::harness::frames(&pair.up.log);
    let count = |of: Kind| up.iter().filter(|(kind, _)| *kind == of).count();
    assert_eq!((count(Kind::Ping), count(Kind::Pong)), (1_200, 150));
}

#[test]
fn a_pong_that_is_late_repeated_forged_or_held_too_long_moves_nothing() {
    let mut solo = Solo::live_client();
    solo.advance(HEARTBEAT);
    let late = pong_to(&solo.written(), 0);
    solo.sends(0, b"not silent");
    solo.advance(HEARTBEAT);
    let pong = Pong::decode(&pong_to(&solo.written(), 0)[4..]).expect("it decodes");
    solo.advance(millis(30));
    let forged = Pong {
        ping_clock_us: pong.ping_clock_us + 1,
        clock_us: u64::MAX,
        ..pong
    };
    let held = Pong {
        held_us: 30_001,
        clock_us: 1 << 60,
        ..pong
    };
    solo.says(&late);
    for pong in [forged, held] {
        solo.says(&encoded(|out| pong.encode(out)));
        assert_eq!(solo.connection().round_trip(), RoundTrip::default());
    }
    solo.says(&encoded(|out| pong.encode(out)));
    let told = solo.connection().round_trip();
    assert_eq!(told.rtt(), Some(millis(30)));
    solo.advance(millis(500));
    for again in [pong, forged, held] {
        solo.says(&encoded(|out| again.encode(out)));
        assert_eq!(solo.connection().round_trip(), told);
    }
}

#[test]
fn a_pong_that_lay_unread_tells_no_round_trip() {
    let mut solo = Solo::live_client();
    solo.advance(HEARTBEAT);
    let pong = pong_to(&solo.written(), 0);
    solo.pauses();
    solo.says(&pong);
    solo.advance(secs(3));
    solo.resumes();
    let known = solo.connection().round_trip();
    assert_eq!(known.rtt(), None);
    // The server still read its clock in that time.
    let told = known.clock_offset().expect("it is bounded");
    assert!(told.error.abs_diff(secs(3) / 2) < millis(1), "{told:?}");
}
