//! The peer's rate: an honest burst is slowed, a peer that goes on pushing is ended, and the pause is nothing else.

use std::sync::Arc;

use super::super::{Input, Timer};
use crate::wire::{Ack, Goodbye, Kind, Notice, Ping, Pong};
use crate::{
    Cause, Close, Config, Framing, GoodbyeProgress, LengthPrefixed, Limits, Link, Rate, Terminal,
};

use super::harness::{
    ADMISSION, Answer, DEAD, HEARTBEAT, Seen, Solo, View, encoded, frame, millis, pong_to, secs,
};

/// A live session whose client may send 10 frames a second, and 20 at once.
fn rated() -> Solo {
    with(Limits {
        frame_rate: Some(TEN),
        ..Limits::default()
    })
}

/// The same, but a client over its rate is only slowed.
fn slowed() -> Solo {
    with(Limits {
        frame_rate: Some(TEN),
        over_rate_timeout: None,
        ..Limits::default()
    })
}

fn with(limits: Limits) -> Solo {
    let mut solo = Solo::live_with(Config {
        limits,
        ..Config::default()
    });
    solo.host.seen.clear();
    solo
}

const TEN: Rate = Rate {
    per_second: 10,
    burst: 20,
};

/// The number of frames that the game has.
fn taken(solo: &Solo) -> usize {
    solo.host.seen.iter().filter_map(Seen::payload).count()
}

fn links(solo: &Solo) -> Vec<Link> {
    let links = solo.host.seen.iter().filter_map(|seen| match seen {
        Seen::Link(link) => Some(link.clone()),
        Seen::Data(_)
        | Seen::Credentials(_)
        | Seen::Secured
        | Seen::Welcome(_)
        | Seen::Notice { .. }
        | Seen::RoundTrip(_)
        | Seen::Claim { .. }
        | Seen::Back => None,
    });
    links.collect()
}

/// The client sends so many data frames at once.
fn send(solo: &mut Solo, frames: usize) {
    solo.says(&frame(0, b"move").repeat(frames));
}

#[test]
fn a_burst_of_the_burst_size_is_never_paused() {
    let mut solo = rated();
    for _ in 0..10 {
        send(&mut solo, 20);
        assert!(solo.connection().is_calm());
        solo.advance(secs(2));
    }
    assert_eq!((taken(&solo), links(&solo)), (200, vec![]));
}

#[test]
fn exactly_the_rate_and_a_heartbeat_are_never_paused() {
    let mut solo = rated();
    let ping = Ping {
        clock_us: 0,
        received: 0,
    };
    // One token stays: the heartbeat's ping costs nothing, but only a token shows that.
    send(&mut solo, 19);
    for n in 0..36_000_u64 {
        solo.advance(millis(100));
        send(&mut solo, 1);
        if n % 50 == 0 {
            solo.says(&encoded(|out| ping.encode(out)));
        }
        assert!(!solo.connection().has_unread(), "{n}");
        solo.outbound.log.clear();
    }
    assert_eq!((taken(&solo), links(&solo)), (36_019, vec![]));
}

#[test]
fn twice_the_rate_is_slowed_to_the_rate_and_ended_after_ten_seconds() {
    let mut solo = rated();
    let mut over_since = None;
    let begun = solo.now;
    while !solo.is_over() && solo.connection().is_live() {
        send(&mut solo, 2);
        over_since = match solo.connection().has_unread() {
            true => over_since.or(Some(solo.now)),
            false => None,
        };
        let most = 20 + usize::try_from(solo.now.since(begun).as_millis() / 100).expect("it fits");
        assert!(taken(&solo) <= most, "{} of {most}", taken(&solo));
        assert!(over_since.is_none() || taken(&solo) == most);
        solo.advance(millis(100));
        if solo.connection().is_live() && !solo.connection().has_unread() {
            over_since = None;
        }
        assert!(solo.now.since(begun) < secs(60), "it is not ended");
    }
    let over_since = over_since.expect("its frames waited");
    assert_eq!(solo.now, over_since + secs(10));
    assert_eq!(links(&solo), [Link::RateLimited], "told first");
    assert_eq!(solo.goodbye_code(), 47);
    assert_eq!(solo.cause(), Cause::RateLimited);
    let ending = solo.ending();
    assert_eq!(ending.evidence.over_rate_for, Some(secs(10)));
    let limit = ending.trail.first().map(|event| event.what);
    assert_eq!(limit, Some("frame_rate"));
}

