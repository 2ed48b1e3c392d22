//! Pings, pongs and the limit on them.

use super::super::Timer;
use crate::wire::{Kind, Ping, Pong};
use crate::{Admission, Cause, Config, Timing};

use super::harness::{ADMISSION, Answer, HEARTBEAT, Pair, Solo, encoded, millis, pong_to, secs};

fn ping(clock_us: u64, received: u64) -> Vec<u8> {
    encoded(|out| Ping { clock_us, received }.encode(out))
}

fn pings(solo: &Solo) -> usize {
    solo.kinds_written()
        .iter()
        .filter(|kind| **kind == Kind::Ping)
        .count()
}

#[test]
fn a_quiet_client_pings_once_in_each_interval() {
    let mut solo = Solo::live_client();
    solo.advance(HEARTBEAT - millis(1));
    assert_eq!(pings(&solo), 0);
    assert_eq!(solo.connection().poll_timeout().1, Timer::Heartbeat);
    for n in 1..4 {
        solo.advance(millis(1));
        assert_eq!(pings(&solo), n);
        let pong = pong_to(&solo.written(), 0);
        solo.says(&pong);
        solo.advance(HEARTBEAT - millis(1));
        assert_eq!(pings(&solo), n);
    }
}

#[test]
fn a_client_that_only_hears_or_only_speaks_still_pings() {
    for speaks in [false, true] {
        let mut solo = Solo::live_client();
        for _ in 0..3 {
            solo.advance(secs(2));
            let now = solo.now;
            if speaks {
                solo.connection().send(now, b"move").expect("it is taken");
                solo.run();
            } else {
                solo.sends(0, b"state");
            }
        }
        assert_eq!(pings(&solo), 1, "speaks: {speaks}");
    }
}

#[test]
fn a_busy_interval_needs_no_ping_but_to_learn_the_round_trip_now_and_then() {
    let mut pair = Pair::live();
    let mut pinged = Vec::new();
    for n in 1..=60 {
        pair.up.log.clear();
        pair.advance(secs(2));
        pair.client_sends(b"move");
        pair.server_sends(b"state");
        let sent = super::harness::frames(&pair.up.log);
        let is_ping = |(kind, _): &(Kind, Vec<u8>)| *kind == Kind::Ping;
        pinged.extend(sent.iter().any(is_ping).then_some(n * 2));
    }
    // One heartbeat after the start, then every eight heartbeats.
    assert_eq!(pinged, [6, 46, 86]);
}

#[test]
fn a_quiet_pair_lives_for_ever_on_the_clients_pings() {
    let mut pair = Pair::live();
    pair.advance(secs(3_600));
    assert!(pair.client.connection().is_live() && pair.server.connection().is_live());
    let up = super::harness::frames(&pair.up.log);
    assert_eq!(
        up.iter().filter(|(kind, _)| *kind == Kind::Ping).count(),
        720
    );
    let down = super::harness::frames(&pair.down.log);
    assert_eq!(
        down.iter().filter(|(kind, _)| *kind == Kind::Ping).count(),
        90,
        "once in eight heartbeats, with a pong"
    );
}

#[test]
fn without_a_heartbeat_neither_end_pings_or_gives_up() {
    let timing = Timing {
        heartbeat_ms: 0,
        suspect_ms: 0,
        dead_ms: 0,
    };
    let admission = Admission {
        timing,
        ..ADMISSION
    };
    let mut pair = Pair::with(Config::default(), Answer::Admit(admission));
    pair.advance(secs(3_600));
    assert!(pair.client.connection().is_live() && pair.server.connection().is_live());
    assert_eq!(super::harness::frames(&pair.up.log).len(), 1, "hello");
}

#[test]
fn a_server_answers_a_ping_with_its_clock_and_its_count() {
    let mut solo = Solo::live();
    solo.sends(0, b"one");
    solo.sends(0, b"two");
    solo.says(&ping(77, 0));
    let (kind, payload) = solo.written().remove(0);
    assert_eq!(kind, Kind::Pong);
    let pong = Pong::decode(&payload).expect("it decodes");
    let clock_us = solo.now.as_micros();
    assert_eq!(
        pong,
        Pong {
            ping_clock_us: 77,
            clock_us,
            held_us: 0,
            received: 2
        }
    );
}

