//! Hellos that may not go on with a session: they change nothing.

use lastword_server::{Cause, SessionId};
use lastword_tests::until;

use crate::LONG;
use crate::game::{Game, Heard, Shape};
use crate::player::{Answer, Player};

fn is_refused(answer: &Answer) -> bool {
    let refused = Cause::ResumeRefused.code();
    matches!(answer, Answer::Goodbye { code, .. } if *code == refused)
}

#[tokio::test]
async fn a_wrong_token_and_an_unknown_session_are_refused_alike_and_change_nothing() {
    let mut game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    let (session, token) = (ann.session, ann.token.clone());
    let mut older = None;
    let bits = (0..token.len() * 8).step_by(7);
    let all_refused = bits.len() as u64 + 1;
    for bit in bits {
        ann.token[bit / 8] ^= 1 << (bit % 8);
        let (answer, raw) = ann.knock(addr).await;
        older = older.or(raw);
        assert!(is_refused(&answer), "bit {bit}: {answer:?}");
        ann.exchange(None);
        assert_eq!(game.ends.end().await.cause(), Cause::ResumeRefused);
        ann.token.clone_from(&token);
    }
    ann.session[3] ^= 1;
    assert!(is_refused(&ann.knock(addr).await.0));
    let refused = game.server.stats().resumes_refused;
    assert_eq!(refused, [("stale", all_refused)]);
    ann.session = session;
    ann.exchange(older);
    ann.says(b"still here").await;
    assert_eq!(ann.hears().await, b"still here");
    let frame = Heard::Frame(b"still here".to_vec());
    assert_eq!(game.heard(), [Heard::Joined, frame]);
}

#[tokio::test]
async fn a_player_that_claims_more_than_was_sent_is_refused_and_may_come_back_rightly() {
    let game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    ann.is_reset();
    until("it is away", || game.server.stats().sessions_suspended == 1).await;
    ann.received.push(b"never sent".to_vec());
    assert!(is_refused(&ann.knock(addr).await.0));
    assert_eq!(game.server.stats().resumes_refused, [("ahead", 1)]);
    ann.received.clear();
    ann.comes_back(addr).await;
    assert_eq!(ann.connection, 2);
    game.hears(&Heard::Back(2)).await;
}

#[tokio::test]
async fn an_offered_token_is_worth_as_much_as_the_confirmed_one_until_the_next_ack() {
    let game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    let confirmed = ann.token.clone();
    ann.is_reset();
    until("it is away", || game.server.stats().sessions_suspended == 1).await;
    // Its welcome is lost, again and again: the same token is offered each time.
    let mut offered = None;
    for _ in 0..3 {
        ann.token.clone_from(&confirmed);
        let (answer, _) = ann.knock(addr).await;
        assert!(matches!(answer, Answer::Welcome { .. }), "{answer:?}");
        assert_eq!(*offered.get_or_insert_with(|| ann.token.clone()), ann.token);
    }
    // The client has the offered one: that confirms it.
    ann.comes_back(addr).await;
    game.hears(&Heard::Back(5)).await;
    ann.token = confirmed;
    assert!(is_refused(&ann.knock(addr).await.0), "it is stale now");
    let session = SessionId::from_bytes(ann.session);
    assert!(game.server.send(session, b"hi").is_ok());
}