#[test]
fn a_larger_burst_is_slowed_and_ends_nobody() {
    let mut solo = rated();
    send(&mut solo, 70);
    assert_eq!((taken(&solo), links(&solo)), (20, vec![Link::RateLimited]));
    solo.advance(millis(4_900));
    assert_eq!(taken(&solo), 69);
    solo.advance(millis(100));
    assert_eq!(taken(&solo), 70);
    assert!(!solo.connection().has_unread());
    // Told once it may send half a burst at once.
    solo.advance(millis(999));
    assert_eq!(links(&solo), [Link::RateLimited]);
    assert!(!solo.connection().is_calm(), "it has a deadline");
    solo.advance(millis(1));
    assert_eq!(links(&solo), [Link::RateLimited, Link::WithinRate]);
    assert!(solo.connection().is_calm());
}

/// A stall of ours is credited to the peer, so the deadline of its rate moves to an earlier time. The host has kept the
/// later one for less than a second.
#[test]
fn a_host_that_keeps_a_deadline_is_told_of_an_earlier_one_of_the_rate() {
    let mut solo = rated();
    solo.host.keeps_deadline = true;
    send(&mut solo, 70);
    solo.advance(secs(5));
    assert_eq!(taken(&solo), 70);
    solo.stands_still(millis(300));
    send(&mut solo, 1);
    solo.advance(millis(799));
    assert_eq!(links(&solo), [Link::RateLimited]);
    solo.advance(millis(1));
    assert_eq!(links(&solo), [Link::RateLimited, Link::WithinRate]);
}

/// The most that may come at once: a burst, and what the rate allows until the timeout.
#[test]
fn a_burst_that_lasts_for_the_timeout_is_read_and_one_frame_more_ends() {
    for (frames, cause) in [(120, None), (121, Some(Cause::RateLimited))] {
        let mut solo = rated();
        send(&mut solo, frames);
        solo.advance(secs(10));
        assert_eq!(taken(&solo), 120);
        match cause {
            None => assert!(solo.connection().is_live()),
            Some(cause) => assert_eq!(solo.cause(), cause),
        }
    }
}

#[test]
fn each_time_that_everything_was_read_the_timeout_begins_anew() {
    let mut solo = rated();
    send(&mut solo, 110);
    for _ in 0..10 {
        solo.advance(millis(9_000));
        assert!(!solo.connection().has_unread() && solo.connection().is_live());
        send(&mut solo, 90);
    }
    assert_eq!(links(&solo), [Link::RateLimited], "it had no rest");
    solo.advance(secs(2));
    assert!(solo.connection().is_live());
}

#[test]
fn no_kind_of_frame_is_free() {
    let ping = Ping {
        clock_us: 7,
        received: 0,
    };
    let pong = Pong {
        ping_clock_us: 7,
        clock_us: 7,
        held_us: 0,
        received: 0,
    };
    let kinds: [(&str, Vec<u8>, usize); 6] = [
        ("data", frame(0, b"move"), 20),
        ("empty data", frame(0, b""), 20),
        ("ignorable", frame(200, b""), 20),
        ("ack", encoded(|out| Ack { received: 0 }.encode(out)), 20),
        ("pong", encoded(|out| pong.encode(out)), 20),
        // Each costs two, since it is answered; the heartbeat's own costs nothing.
        ("ping", encoded(|out| ping.encode(out)), 1 + 10),
    ];
    for (name, bytes, most) in kinds {
        let mut solo = rated();
        solo.says(&bytes.repeat(most));
        assert!(!solo.connection().has_unread(), "{name}");
        solo.says(&bytes);
        assert_eq!(links(&solo), [Link::RateLimited], "{name}");
        assert!(solo.connection().has_unread(), "{name}");
    }
}

#[test]
fn what_the_wire_asks_for_costs_nothing() {
    let mut solo = rated();
    send(&mut solo, 19);
    for n in 1..=100_u64 {
        for _ in 0..32 {
            let now = solo.now;
            solo.connection().send(now, b"state").expect("it is taken");
            solo.run();
        }
        solo.says(&encoded(|out| Ack { received: 32 * n }.encode(out)));
    }
    assert!(!solo.connection().has_unread(), "acks of new frames");
    // Two pings in each heartbeat, and the pongs to ours.
    let ping = Ping {
        clock_us: 0,
        received: 3_200,
    };
    let mut solo_pings = 0;
    for _ in 0..20 {
        solo.outbound.log.clear();
        solo.says(&encoded(|out| ping.encode(out)));
        if solo.kinds_written().contains(&Kind::Ping) {
            solo.says(&pong_to(&solo.written(), 3_200));
            solo_pings += 1;
        }
        assert!(!solo.connection().has_unread());
        solo.advance(HEARTBEAT / 2);
    }
    assert!(solo_pings > 0);
    assert_eq!(links(&solo), []);
}