#[test]
fn a_pong_gives_the_round_trip() {
    let mut pair = Pair::live();
    (pair.up.latency, pair.down.latency) = (millis(30), millis(12));
    assert_eq!(pair.client.connection().round_trip().rtt(), None);
    pair.advance(HEARTBEAT + millis(42));
    assert_eq!(
        pair.client.connection().round_trip().rtt(),
        Some(millis(42))
    );
    assert_eq!(pair.server.connection().round_trip().rtt(), None);
    pair.advance(millis(30));
    assert_eq!(
        pair.server.connection().round_trip().rtt(),
        Some(millis(42))
    );
}

#[test]
fn time_for_which_the_answerer_held_a_ping_is_no_round_trip() {
    let mut solo = Solo::live_client();
    solo.advance(HEARTBEAT);
    let pong = pong_to(&solo.written(), 0);
    let mut pong = Pong::decode(&pong[4..]).expect("it decodes");
    pong.held_us = 90_000;
    solo.advance(millis(100));
    solo.says(&encoded(|out| pong.encode(out)));
    assert_eq!(solo.connection().round_trip().rtt(), Some(millis(10)));
}

#[test]
fn a_pong_that_matches_no_ping_is_ignored() {
    let mut solo = Solo::live();
    for clock in [0, 1, solo.now.as_micros(), u64::MAX] {
        let pong = Pong {
            ping_clock_us: clock,
            clock_us: 0,
            held_us: 0,
            received: 0,
        };
        solo.advance(millis(10));
        solo.says(&encoded(|out| pong.encode(out)));
        assert!(solo.connection().is_live());
        assert_eq!(solo.connection().round_trip().rtt(), None, "{clock}");
    }
    let mut client = Solo::live_client();
    client.advance(HEARTBEAT + millis(10));
    let pong = pong_to(&client.written(), 0);
    let mut other = Pong::decode(&pong[4..]).expect("it decodes");
    other.ping_clock_us += 1;
    client.says(&encoded(|out| other.encode(out)));
    assert_eq!(
        client.connection().round_trip().rtt(),
        None,
        "to a ping that was never sent"
    );
    client.says(&pong);
    let rtt = client.connection().round_trip().rtt();
    assert_eq!(rtt, Some(millis(10)));
    client.advance(millis(500));
    client.says(&pong);
    assert_eq!(
        client.connection().round_trip().rtt(),
        rtt,
        "the second one matches no ping any more"
    );
}

#[test]
fn more_pings_pongs_acks_and_extensions_than_the_bucket_holds_are_a_flood() {
    let pong = Pong {
        ping_clock_us: 1,
        clock_us: 0,
        held_us: 0,
        received: 0,
    };
    let cheap = [
        ping(1, 0),
        encoded(|out| pong.encode(out)),
        super::harness::frame(5, &[0; 8]),
        super::harness::frame(0x80, b""),
    ];
    for frame in cheap {
        let mut solo = Solo::live();
        for n in 0..16 + 15 {
            assert!(solo.connection().is_live(), "{n}");
            solo.says(&frame);
        }
        assert!(solo.connection().is_live());
        solo.says(&frame);
        assert_eq!(solo.goodbye_code(), Cause::PingFlood.code());
        assert_eq!(solo.cause(), Cause::PingFlood);
    }
}

#[test]
fn two_cheap_frames_a_second_are_no_flood() {
    let mut solo = Solo::live();
    for _ in 0..2_000 {
        solo.says(&ping(1, 0));
        solo.advance(millis(500));
    }
    assert!(solo.connection().is_live());
}

#[test]
fn a_server_may_ask_its_client_as_often_as_it_likes() {
    let mut solo = Solo::live_client();
    for _ in 0..1_000 {
        solo.says(&ping(1, 0));
    }
    assert!(solo.connection().is_live());
    assert_eq!(solo.written().len(), 1_000);
}

#[test]
fn the_shortest_heartbeat_is_no_flood() {
    let timing = Timing {
        heartbeat_ms: 100,
        suspect_ms: 150,
        dead_ms: 2_650,
    };
    let admission = Admission {
        timing,
        ..ADMISSION
    };
    let mut pair = Pair::with(Config::default(), Answer::Admit(admission));
    pair.run();
    pair.advance(secs(600));
    assert!(
        pair.server.connection().is_live(),
        "{:?}",
        pair.server.ending
    );
}
