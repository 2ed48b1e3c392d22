//! When the game hears of an end: as soon as the cause stands and it has taken what came before, while the connection
//! may live on for its linger.

use std::time::Duration;

use super::super::Input;
use crate::{Cause, Close, GoodbyeProgress};

use super::harness::{Answer, Pair, Solo, View, frame, millis, secs};

const LINGER: Duration = secs(3);

/// The cause that the game heard.
fn heard(solo: &Solo) -> Option<Cause> {
    solo.host.departed.as_ref().map(|end| end.verdict.cause)
}

#[test]
fn a_kicked_player_departs_at_once_and_its_connection_after_the_linger() {
    let mut solo = Solo::live();
    solo.closes(&Close::new(Cause::Kicked));
    assert_eq!(heard(&solo), Some(Cause::Kicked));
    assert!(!solo.is_over(), "the goodbye may still be read");
    solo.advance(LINGER);
    assert_eq!(solo.ending().verdict.cause, Cause::Kicked);
}

/// The farewell is what the linger finds: it completes the record, and the game does not wait for it.
#[test]
fn the_record_tells_of_the_farewell_that_the_game_did_not_wait_for() {
    let mut pair = Pair::live();
    pair.server_closes(&Close::new(Cause::ClosedByGame));
    let heard = pair.server.departed.as_ref().expect("it departed");
    assert!(heard.evidence.farewell < GoodbyeProgress::FinSeen);
    let record = pair.server.ending.as_ref().expect("it is over");
    assert_eq!(record.evidence.farewell, GoodbyeProgress::FinSeen);
    assert_eq!(record.verdict, heard.verdict);
}

/// The bound that is printed for a silence is the bound of the departure.
#[test]
fn a_frozen_player_departs_at_the_dead_limit() {
    let mut solo = Solo::live();
    solo.peer_reads = false;
    let joined = solo.now;
    while heard(&solo).is_none() {
        let (at, timer) = solo.connection().poll_timeout();
        assert!(at.since(joined) <= secs(60), "{timer:?}");
        solo.advance(at.since(solo.now));
    }
    let (told, cause) = (solo.now, heard(&solo));
    assert!(cause.is_some_and(Cause::is_silent), "{cause:?}");
    let verdict = solo.host.departed.as_ref().expect("it departed").verdict;
    assert_eq!(told, verdict.at);
}

#[test]
fn a_drained_player_departs_when_it_leaves() {
    let mut solo = Solo::live();
    let mut close = Close::new(Cause::Drained);
    close.linger = Some(secs(10));
    solo.closes(&close);
    solo.advance(secs(9));
    assert_eq!(heard(&solo), None, "it may leave in time, or not");
    solo.fin();
    assert_eq!(heard(&solo), Some(Cause::Drained));
}

/// It takes none of our last words, so nothing but its FIN tells that it left.
#[test]
fn a_drained_player_that_left_without_reading_was_drained() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    let mut close = Close::new(Cause::Drained);
    close.linger = Some(secs(10));
    solo.closes(&close);
    assert_eq!(heard(&solo), None);
    solo.fin();
    assert_eq!(heard(&solo), Some(Cause::Drained));
    assert!(!solo.is_over(), "the goodbye waits to be written");
    solo.advance(secs(10));
    assert_eq!(solo.ending().verdict.cause, Cause::Drained);
}

#[test]
fn a_drained_player_that_stays_departs_at_the_deadline() {
    let mut solo = Solo::live();
    let mut close = Close::new(Cause::Drained);
    close.linger = Some(secs(10));
    solo.closes(&close);
    solo.advance(secs(10) - millis(1));
    assert_eq!(heard(&solo), None);
    solo.advance(millis(1));
    assert_eq!(heard(&solo), Some(Cause::DrainExpired));
    assert_eq!(solo.ending().verdict.cause, Cause::DrainExpired);
}

/// A game that was not waited for while the drain lasted has its time when the cause stands.
#[test]
fn a_slow_game_has_the_linger_timeout_from_the_moment_at_which_a_drain_is_decided() {
    let mut solo = Solo::live();
    solo.host.answers = false;
    solo.says(&frame(0, b"frame"));
    let mut close = Close::new(Cause::Drained);
    close.linger = Some(secs(10));
    solo.closes(&close);
    solo.takes(1);
    solo.advance(secs(9));
    solo.fin();
    solo.advance(LINGER - millis(1));
    assert_eq!(heard(&solo), None);
    solo.advance(millis(1));
    assert_eq!(heard(&solo), Some(Cause::Drained));
}

/// The linger ends first; the record still comes after the departure.
#[test]
fn a_slow_game_delays_its_own_departure_and_the_record() {
    let mut solo = Solo::live();
    solo.host.answers = false;
    solo.says(&frame(0, b"frame"));
    solo.closes(&Close::new(Cause::Idle));
    solo.fin();
    assert!(heard(&solo).is_none() && !solo.is_over());
    solo.host.answers = true;
    solo.run();
    assert_eq!(heard(&solo), Some(Cause::Idle));
    assert!(solo.is_over());
}

/// The game itself wants the end, and may take the frames later.
#[test]
fn a_kick_does_not_wait_for_a_game_that_has_frames_to_take() {
    for cause in [Cause::Kicked, Cause::ClosedByGame] {
        let mut solo = Solo::live();
        solo.host.answers = false;
        solo.says(&frame(0, b"frame"));
        solo.takes(1);
        solo.closes(&Close::new(cause));
        assert_eq!(heard(&solo), Some(cause));
        assert_eq!(solo.goodbye_code(), cause.code(), "it is written first");
        assert!(!solo.is_over(), "it may still be read");
    }
}

#[test]
fn a_connection_that_may_not_linger_closes_at_once_and_written_bytes_stay_written() {
    let mut solo = Solo::live();
    solo.closes(&Close::new(Cause::Kicked));
    let code = solo.goodbye_code();
    let readings = solo.readings();
    solo.hears(Input::LingerRefused(readings));
    assert!(solo.is_over());
    assert_eq!(solo.ending().verdict.cause, Cause::Kicked);
    assert!(!solo.ending().abort, "a reset could overtake the goodbye");
    assert_eq!(code, Cause::Kicked.code());
}

#[test]
fn a_peer_that_was_never_let_in_departs_too_so_that_its_place_is_free() {
    let refusal = Close::new(Cause::AuthRejected);
    let mut solo = Solo::server_with(crate::Config::default(), Answer::Refuse(refusal));
    solo.says(&super::harness::encoded(|out| {
        super::harness::HELLO.encode(out)
    }));
    assert_eq!(heard(&solo), Some(Cause::AuthRejected));
    assert!(!solo.is_over());
}

/// Without a word of the kernel, the departure does not wait for one that comes with the record.
#[test]
fn a_departure_needs_no_kernel() {
    let mut solo = Solo::live();
    solo.host.view = View::Blind;
    solo.closes(&Close::new(Cause::Kicked));
    assert_eq!(heard(&solo), Some(Cause::Kicked));
}
