//! Our own end: a kick, a close, a peer's goodbye. Later events in linger do not change the cause.

use super::super::{Input, Timer};
use crate::wire::{Goodbye, Kind};
use crate::{Advice, Cause, Close, GameCode, GoodbyeProgress, Limits, Message, SendError};

use super::harness::{Pair, Solo, payloads, secs};

fn kick() -> Close {
    let code = GameCode::new(4_100).expect("it is a game's");
    let message = Message::default()
        .with_code(code)
        .with_advice(Advice::DoNot)
        .with_reason("aimbot");
    Close::with(Cause::Kicked, message)
}

/// A session with one half-written frame and three behind it, which was then kicked.
fn kicked_behind_a_slow_reader() -> Solo {
    let mut solo = Solo::live();
    solo.stops_reading(50);
    for n in 0..4 {
        let now = solo.now;
        solo.connection().send(now, &[n; 96]).expect("it is taken");
    }
    solo.run();
    assert_eq!(solo.outbound.log.len(), 50);
    solo.closes(&kick());
    solo
}

#[test]
fn a_kick_finishes_the_frame_in_progress_drops_the_rest_and_says_why() {
    let mut solo = kicked_behind_a_slow_reader();
    solo.peer_reads = true;
    solo.run();
    let written = solo.written();
    assert_eq!(solo.kinds_written(), [Kind::Data, Kind::Goodbye]);
    assert_eq!(written[0].1, [0; 96]);
    let goodbye = Goodbye::decode(&written[1].1).expect("it decodes");
    assert_eq!((goodbye.code, goodbye.over), (4_100, true));
    assert_eq!(goodbye.advice, Advice::DoNot.code());
    assert_eq!(
        (goodbye.delay_ms, goodbye.reason.as_ref()),
        (2_000, "aimbot")
    );
    assert_eq!(solo.cause(), Cause::Kicked);
    let evidence = &solo.ending().evidence;
    assert_eq!((evidence.frames_out, evidence.frames_unsent), (1, 3));
    assert_eq!(evidence.bytes_unsent, 300);
    assert_eq!(evidence.farewell, GoodbyeProgress::FinSeen);
}

#[test]
fn a_kick_that_the_peer_does_not_read_ends_at_the_linger_deadline() {
    let mut solo = kicked_behind_a_slow_reader();
    assert_eq!(
        solo.connection().poll_timeout(),
        (solo.now + secs(3), Timer::Linger)
    );
    solo.advance(secs(3));
    assert_eq!(solo.ending().verdict.cause, Cause::Kicked);
    assert_eq!(solo.ending().evidence.farewell, GoodbyeProgress::None);
    assert_eq!(
        solo.ending().evidence.frames_unsent,
        3,
        "the fourth had begun"
    );
    assert!(solo.ending().abort);
}

#[test]
fn linger_discards_data_that_the_client_keeps_sending() {
    let mut solo = Solo::live();
    solo.closes(&kick());
    for _ in 0..20 {
        solo.sends(0, b"still here");
        solo.sends(3, &[0; 16]);
        solo.says(b"\xff\xff\xff\x7f noise");
    }
    assert!(!solo.is_over());
    assert_eq!(solo.host.seen.len(), 1, "only the credentials");
    assert_eq!(solo.kinds_written(), [Kind::Goodbye]);
    solo.fin();
    assert_eq!(solo.ending().verdict.cause, Cause::Kicked);
}

#[test]
fn a_decision_stays_the_cause_after_any_event_in_linger() {
    type Then = fn(&mut Solo);
    let later_events: [(Then, GoodbyeProgress); 7] = [
        (Solo::fin, GoodbyeProgress::FinSeen),
        (Solo::reset, GoodbyeProgress::Written),
        (|solo| solo.advance(secs(3)), GoodbyeProgress::Acked),
        (
            |solo| {
                solo.sends(6, &[0; 9]);
                solo.fin()
            },
            GoodbyeProgress::FinSeen,
        ),
        (
            |solo| solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired))),
            GoodbyeProgress::Written,
        ),
        (
            |solo| {
                solo.closes(&Close::new(Cause::ClosedByGame));
                solo.fin()
            },
            GoodbyeProgress::FinSeen,
        ),
        (
            |solo| {
                solo.says(&[0, 0, 9, 0, 1]);
                solo.fin()
            },
            GoodbyeProgress::FinSeen,
        ),
    ];
    for (n, (then, farewell)) in later_events.into_iter().enumerate() {
        let mut solo = Solo::live();
        solo.closes(&kick());
        let at = solo.now;
        then(&mut solo);
        assert_eq!(solo.ending().verdict.cause, Cause::Kicked, "{n}");
        assert_eq!(solo.ending().verdict.at, at, "{n}");
        assert_eq!(solo.ending().evidence.farewell, farewell, "{n}");
        assert_eq!(solo.kinds_written(), [Kind::Goodbye], "{n}: one goodbye");
    }
}

#[test]
fn an_unacknowledged_goodbye_was_only_written() {
    let mut solo = Solo::live();
    solo.outbound.is_cut = true;
    solo.closes(&kick());
    solo.advance(secs(3));
    assert_eq!(solo.ending().evidence.farewell, GoodbyeProgress::Written);
    assert!(solo.ending().evidence.bytes_unacked > Some(0));
}

