//! What meets a connection whose end was seen, and whose cause does not stand yet.

use std::sync::Arc;

use crate::{Cause, Close, Connection, Knock, Message, Refusal, SessionId};

use super::super::harness::{ADMISSION, Answer, Host, millis, payloads, secs};
use super::lives::{Lives, config, patient};
use super::{KNOCK, confirmed};

/// The cause of the end is that of the departure, too. Nobody comes back behind a kick.
#[test]
fn a_decision_ends_the_session_of_which_an_end_was_seen() {
    for n in 0..4 {
        let mut solo = confirmed();
        solo.outbound.latency = secs(1);
        let now = solo.now;
        solo.connection().send(now, b"s0").expect("it is taken");
        solo.fin();
        assert!(!solo.is_over(), "its frame is not acknowledged");
        assert_eq!(solo.connection().check_knock(now, &KNOCK), Ok(()));
        let requests = &mut solo.host.mailbox.requests;
        let close = |cause| Some(Arc::new(Close::new(cause)));
        match n {
            0 => requests.close = close(Cause::Kicked),
            1 => requests.close = close(Cause::ReplacedByLogin),
            2 => requests.abort = true,
            _ => requests.drain_expired = Some(Arc::new(Message::default())),
        }
        solo.run();
        assert_eq!(
            solo.connection().check_knock(now, &KNOCK),
            Err(Refusal::Stale)
        );
        solo.advance(secs(10));
        assert!(!solo.connection().lives_on(), "{n}");
        let departed = solo.host.departed.as_ref().expect("the game was told");
        assert_eq!(departed.verdict.cause, solo.ending().verdict.cause);
        assert!(solo.host.lost.is_none(), "{n}");
    }
}

#[test]
fn a_client_that_ends_its_session_does_not_go_on_with_it_although_an_end_was_seen_first() {
    let mut lives = Lives::live();
    lives.pair.up.latency = secs(1);
    lives.pair.client_sends(b"c0");
    let now = lives.pair.now;
    lives.pair.down.fin(now);
    lives.pair.run();
    assert!(lives.pair.client.ending.is_none());
    lives.pair.client_closes(&Close::new(Cause::ClosedByGame));
    lives.pair.advance(secs(10));
    assert!(lives.pair.client.ending.is_some());
    assert!(!lives.pair.client.connection().lives_on());
}

/// Its frames that the server has not read come again.
#[test]
fn a_player_comes_back_while_its_game_has_yet_to_take_what_came_before_a_dead_path() {
    let mut lives = Lives::with(patient());
    lives.pair.server.reads = false;
    lives.pair.down.is_cut = true;
    lives.pair.server_sends(b"s0");
    let mut sent = 0;
    while lives.pair.server.connection().is_undecided() {
        assert!(sent < 200, "the path is dead");
        lives.pair.client_sends(b"c");
        lives.pair.advance(millis(100));
        sent += 1;
    }
    assert!(lives.pair.server.ending.is_none() && lives.pair.server.lost.is_none());
    let (next, knock) = lives.dials();
    drop(lives.adopts(next, &knock.expect("the session lives on")));
    lives.pair.run();
    assert_eq!(payloads(&lives.pair.server.seen).len(), sent);
    assert_eq!(payloads(&lives.pair.client.seen), [b"s0"]);
}

/// The check comes first: an attempt that is refused does not even hurry the end of an older connection.
#[test]
fn a_refused_knock_leaves_an_end_that_was_seen_as_it_is() {
    let mut solo = confirmed();
    solo.outbound.latency = secs(1);
    let now = solo.now;
    solo.connection().send(now, b"s0").expect("it is taken");
    solo.fin();
    let before = format!("{:?}", solo.connection());
    let next = Connection::server(Arc::new(config()), now);
    let mut newcomer = Host::new(next, Answer::Wait);
    let (session, readings) = (SessionId::from_bytes(ADMISSION.session), solo.readings());
    let ahead = Knock {
        received: 99,
        ..KNOCK
    };
    let refused = solo
        .host
        .goes_on(now, &mut newcomer, (session, &ahead), readings);
    assert_eq!(refused, Err(Refusal::Ahead));
    assert_eq!(format!("{:?}", solo.connection()), before);
}