#[test]
fn a_rate_of_bytes_counts_headers_and_lets_a_frame_leave_a_debt() {
    let mut solo = with(Limits {
        byte_rate: Some(Rate {
            per_second: 1_000,
            burst: 3_000,
        }),
        ..Limits::default()
    });
    solo.sends(0, &[1; 1_996]);
    solo.sends(0, &[2; 2_996]);
    assert_eq!(taken(&solo), 2, "there was a token for it");
    solo.sends(0, b"waits");
    assert_eq!((taken(&solo), links(&solo)), (2, vec![Link::RateLimited]));
    solo.advance(millis(2_000));
    assert_eq!(taken(&solo), 2);
    solo.advance(millis(1));
    assert_eq!(taken(&solo), 3);
    let mut flood = solo;
    flood.says(&frame(0, &[3; 100]).repeat(1_000));
    flood.advance(secs(10));
    assert_eq!(flood.cause(), Cause::RateLimited);
    let limit = flood.ending().trail.first().map(|event| event.what);
    assert_eq!(limit, Some("byte_rate"));
}

#[test]
fn a_dialect_has_the_same_rate() {
    let limits = Limits {
        frame_rate: Some(TEN),
        ..Limits::default()
    };
    let config = Config {
        framing: Framing::Dialect(Arc::new(LengthPrefixed)),
        limits,
        ..Config::default()
    };
    let mut solo = Solo::server_with(config, Answer::Admit(ADMISSION));
    solo.says(b"\0\0\0\x03ada");
    solo.says(&b"\0\0\0\0".repeat(21));
    assert_eq!((taken(&solo), links(&solo)), (20, vec![Link::RateLimited]));
    solo.says(&b"\0\0\0\0".repeat(1_000));
    solo.advance(secs(10));
    assert_eq!(solo.cause(), Cause::RateLimited);
}

#[test]
fn without_a_timeout_a_client_is_only_slowed_and_stays_healthy() {
    let mut solo = slowed();
    send(&mut solo, 620);
    solo.advance(secs(59));
    assert!(solo.connection().is_live());
    assert_eq!(taken(&solo), 610);
    let pings = solo.kinds_written();
    assert!(pings.iter().all(|kind| *kind == Kind::Ping), "{pings:?}");
    assert_eq!(links(&solo), [Link::RateLimited], "it is no suspect");
    solo.advance(secs(3));
    assert_eq!(links(&solo), [Link::RateLimited, Link::WithinRate]);
}

/// One frame waits for a minute, and the client can send nothing that we would read.
#[test]
fn the_wait_is_no_silence_and_no_idleness() {
    let mut solo = with(Limits {
        byte_rate: Some(Rate {
            per_second: 1_000,
            burst: 60_000,
        }),
        over_rate_timeout: None,
        idle_timeout: Some(secs(20)),
        ..Limits::default()
    });
    solo.sends(0, &[1; 59_995]);
    solo.sends(0, &[1; 60_000]);
    solo.sends(0, b"waits");
    solo.advance(secs(60));
    assert!(solo.connection().is_live() && solo.connection().has_unread());
    assert!(!solo.connection().is_paused(), "the game takes all");
    assert_eq!(links(&solo), [Link::RateLimited]);
    solo.advance(secs(1));
    assert_eq!(taken(&solo), 3);
    // The silence from before the wait goes on after it.
    solo.advance(DEAD);
    assert_eq!(solo.cause(), Cause::PeerFrozen);
}

#[test]
fn a_fin_behind_waiting_frames_is_noticed_and_everything_is_delivered() {
    for reset in [false, true] {
        let mut solo = rated();
        send(&mut solo, 500);
        solo.advance(secs(1));
        if reset {
            solo.inbound.reset(solo.now);
        } else {
            solo.inbound.fin(solo.now);
        }
        assert!(!solo.connection().wants_read());
        assert!(
            solo.connection().reads_no_further(),
            "so the end is watched for"
        );
        solo.hears(Input::EndNoticed(solo.readings()));
        assert_eq!(taken(&solo), 500);
        let cause = if reset {
            Cause::PeerReset
        } else {
            Cause::PeerFin
        };
        assert_eq!(solo.cause(), cause);
        assert_eq!(solo.ending().evidence.over_rate_for, Some(secs(1)));
    }
}

#[test]
fn a_goodbye_behind_waiting_frames_is_read_in_its_turn() {
    let mut solo = rated();
    send(&mut solo, 50);
    let goodbye = Goodbye::decode(&[1, 0, 0, 0, 0, 0, 0, 0, 0]).expect("it decodes");
    solo.says(&encoded(|out| goodbye.encode(out)));
    solo.advance(millis(3_000));
    assert!(solo.connection().is_live());
    solo.advance(millis(100));
    assert_eq!(taken(&solo), 50);
    assert_eq!(solo.cause(), Cause::PeerGoodbye);
}