#[test]
fn a_close_by_the_game_sends_first_what_was_queued() {
    let mut pair = Pair::live();
    pair.down.capacity = 64;
    for n in 0..20_u8 {
        pair.server
            .connection_mut()
            .send(pair.now, &[n; 40])
            .expect("it is taken");
    }
    let message = Message::default().with_reason("match over");
    pair.server_closes(&Close::with(Cause::ClosedByGame, message));
    let frames: Vec<Vec<u8>> = (0..20).map(|n| vec![n; 40]).collect();
    assert_eq!(payloads(&pair.client.seen), frames);
    let client = pair.client.ending.as_ref().expect("it is over");
    assert_eq!(
        client.peer_goodbye.as_ref().expect("it was told").reason,
        "match over"
    );
    let server = pair.server.ending.as_ref().expect("it is over");
    assert_eq!(server.verdict.cause, Cause::ClosedByGame);
    assert_eq!(server.evidence.frames_unsent, 0);
    assert_eq!(server.evidence.farewell, GoodbyeProgress::FinSeen);
}

#[test]
fn frames_after_a_decision_are_counted_as_unsent_until_the_verdict_is_out() {
    let mut solo = Solo::live();
    solo.closes(&kick());
    let now = solo.now;
    assert_eq!(solo.connection().send(now, b"late"), Ok(()));
    let too_large = vec![0; 65_537];
    assert_eq!(
        solo.connection().send(now, &too_large),
        Err(SendError::TooLarge)
    );
    let mut late = Box::<crate::SendQueue>::default();
    late.push_data(now, |out| out.extend_from_slice(&[0; 10]));
    let now = solo.now;
    solo.connection().adopt(now, &mut late);
    solo.fin();
    let evidence = &solo.ending().evidence;
    assert_eq!((evidence.frames_unsent, evidence.bytes_unsent), (2, 10 + 8));
    assert_eq!(solo.connection().send(now, b"late"), Err(SendError::Closed));
}

#[test]
fn frames_after_the_peers_end_are_counted_as_unsent() {
    for reset in [false, true] {
        let mut solo = Solo::live();
        solo.sends(6, &[1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let now = solo.now;
        for _ in 0..3 {
            assert_eq!(solo.connection().send(now, b"answer"), Ok(()));
        }
        if reset {
            solo.reset();
        } else {
            solo.fin();
        }
        assert_eq!(solo.cause(), Cause::PeerGoodbye);
        let evidence = &solo.ending().evidence;
        assert_eq!((evidence.frames_unsent, evidence.bytes_unsent), (3, 30));
    }
}

#[test]
fn a_kick_may_let_out_first_what_is_queued() {
    for (flush, written) in [(false, 0), (true, 3)] {
        let mut solo = Solo::live();
        let now = solo.now;
        for _ in 0..3 {
            solo.connection()
                .send(now, b"you win")
                .expect("it is taken");
        }
        solo.closes(&Close { flush, ..kick() });
        let kinds = solo.kinds_written();
        let data = kinds.iter().filter(|kind| **kind == Kind::Data).count();
        assert_eq!((data, kinds.last()), (written, Some(&Kind::Goodbye)));
        solo.fin();
        assert_eq!(solo.cause(), Cause::Kicked);
        assert_eq!(solo.ending().evidence.frames_unsent, 3 - written as u64);
    }
}

#[test]
fn a_kick_waits_for_what_is_queued_no_longer_than_the_linger_timeout() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    let now = solo.now;
    solo.connection()
        .send(now, b"you win")
        .expect("it is taken");
    solo.closes(&Close {
        flush: true,
        ..kick()
    });
    assert!(!solo.is_over());
    solo.advance(Limits::default().linger_timeout);
    assert_eq!(solo.cause(), Cause::Kicked);
    assert!(solo.ending().abort);
    assert_eq!(solo.ending().evidence.frames_unsent, 1);
}

#[test]
fn a_goodbye_stops_our_data_at_the_frame_in_progress() {
    let mut solo = Solo::live();
    solo.stops_reading(10);
    for _ in 0..3 {
        let now = solo.now;
        solo.connection().send(now, &[1; 96]).expect("it is taken");
    }
    solo.run();
    solo.sends(6, &[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    solo.peer_reads = true;
    solo.run();
    assert_eq!(solo.kinds_written(), [Kind::Data]);
    assert_eq!(solo.cause(), Cause::PeerGoodbye);
    assert_eq!(solo.ending().evidence.frames_unsent, 2);
}

#[test]
fn a_goodbye_that_cannot_be_written_was_not_said_although_the_peer_left() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    solo.closes(&kick());
    solo.fin();
    assert!(!solo.is_over(), "the goodbye may still get out");
    solo.hears(Input::WriteFailed(solo.readings()));
    assert_eq!(solo.ending().verdict.cause, Cause::Kicked);
    assert_eq!(solo.ending().evidence.farewell, GoodbyeProgress::None);
}

#[test]
fn a_fin_from_before_our_goodbye_is_no_answer_to_it() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    solo.closes(&kick());
    solo.fin();
    solo.outbound.capacity = usize::MAX;
    solo.run();
    assert_eq!(solo.goodbye_code(), 4_100);
    assert_eq!(solo.ending().evidence.farewell, GoodbyeProgress::Written);
}
