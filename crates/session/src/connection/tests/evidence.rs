//! The record of an end: its counts, its ages and the trail.

use std::time::Duration;

use super::super::Input;
use crate::{Cause, Close, Config, Layer, Traffic};

use super::harness::{
    Answer, HEARTBEAT, HELLO, Pair, START, Solo, View, encoded, millis, pong_to, secs,
};

#[test]
fn ages_and_counts_are_those_of_the_connection() {
    let mut pair = Pair::live();
    pair.client_sends(b"one");
    pair.client_sends(b"two");
    pair.server_sends(b"three");
    pair.advance(secs(4));
    pair.client_closes(&Close::new(Cause::ClosedByGame));
    let server = &pair.server.ending.as_ref().expect("it is over").evidence;
    assert_eq!((server.frames_in, server.frames_out), (2, 1));
    assert_eq!(
        server.bytes_in,
        u64::try_from(pair.up.log.len()).expect("it fits")
    );
    assert_eq!(
        server.bytes_out,
        u64::try_from(pair.down.log.len()).expect("it fits")
    );
    assert_eq!((server.age, server.live_for), (secs(4), secs(4)));
    assert_eq!(server.frames_unacked, 1, "no ack was due");
    assert_eq!(server.silent_for, None);
}

#[test]
fn the_last_byte_is_the_last_byte_and_no_welcome_or_pause() {
    let mut solo = Solo::server_with(Config::default(), Answer::Wait);
    solo.advance(secs(1));
    solo.says(&encoded(|out| HELLO.encode(out)));
    solo.advance(secs(2));
    solo.hears(Input::Admit(super::harness::ADMISSION));
    solo.pauses();
    solo.advance(secs(3));
    solo.resumes();
    solo.advance(secs(1));
    solo.fin();
    let evidence = &solo.ending().evidence;
    assert_eq!(evidence.last_byte_in, Some(secs(6)));
    assert_eq!((evidence.age, evidence.live_for), (secs(7), secs(4)));
}

#[test]
fn a_peer_that_sent_nothing_has_no_last_byte() {
    let mut solo = Solo::server();
    solo.fin();
    let evidence = &solo.ending().evidence;
    assert_eq!(
        (evidence.last_byte_in, evidence.last_pong, evidence.rtt),
        (None, None, None)
    );
    assert_eq!(evidence.live_for, Duration::ZERO);
}

#[test]
fn the_last_pong_and_the_round_trip_are_the_heartbeats() {
    let mut solo = Solo::live_client();
    solo.advance(HEARTBEAT + millis(20));
    let pong = pong_to(&solo.written(), 0);
    solo.says(&pong);
    let told = solo.connection().round_trip();
    assert!(told.clock_offset().is_some());
    solo.advance(secs(1));
    solo.fin();
    let evidence = &solo.ending().evidence;
    assert_eq!(
        (evidence.last_pong, evidence.rtt, evidence.rtt_variance),
        (Some(secs(1)), Some(millis(20)), Some(millis(10)))
    );
    assert_eq!(evidence.clock_offset, told.clock_offset());
}

#[test]
fn bytes_read_after_the_end_was_noticed_are_drained_bytes() {
    let mut solo = Solo::live();
    solo.hears(Input::EndNoticed(solo.readings()));
    solo.sends(0, &[1; 100]);
    solo.reset();
    assert_eq!(solo.ending().evidence.bytes_drained, 104);
}

#[test]
fn the_trail_tells_what_happened_in_its_order() {
    let mut solo = Solo::live();
    solo.hears(Input::EndNoticed(solo.readings()));
    solo.advance(millis(5));
    solo.closes(&Close::new(Cause::Kicked));
    solo.reset();
    let trail: Vec<_> = solo
        .ending()
        .trail
        .iter()
        .map(|event| (event.layer, event.what))
        .collect();
    assert_eq!(trail[0], (Layer::Socket, "end_noticed"));
    assert_eq!(trail[1], (Layer::Game, "close_after_end"));
    assert_eq!(solo.ending().trail[0].at, START);
    assert_eq!(solo.ending().trail[1].at, START + millis(5));
}

#[test]
fn a_trail_has_eight_events_at_most() {
    let mut solo = Solo::live();
    solo.hears(Input::EndNoticed(solo.readings()));
    for _ in 0..100 {
        solo.closes(&Close::new(Cause::Kicked));
    }
    solo.reset();
    assert_eq!(solo.ending().trail.len(), 8);
}

#[test]
fn the_kernels_words_are_kept_and_their_absence_is_no_claim() {
    let mut told = Solo::live();
    told.host.view = View::Unanswered {
        retransmits: 3,
        probes: 1,
    };
    told.reset();
    let kernel = told.ending().evidence.kernel.expect("it was there");
    assert_eq!((kernel.retransmits, kernel.probes), (3, 1));
    assert_eq!(told.ending().evidence.fin, Some(false));
    let mut blind = Solo::live();
    blind.host.view = View::Blind;
    blind.reset();
    let evidence = &blind.ending().evidence;
    assert_eq!(
        (evidence.kernel, evidence.fin, evidence.bytes_unacked),
        (None, None, None)
    );
}

