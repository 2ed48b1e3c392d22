//! The cause among several events: the first that was decided or seen.

use super::super::Input;
use crate::wire::Goodbye;
use crate::{Cause, Close, GoodbyeProgress, Message, Terminal};

use super::harness::{Solo, View, encoded, secs};

fn kick() -> Close {
    Close::new(Cause::Kicked)
}

#[test]
fn a_goodbye_of_the_peer_stays_the_cause_after_any_event() {
    type Then = fn(&mut Solo);
    let later_events: [Then; 5] = [
        Solo::fin,
        Solo::reset,
        |solo| solo.advance(secs(3)),
        |solo| solo.closes(&kick()),
        |solo| solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired))),
    ];
    for (n, then) in later_events.into_iter().enumerate() {
        let mut solo = Solo::live();
        let goodbye = Goodbye {
            over: true,
            code: 0,
            game_cause: None,
            advice: 0,
            delay_ms: 0,
            address: "".into(),
            reason: "gone home".into(),
        };
        solo.says(&encoded(|out| goodbye.encode(out)));
        then(&mut solo);
        solo.fin();
        assert_eq!(solo.ending().verdict.cause, Cause::PeerGoodbye, "{n}");
        let peer_goodbye = solo.ending().peer_goodbye.as_ref().expect("it said one");
        assert_eq!(peer_goodbye.reason, "gone home");
        assert!(
            solo.outbound.log.is_empty(),
            "{n}: the answer is a FIN, not a goodbye"
        );
        assert_eq!(
            solo.ending().evidence.farewell,
            GoodbyeProgress::None,
            "{n}: we said none"
        );
    }
}

#[test]
fn a_decision_that_comes_after_the_end_was_noticed_is_not_the_cause() {
    type Late = fn(&mut Solo);
    let late: [Late; 3] = [
        |solo| solo.closes(&kick()),
        |solo| solo.closes(&Close::new(Cause::ClosedByGame)),
        |solo| solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired))),
    ];
    for decide in late {
        let mut solo = Solo::live();
        solo.hears(Input::EndNoticed(solo.readings()));
        decide(&mut solo);
        assert!(
            solo.connection().is_live(),
            "what was read is still delivered"
        );
        solo.sends(0, b"last word");
        solo.reset();
        assert_eq!(solo.ending().verdict.cause, Cause::PeerReset);
        assert_eq!(solo.host.seen.len(), 2, "the last word was heard");
        assert!(solo.outbound.log.is_empty());
    }
}

#[test]
fn a_broken_rule_in_drained_bytes_is_the_cause() {
    let mut solo = Solo::live();
    solo.hears(Input::EndNoticed(solo.readings()));
    solo.sends(9, b"no such kind");
    solo.reset();
    assert_eq!(solo.ending().verdict.cause, Cause::ProtocolViolation);
}

#[test]
fn a_handler_that_panics_on_the_last_frames_is_the_cause() {
    for noticed in [false, true] {
        let mut solo = Solo::live();
        if noticed {
            solo.hears(Input::EndNoticed(solo.readings()));
        }
        solo.closes(&Close::new(Cause::HandlerPanicked));
        assert_eq!(solo.goodbye_code(), Cause::HandlerPanicked.code());
        assert_eq!(solo.cause(), Cause::HandlerPanicked);
    }
}

#[test]
fn a_write_that_fails_says_nothing_yet_and_what_can_be_read_counts() {
    let mut solo = Solo::live();
    solo.hears(Input::WriteFailed(solo.readings()));
    assert!(solo.connection().is_live() && !solo.connection().wants_write());
    solo.closes(&kick());
    solo.sends(6, &[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        solo.cause(),
        Cause::PeerGoodbye,
        "the last word was in the buffer"
    );
}

#[test]
fn an_end_without_evidence_is_still_a_fin() {
    let mut solo = Solo::live();
    solo.host.view = View::Blind;
    solo.fin();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
}

#[test]
fn a_read_of_zero_that_the_kernel_does_not_back_is_no_fin() {
    let mut solo = Solo::live();
    let mut readings = solo.readings();
    let kernel = crate::KernelSample {
        state: 7,
        ..solo.kernel()
    };
    readings.kernel = Some(kernel);
    solo.read_ends(Terminal::Eof, readings);
    assert_eq!(solo.ending().verdict.cause, Cause::PeerReset);
}

#[test]
fn an_abort_is_a_close_without_a_word_unless_something_came_first() {
    type Before = fn(&mut Solo);
    let earlier_events: [(Before, Cause); 6] = [
        (|_| {}, Cause::ClosedByGame),
        (|solo| solo.closes(&kick()), Cause::Kicked),
        (
            |solo| solo.sends(6, &[1, 0, 0, 0, 0, 0, 0, 0, 0]),
            Cause::PeerGoodbye,
        ),
        (
            |solo| solo.hears(Input::EndNoticed(solo.readings())),
            Cause::PeerFin,
        ),
        (
            |solo| {
                solo.stops_reading(0);
                solo.fin()
            },
            Cause::PeerFin,
        ),
        (
            |solo| {
                owe(solo);
                solo.fin()
            },
            Cause::PeerClosedWhileSending,
        ),
    ];
    for (n, (before, cause)) in earlier_events.into_iter().enumerate() {
        let mut solo = Solo::live();
        solo.host.view = View::Blind;
        before(&mut solo);
        let said = solo.outbound.log.len();
        if !solo.is_over() {
            solo.hears(Input::Abort(solo.readings()));
        }
        assert_eq!(solo.ending().verdict.cause, cause, "{n}");
        assert_eq!(solo.outbound.log.len(), said, "{n}: not a byte more");
    }
}

fn owe(solo: &mut Solo) {
    solo.stops_reading(0);
    let now = solo.now;
    solo.connection()
        .send(now, b"waiting")
        .expect("it is taken");
}

#[test]
fn a_client_that_names_a_cause_behind_its_code_is_not_believed() {
    for (code, game_cause) in [(4_096, Some(Cause::Kicked)), (80, None)] {
        let mut solo = Solo::live();
        let goodbye = Goodbye {
            over: true,
            code,
            game_cause,
            advice: 0,
            delay_ms: 0,
            address: "".into(),
            reason: "".into(),
        };
        solo.says(&encoded(|out| goodbye.encode(out)));
        solo.fin();
        assert_eq!(solo.ending().verdict.cause, Cause::PeerGoodbye);
        let peer_goodbye = solo.ending().peer_goodbye.as_ref().expect("it said one");
        assert_eq!((peer_goodbye.code, peer_goodbye.cause), (code, None));
    }
}
