//! The goodbye of our own decision is kept with the end that it fixed, and with no other.

use super::super::Input;
use crate::{Advice, Cause, Close, Config, GameCode, Message};

use super::harness::{Answer, DEAD, HELLO, Solo, View, encoded, secs};

fn kick() -> Close {
    let code = GameCode::new(4_100).expect("it is a game's");
    let message = Message::default()
        .with_code(code)
        .with_advice(Advice::DoNot)
        .with_reason("aimbot");
    Close::with(Cause::Kicked, message)
}

#[test]
fn an_end_keeps_the_words_of_the_kick_that_fixed_it() {
    let mut solo = Solo::live();
    solo.closes(&kick());
    solo.closes(&Close::new(Cause::ClosedByGame));
    solo.fin();
    assert_eq!(solo.ending().decided, Some(kick()));
}

#[test]
fn the_words_of_a_kick_are_recorded_also_when_they_could_not_be_written() {
    type Fails = fn(&mut Solo);
    let fails: [Fails; 2] = [
        |solo| solo.advance(secs(3)),
        |solo| {
            let readings = solo.readings();
            solo.hears(Input::WriteFailed(readings));
            solo.reset();
        },
    ];
    for fail in fails {
        let mut solo = Solo::live();
        solo.stops_reading(0);
        solo.closes(&kick());
        fail(&mut solo);
        assert!(solo.outbound.log.is_empty());
        assert_eq!(solo.ending().decided, Some(kick()));
    }
}

#[test]
fn a_refusal_and_a_limit_are_decisions_too() {
    let message = Message::default().with_reason("wrong ticket");
    let refusal = Close::with(Cause::AuthRejected, message);
    let mut refused = Solo::server_with(Config::default(), Answer::Refuse(refusal.clone()));
    refused.says(&encoded(|out| HELLO.encode(out)));
    refused.fin();
    assert_eq!(refused.ending().decided, Some(refusal));
    let mut silent = Solo::live();
    silent.advance(DEAD);
    assert_eq!(silent.cause(), Cause::PeerFrozen);
    let close = Close::new(Cause::PeerFrozen);
    assert_eq!(silent.ending().decided, Some(close));
}

#[test]
fn words_that_are_too_long_are_kept_as_they_are_on_the_wire() {
    let mut solo = Solo::live();
    let message = Message::default().with_reason("é".repeat(300));
    solo.closes(&Close::with(Cause::Kicked, message));
    solo.fin();
    let kept = solo.ending().decided.as_ref().expect("it was decided");
    assert_eq!(kept.message.reason(), "é".repeat(256));
}

#[test]
fn an_end_by_the_peer_records_no_decision_of_ours() {
    type End = fn(&mut Solo);
    let ends: [End; 4] = [
        Solo::fin,
        Solo::reset,
        |solo| {
            solo.sends(6, &[0; 9]);
            solo.fin();
        },
        |solo| {
            let readings = solo.readings();
            solo.hears(Input::EndNoticed(readings));
            solo.closes(&kick());
            solo.fin();
        },
    ];
    for (n, end) in ends.into_iter().enumerate() {
        let mut solo = Solo::live();
        end(&mut solo);
        assert_eq!(solo.ending().decided, None, "{n}");
    }
}

#[test]
fn an_end_without_a_goodbye_records_no_words() {
    let mut dead = Solo::live();
    dead.host.view = View::Unanswered {
        retransmits: 3,
        probes: 0,
    };
    dead.advance(DEAD);
    assert_eq!(dead.cause(), Cause::PathDead);
    assert_eq!(dead.ending().decided, None);
    let mut aborted = Solo::live();
    let readings = aborted.readings();
    aborted.hears(Input::Abort(readings));
    assert_eq!(aborted.ending().decided, None);
}