#[test]
fn traffic_is_counted_from_wherever_one_looks() {
    let mut solo = Solo::live();
    let opening = solo.connection().traffic();
    assert_eq!((opening.frames_in, opening.frames_out), (0, 0));
    assert!(opening.bytes_in > 0 && opening.bytes_out > 0);
    solo.sends(0, b"one");
    let now = solo.now;
    solo.connection().send(now, b"two").expect("it is taken");
    solo.run();
    let traffic = Traffic {
        frames_in: 1,
        frames_out: 1,
        bytes_in: 7,
        bytes_out: 7,
        ..Traffic::default()
    };
    let total = solo.connection().traffic();
    assert_eq!(total.since(opening), traffic);
    assert_eq!(total.since(total), Traffic::default());
}

/// The cause of a session's end, and the ages in its evidence. Its peer never closes, so we linger.
fn ages(mut solo: Solo) -> (Cause, Duration, Duration) {
    solo.advance(secs(120));
    let ending = solo.ending();
    let evidence = &ending.evidence;
    (ending.verdict.cause, evidence.age, evidence.live_for)
}

#[test]
fn an_end_is_as_old_as_its_decision_however_long_it_lingers() {
    let mut waits = Solo::server_with(Config::default(), Answer::Wait);
    waits.advance(secs(1));
    waits.says(&encoded(|out| HELLO.encode(out)));
    let mut mid_frame = Solo::live();
    mid_frame.advance(secs(2));
    mid_frame.says(&[0, 0, 9]);
    let mut kicked = Solo::live();
    kicked.advance(secs(2));
    kicked.closes(&Close::new(Cause::Kicked));
    let mut mute = Solo::server();
    mute.says(&[0]);

    let mut heard = Solo::server();
    heard.advance(secs(1));
    heard.says(&[0]);
    heard.advance(secs(60));
    let last_byte = heard.ending().evidence.last_byte_in;
    assert_eq!(last_byte, Some(secs(4)), "before the deadline");
    assert_eq!(ages(mute), (Cause::HelloTimeout, secs(5), secs(0)));
    assert_eq!(ages(waits), (Cause::AuthTimeout, secs(6), secs(0)));
    assert_eq!(ages(mid_frame), (Cause::FrameTimeout, secs(12), secs(12)));
    assert_eq!(ages(kicked), (Cause::Kicked, secs(2), secs(2)));
}

/// Everything that comes after the decision has a name of its own.
#[test]
fn the_evidence_of_a_decision_is_of_its_moment_and_the_rest_is_late() {
    for reset in [false, true] {
        let mut solo = Solo::live();
        solo.advance(secs(2));
        solo.sends(0, b"last");
        solo.advance(millis(500));
        let before = solo.connection().traffic();
        solo.closes(&Close::new(Cause::Kicked));
        let at = solo.now;
        solo.host.view = View::Unanswered {
            retransmits: 3,
            probes: 2,
        };
        solo.advance(secs(1));
        solo.sends(0, b"late");
        solo.advance(secs(1));
        if reset {
            solo.reset();
        } else {
            solo.fin();
        }
        let ending = solo.ending();
        let evidence = &ending.evidence;
        assert_eq!(
            (ending.verdict.at, evidence.age),
            (at, millis(2_500)),
            "reset: {reset}"
        );
        assert_eq!(evidence.last_byte_in, Some(millis(500)));
        assert_eq!((evidence.fin, ending.first_error), (Some(false), None));
        let kernel = evidence.kernel.expect("it was there");
        assert_eq!(
            (kernel.state, kernel.retransmits, kernel.probes),
            (1, 0, 0),
            "established, and all is acknowledged"
        );
        assert_eq!(evidence.lingered, secs(2));
        assert_eq!(evidence.late_bytes_in, 8);
        assert_eq!(evidence.bytes_in, before.bytes_in + 8);
        assert_eq!(
            (evidence.late_fin, evidence.late_error.is_some()),
            (!reset, reset)
        );
    }
}

/// An end of the peer fixes the cause in the moment in which it closes the connection.
#[test]
fn nothing_is_late_at_an_end_without_a_linger() {
    for reset in [false, true] {
        let mut solo = Solo::live();
        solo.sends(0, b"last");
        if reset {
            solo.reset();
        } else {
            solo.fin();
        }
        let ending = solo.ending();
        let evidence = &ending.evidence;
        assert_eq!(evidence.fin, Some(!reset));
        assert_eq!(ending.first_error.is_some(), reset);
        assert_eq!(
            (evidence.lingered, evidence.late_bytes_in),
            (Duration::ZERO, 0)
        );
        assert_eq!((evidence.late_fin, evidence.late_error), (false, None));
    }
}

/// A client that stays until the drain's deadline has another cause there, and the evidence for it.
#[test]
fn a_verdict_that_replaces_another_has_the_evidence_of_its_own_moment() {
    let mut solo = Solo::live();
    solo.closes(&Close::new(Cause::Drained));
    solo.advance(secs(1));
    solo.sends(0, b"still here");
    let message = crate::Message::of(Cause::DrainExpired);
    solo.hears(Input::DrainExpired(&message));
    let ending = solo.ending();
    assert_eq!(ending.verdict.cause, Cause::DrainExpired);
    assert_eq!(ending.evidence.age, secs(1));
    assert_eq!(ending.evidence.last_byte_in, Some(Duration::ZERO));
    assert_eq!(ending.evidence.late_bytes_in, 0);
}