#[test]
fn a_kick_a_drain_and_an_abort_end_the_wait() {
    type End = fn(&mut Solo);
    let ends: [(End, Cause); 3] = [
        (
            |solo| solo.closes(&Close::new(Cause::Kicked)),
            Cause::Kicked,
        ),
        (
            |solo| {
                let notice = Notice::decode(&[0; 8]).expect("it decodes");
                solo.hears(Input::Notice(&notice));
                let message = crate::Message::of(Cause::DrainExpired);
                solo.hears(Input::DrainExpired(&message));
            },
            Cause::DrainExpired,
        ),
        (
            |solo| solo.hears(Input::Abort(solo.readings())),
            Cause::ClosedByGame,
        ),
    ];
    for (end, cause) in ends {
        let mut solo = rated();
        send(&mut solo, 100);
        end(&mut solo);
        assert_eq!(taken(&solo), 20, "{cause}: the rest is discarded");
        assert_eq!(solo.cause(), cause);
        assert!(!solo.connection().is_paused());
        let fin = solo.ending().evidence.farewell == GoodbyeProgress::FinSeen;
        assert!(
            fin || cause == Cause::ClosedByGame,
            "{cause}: its FIN is read"
        );
    }
}

#[test]
fn a_path_that_dies_during_the_wait_is_found_and_what_came_before_is_delivered() {
    let mut solo = slowed();
    send(&mut solo, 1_000);
    solo.host.view = View::Unanswered {
        retransmits: 2,
        probes: 0,
    };
    solo.advance(DEAD + HEARTBEAT);
    let readings = solo.readings();
    if solo.connection().hands_over_the_rest() {
        solo.read_ends(Terminal::Open, readings);
    }
    assert_eq!(solo.cause(), Cause::PathDead);
    assert_eq!(taken(&solo), 1_000);
}

#[test]
fn time_in_which_the_game_took_nothing_is_credited() {
    let mut solo = rated();
    send(&mut solo, 20);
    solo.pauses();
    for _ in 0..100 {
        solo.advance(millis(100));
        send(&mut solo, 1);
    }
    solo.resumes();
    assert_eq!((taken(&solo), links(&solo)), (120, vec![]));
    send(&mut solo, 1);
    assert_eq!(links(&solo), [Link::RateLimited], "and not more");
}

#[test]
fn a_pause_of_the_game_is_not_the_clients_excess() {
    let mut solo = rated();
    send(&mut solo, 200);
    solo.advance(secs(5));
    solo.pauses();
    // The game is asked for room once there is a token.
    solo.advance(millis(100));
    assert!(solo.connection().is_paused());
    solo.advance(secs(30));
    assert!(solo.connection().is_live());
    solo.resumes();
    assert_eq!(taken(&solo), 200, "30 s of credit");
    solo.advance(secs(11));
    assert!(solo.connection().is_live());
}

#[test]
fn time_in_which_this_process_stood_still_is_credited() {
    let mut solo = rated();
    for _ in 0..100 {
        // Less than a second: no silence worth the name.
        solo.stands_still(millis(300));
        send(&mut solo, 3);
    }
    send(&mut solo, 20);
    assert_eq!((taken(&solo), links(&solo)), (320, vec![]));
    send(&mut solo, 1);
    assert_eq!(links(&solo), [Link::RateLimited], "and not more");
}

#[test]
fn an_outage_is_credited_and_a_shorter_silence_is_not() {
    for (silence, most) in [(secs(7), 20), (secs(10), 120)] {
        let mut solo = rated();
        solo.advance(silence);
        solo.host.seen.clear();
        send(&mut solo, most);
        assert!(!solo.connection().has_unread(), "{silence:?}");
        send(&mut solo, 1);
        assert!(solo.connection().has_unread(), "{silence:?}");
    }
}

#[test]
fn a_pong_that_waited_tells_no_round_trip() {
    let mut solo = rated();
    let ping = Ping {
        clock_us: 0,
        received: 0,
    };
    solo.says(&encoded(|out| ping.encode(out)));
    assert!(solo.kinds_written().contains(&Kind::Ping));
    let mut bytes = frame(0, b"move").repeat(40);
    bytes.extend(pong_to(&solo.written(), 0));
    solo.advance(millis(30));
    solo.says(&bytes);
    solo.advance(secs(3));
    assert!(!solo.connection().has_unread());
    assert_eq!(solo.connection().round_trip().rtt(), None);
}

#[test]
fn a_rate_wakes_the_driver_and_what_may_wait_is_read_in_small_pieces() {
    let mut solo = rated();
    send(&mut solo, 21);
    let next = solo.connection().poll_timeout();
    assert_eq!(next, (solo.now + millis(100), Timer::Rate));
    assert_eq!(solo.connection().read_bytes_max(), 4_096);
    let mut free = Solo::live();
    assert_eq!(free.connection().read_bytes_max(), usize::MAX);
    let mut outside = Solo::server();
    assert_eq!(outside.connection().read_bytes_max(), 4_096);
}
