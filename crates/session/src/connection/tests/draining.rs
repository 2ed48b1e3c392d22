//! A graceful drain: a peer that leaves on the notice, one that is closed in its turn, one that stays.

use std::time::Duration;

use super::super::Input;
use crate::wire::{Kind, Notice};
use crate::{Cause, Close, Config, Message, Phase};

use super::harness::{Answer, HELLO, Pair, Seen, Solo, encoded, frame, millis, secs};

fn notice() -> Notice<'static> {
    Notice {
        code: Cause::Drained.code(),
        advice: 2,
        deadline_ms: 30_000,
        address: "".into(),
        reason: "restart".into(),
    }
}

fn drained() -> Close {
    Close {
        linger: Some(secs(20)),
        ..Close::new(Cause::Drained)
    }
}

const GOODBYE: [u8; 9] = [1, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn a_notice_reaches_the_client_and_nothing_ends() {
    let mut pair = Pair::live();
    pair.server
        .connection_mut()
        .handle(pair.now, Input::Notice(&notice()));
    pair.run();
    let seen = Seen::Notice {
        code: 85,
        deadline_ms: 30_000,
        reason: "restart".to_owned(),
    };
    assert_eq!(pair.client.seen, [seen]);
    pair.client_sends(b"still playing");
    assert!(pair.server.connection().is_live());
}

#[test]
fn a_peer_that_leaves_after_the_notice_is_drained() {
    type Leave = fn(&mut Solo);
    let leave: [Leave; 4] = [
        Solo::fin,
        |solo| {
            solo.sends(6, &GOODBYE);
            solo.fin()
        },
        |solo| {
            solo.sends(6, &GOODBYE);
            solo.reset()
        },
        |solo| {
            solo.sends(6, &GOODBYE);
            solo.advance(secs(3))
        },
    ];
    for (n, leave) in leave.into_iter().enumerate() {
        for notices in [1, 2] {
            let mut solo = Solo::live();
            for _ in 0..notices {
                solo.hears(Input::Notice(&notice()));
            }
            assert_eq!(solo.kinds_written(), vec![Kind::Notice; notices]);
            leave(&mut solo);
            assert_eq!(
                solo.ending().verdict.cause,
                Cause::Drained,
                "{n}, {notices}"
            );
        }
    }
}

#[test]
fn a_peer_that_said_goodbye_stays_drained_when_the_drain_is_cut_short() {
    let mut solo = Solo::live();
    solo.hears(Input::Notice(&notice()));
    solo.sends(6, &GOODBYE);
    solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired)));
    assert_eq!(solo.ending().verdict.cause, Cause::Drained);
}

#[test]
fn a_second_notice_on_its_way_does_not_undo_the_first() {
    let mut solo = Solo::live();
    solo.hears(Input::Notice(&notice()));
    solo.stops_reading(0);
    solo.hears(Input::Notice(&notice()));
    solo.sends(6, &GOODBYE);
    solo.advance(secs(3));
    assert_eq!(solo.ending().verdict.cause, Cause::Drained);
}

#[test]
fn who_left_before_the_notice_was_written_was_not_drained() {
    for (leave, cause) in [(0, Cause::PeerFin), (1, Cause::PeerGoodbye)] {
        let mut solo = Solo::live();
        solo.stops_reading(0);
        solo.hears(Input::Notice(&notice()));
        if leave == 1 {
            solo.sends(6, &GOODBYE);
        }
        solo.fin();
        solo.advance(secs(3));
        assert_eq!(solo.ending().verdict.cause, cause);
    }
}

#[test]
fn a_reset_after_the_notice_is_a_reset() {
    let mut solo = Solo::live();
    solo.hears(Input::Notice(&notice()));
    solo.reset();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerReset);
}

#[test]
fn a_peer_that_is_closed_in_its_turn_is_drained() {
    let mut pair = Pair::live();
    pair.server_sends(b"last state");
    pair.server_closes(&drained());
    assert_eq!(pair.client.seen, [Seen::Data(b"last state".to_vec())]);
    let server = pair.server.ending.as_ref().expect("it is over");
    assert_eq!(server.verdict.cause, Cause::Drained);
    let client = pair.client.ending.as_ref().expect("it is over");
    assert_eq!(client.peer_goodbye.as_ref().expect("it was told").advice, 1);
}

