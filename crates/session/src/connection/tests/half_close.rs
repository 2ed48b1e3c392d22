//! The peer's FIN: our remaining data is written first, and only then is the cause fixed.

use super::super::{Input, Timer};
use crate::{Cause, Close, Detector, Message};

use super::harness::{Pair, Seen, Solo, frame, millis, secs};

fn owing() -> Solo {
    let mut solo = Solo::live();
    solo.stops_reading(10);
    for n in 0..3 {
        let now = solo.now;
        solo.connection().send(now, &[n; 96]).expect("it is taken");
    }
    solo.fin();
    solo
}

#[test]
fn a_fin_with_nothing_owed_is_peer_fin_at_once() {
    let mut solo = Solo::live();
    solo.fin();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
    assert_eq!(solo.ending().evidence.fin, Some(true));
    assert!(!solo.ending().abort);
    assert!(solo.outbound.log.is_empty(), "no goodbye to who has left");
}

#[test]
fn frames_sent_before_the_fin_reach_the_game_first() {
    for chunk in [1, 3, usize::MAX] {
        let mut solo = Solo::live();
        solo.inbound.chunk = chunk;
        solo.host.seen.clear();
        solo.inbound.write(solo.now, &frame(0, b"last"));
        solo.inbound.write(solo.now, &frame(0, b"word"));
        solo.fin();
        assert_eq!(
            solo.host.seen,
            [Seen::Data(b"last".to_vec()), Seen::Data(b"word".to_vec())]
        );
        assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
    }
}

#[test]
fn queued_frames_are_written_after_the_peers_fin() {
    let mut solo = owing();
    assert!(!solo.is_over());
    assert_eq!(
        solo.connection().poll_timeout(),
        (solo.now + secs(3), Timer::Linger)
    );
    solo.peer_reads = true;
    solo.run();
    assert_eq!(solo.written().len(), 3);
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
    assert_eq!(solo.ending().evidence.frames_unsent, 0);
}

#[test]
fn frames_that_the_peer_no_longer_takes_make_it_closed_while_sending() {
    let mut solo = owing();
    solo.advance(secs(3));
    assert_eq!(solo.ending().verdict.cause, Cause::PeerClosedWhileSending);
    let evidence = &solo.ending().evidence;
    assert_eq!((evidence.frames_out, evidence.frames_unsent), (1, 2));
    assert_eq!(evidence.bytes_unsent, 290);
}

#[test]
fn a_fin_waits_until_the_peers_kernel_has_everything() {
    let mut solo = Solo::live();
    solo.outbound.is_cut = true;
    let now = solo.now;
    solo.connection()
        .send(now, b"on its way")
        .expect("it is taken");
    solo.fin();
    assert!(!solo.is_over());
    solo.outbound.is_cut = false;
    solo.advance(millis(1));
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
}

#[test]
fn data_that_the_peers_kernel_never_acknowledged_makes_it_closed_while_sending() {
    let mut solo = Solo::live();
    solo.outbound.is_cut = true;
    let now = solo.now;
    solo.connection()
        .send(now, b"on its way")
        .expect("it is taken");
    solo.fin();
    solo.advance(secs(3));
    assert_eq!(solo.ending().verdict.cause, Cause::PeerClosedWhileSending);
    assert_eq!(solo.ending().evidence.bytes_unacked, Some(14));
    assert_eq!(solo.ending().evidence.detector, None::<Detector>);
}

#[test]
fn a_reset_that_answers_our_data_makes_it_closed_while_sending() {
    let mut solo = Solo::live();
    solo.outbound.is_reader_gone = true;
    solo.inbound.fin(solo.now);
    let now = solo.now;
    solo.connection().send(now, b"unsent").expect("it is taken");
    solo.run();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerClosedWhileSending);
}

#[test]
fn a_write_that_fails_after_the_fin_makes_it_closed_while_sending() {
    let mut solo = owing();
    solo.hears(Input::WriteFailed(solo.readings()));
    assert_eq!(solo.ending().verdict.cause, Cause::PeerClosedWhileSending);
}