#[test]
fn a_peer_that_stays_until_the_drain_is_over_is_drain_expired() {
    let mut solo = Solo::live();
    solo.closes(&drained());
    solo.advance(secs(19));
    assert!(!solo.is_over(), "a drain gives what is left of it");
    solo.advance(secs(1));
    assert_eq!(solo.ending().verdict.cause, Cause::DrainExpired);
}

#[test]
fn a_peer_that_resets_during_the_drain_is_drained() {
    let mut solo = Solo::live();
    solo.closes(&drained());
    solo.advance(secs(19));
    solo.reset();
    assert_eq!(solo.ending().verdict.cause, Cause::Drained);
}

#[test]
fn an_expired_drain_ends_a_live_session_with_a_goodbye() {
    let mut solo = Solo::live();
    solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired)));
    assert_eq!(solo.goodbye_code(), Cause::DrainExpired.code());
    assert_eq!(solo.cause(), Cause::DrainExpired);
}

#[test]
fn an_expired_drain_refuses_a_connection_that_is_not_live() {
    let hello = encoded(|out| HELLO.encode(out));
    for (bytes, phase) in [(&hello[..5], Phase::Hello), (&hello[..], Phase::Auth)] {
        let mut solo = Solo::server_with(Config::default(), Answer::Wait);
        solo.says(bytes);
        solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired)));
        assert_eq!(solo.goodbye_code(), Cause::RefusedDraining.code());
        assert_eq!(solo.cause(), Cause::RefusedDraining);
        assert_eq!(solo.ending().verdict.phase, phase);
    }
}

#[test]
fn an_expired_drain_cuts_off_a_session_that_is_leaving() {
    let leaving = [
        (drained(), Cause::DrainExpired),
        (Close::new(Cause::Kicked), Cause::Kicked),
        (Close::new(Cause::ClosedByGame), Cause::ClosedByGame),
    ];
    for (close, cause) in leaving {
        for stuck in [false, true] {
            let mut solo = Solo::live();
            if stuck {
                solo.stops_reading(3);
            }
            solo.closes(&close);
            solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired)));
            if !solo.is_over() {
                solo.advance(LAST_MOMENT);
            }
            assert_eq!(solo.ending().verdict.cause, cause, "{cause}, {stuck}");
            assert!(solo.ending().abort);
        }
    }
}

#[test]
fn a_drain_that_is_over_leaves_the_peers_own_end_alone() {
    let mut solo = Solo::live();
    solo.stops_reading(3);
    let now = solo.now;
    solo.connection()
        .send(now, b"on its way")
        .expect("it is taken");
    solo.says(&frame(0, b"last")[..]);
    solo.fin();
    solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired)));
    solo.peer_reads = true;
    solo.run();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
}

#[test]
fn an_expired_drain_does_not_wait_for_data_owed_to_a_peer_that_left() {
    let mut solo = Solo::live();
    solo.stops_reading(3);
    let now = solo.now;
    solo.connection()
        .send(now, b"never read")
        .expect("it is taken");
    solo.fin();
    solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired)));
    assert!(!solo.is_over());
    solo.advance(LAST_MOMENT);
    assert_eq!(solo.ending().verdict.cause, Cause::PeerClosedWhileSending);
}

#[test]
fn a_peer_that_left_before_the_notice_is_not_drained() {
    let mut solo = Solo::live();
    let readings = solo.readings();
    solo.hears(Input::EndNoticed(readings));
    solo.hears(Input::Notice(&notice()));
    solo.fin();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
}

#[test]
fn a_refusal_that_comes_behind_the_admission_is_none() {
    let mut solo = Solo::live();
    solo.closes(&Close::new(Cause::RefusedDraining));
    assert!(solo.connection().is_live());
    solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired)));
    assert_eq!(solo.cause(), Cause::DrainExpired);
}

/// How long the goodbye may take when the drain is over.
const LAST_MOMENT: Duration = millis(100);