#[test]
fn a_decision_after_the_fin_is_not_the_cause() {
    let decisions: [fn(&mut Solo); 3] = [
        |solo| solo.closes(&Close::new(Cause::Kicked)),
        |solo| solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired))),
        |solo| solo.pauses(),
    ];
    for decide in decisions {
        let mut solo = owing();
        decide(&mut solo);
        assert!(!solo.is_over());
        solo.peer_reads = true;
        solo.run();
        assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
        assert_eq!(solo.written().len(), 3, "three frames and no goodbye");
    }
}

#[test]
fn the_game_may_send_until_everything_is_flushed() {
    let mut solo = owing();
    let now = solo.now;
    assert_eq!(solo.connection().send(now, &[3; 96]), Ok(()));
    solo.outbound.is_cut = true;
    solo.outbound.capacity = usize::MAX;
    solo.run();
    assert!(!solo.is_over(), "it settles");
    assert_eq!(
        solo.connection().send(now, b"late"),
        Ok(()),
        "and not written"
    );
    assert_eq!(solo.written().len(), 4);
}

#[test]
fn a_fin_inside_a_frame_is_distinguished_from_one_between_frames() {
    let mut solo = Solo::live();
    solo.says(&frame(0, &[1; 100])[..30]);
    solo.fin();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFinMidFrame);
    assert_eq!(solo.ending().evidence.partial_frame, Some((30, Some(104))));
}

#[test]
fn a_reset_inside_a_frame_and_one_after_an_outage_have_their_own_causes() {
    let mut plain = Solo::live();
    plain.reset();
    assert_eq!(plain.ending().verdict.cause, Cause::PeerReset);
    let mut inside = Solo::live();
    inside.says(&[0]);
    inside.reset();
    assert_eq!(inside.ending().verdict.cause, Cause::PeerResetMidFrame);
    let mut outage = Solo::live();
    outage.outbound.is_cut = true;
    let now = outage.now;
    outage.connection().send(now, b"lost").expect("it is taken");
    outage.run();
    outage.reset();
    assert_eq!(outage.ending().verdict.cause, Cause::ResetAfterOutage);
}

#[test]
fn two_orderly_ends_see_each_others_close() {
    let mut pair = Pair::live();
    pair.server_sends(b"unread");
    pair.client_closes(&Close::new(Cause::ClosedByGame));
    let server = pair.server.ending.as_ref().expect("it is over");
    assert_eq!(server.verdict.cause, Cause::PeerGoodbye);
    let client = pair.client.ending.as_ref().expect("it is over");
    assert_eq!(client.verdict.cause, Cause::ClosedByGame);
}

#[test]
fn a_pong_on_its_way_when_the_peer_closes_is_no_lost_data() {
    for (data_before, data_behind, cause) in [
        (false, false, Cause::PeerFin),
        (true, false, Cause::PeerFin),
        (true, true, Cause::PeerClosedWhileSending),
    ] {
        let mut solo = Solo::live();
        let send = |solo: &mut Solo| {
            let now = solo.now;
            solo.connection().send(now, b"state").expect("it is taken");
            solo.run();
        };
        if data_before {
            send(&mut solo);
        }
        // Nothing arrives, or is acknowledged, from here on.
        solo.outbound.latency = secs(60);
        if data_behind {
            send(&mut solo);
        }
        solo.sends(3, &[0; 16]);
        assert!(solo.kernel().outq > 0, "the pong is on its way");
        solo.fin();
        solo.advance(secs(4));
        assert_eq!(solo.ending().verdict.cause, cause);
    }
}

#[test]
fn a_pong_that_cannot_be_written_is_no_lost_data() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    solo.sends(3, &[0; 16]);
    assert!(solo.connection().wants_write());
    solo.fin();
    solo.advance(secs(4));
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
}
