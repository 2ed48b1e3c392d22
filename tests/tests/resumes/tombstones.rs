//! Sessions that were ended while their player was away: a player with a token that was valid reads why.

use std::time::Duration;

use lastword_server::{Advice, Cause, GameCode, Kick, SessionId};
use lastword_session::wire::Goodbye;
use lastword_tests::until;

use crate::LONG;
use crate::game::{Game, Heard, Shape};
use crate::player::{Answer, Player};

async fn is_away(game: &Game) {
    until("the session is away", || {
        game.server.stats().sessions_suspended == 1
    })
    .await;
}

fn spam() -> Kick {
    Kick::because("for spam")
        .with_code(GameCode::new(4_242).unwrap())
        .with_advice(Advice::DoNot)
}

/// Asks to go on with the session. Returns the goodbye that answers.
async fn reads(ann: &mut Player, game: &mut Game) -> Goodbye<'static> {
    let (answer, _) = ann.knock(game.server.local_addr()).await;
    assert!(
        matches!(answer, Answer::Goodbye { over: true, .. }),
        "{answer:?}"
    );
    ann.exchange(None);
    let end = game.ends.end().await;
    assert_eq!(end.cause(), Cause::ResumeRefused, "the session is over");
    ann.goodbye.take().unwrap()
}

#[tokio::test]
async fn a_player_that_was_kicked_while_it_was_away_reads_the_words_of_the_kick() {
    for shape in [Shape::Handler, Shape::Session, Shape::Tick] {
        let mut game = Game::start(shape, LONG).await;
        let mut ann = Player::join(game.server.local_addr(), "ann").await;
        ann.is_reset();
        assert_eq!(game.ends.end().await.cause(), Cause::PeerReset);
        is_away(&game).await;
        let session = SessionId::from_bytes(ann.session);
        game.server.kick(session, spam()).unwrap();
        game.hears(&Heard::Left("kicked")).await;
        for _ in 0..3 {
            let goodbye = reads(&mut ann, &mut game).await;
            assert_eq!((goodbye.code, &*goodbye.reason), (4_242, "for spam"));
            assert_eq!(goodbye.game_cause, Some(Cause::Kicked));
            assert_eq!(goodbye.advice, Advice::DoNot.code());
        }
        assert!(game.server.stats().laws_hold());
    }
}

#[tokio::test]
async fn a_tombstone_is_read_only_with_a_token_that_was_valid() {
    let mut game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    ann.is_reset();
    game.ends.end().await;
    is_away(&game).await;
    // Its first token is stale: the next one is confirmed.
    let stale = ann.token.clone();
    ann.comes_back(addr).await;
    game.hears(&Heard::Back(2)).await;
    ann.is_reset();
    game.ends.end().await;
    is_away(&game).await;
    let session = SessionId::from_bytes(ann.session);
    game.server.kick(session, spam()).unwrap();
    game.hears(&Heard::Left("kicked")).await;
    let valid = ann.token.clone();
    let mut wrong: Vec<Vec<u8>> = (0..valid.len())
        .map(|byte| {
            let mut token = valid.clone();
            token[byte] ^= 1;
            token
        })
        .collect();
    wrong.extend([stale, Vec::new(), vec![0; 32]]);
    let mut refusals = Vec::new();
    for token in wrong {
        ann.token = token;
        refusals.push(reads(&mut ann, &mut game).await);
    }
    ann.token.clone_from(&valid);
    ann.session[3] ^= 1;
    let unknown = reads(&mut ann, &mut game).await;
    assert_eq!(unknown.code, Cause::ResumeRefused.code());
    for refusal in refusals {
        assert_eq!(refusal, unknown, "the same as for an unknown session");
    }
    ann.session[3] ^= 1;
    assert_eq!(reads(&mut ann, &mut game).await.code, 4_242);
}

#[tokio::test]
async fn a_tombstone_lasts_for_the_rest_of_the_window() {
    let mut game = Game::start(Shape::Handler, Duration::from_millis(1_500)).await;
    let mut ann = Player::join(game.server.local_addr(), "ann").await;
    ann.is_reset();
    game.ends.end().await;
    is_away(&game).await;
    let session = SessionId::from_bytes(ann.session);
    game.server.kick(session, spam()).unwrap();
    let mut codes = Vec::new();
    while codes.last() != Some(&Cause::ResumeRefused.code()) {
        codes.push(reads(&mut ann, &mut game).await.code);
    }
    codes.pop();
    assert!(codes.iter().all(|code| *code == 4_242), "{codes:?}");
}

/// The connection is lost in between, so the goodbye is not read.
#[tokio::test]
async fn a_player_that_did_not_read_the_goodbye_of_its_kick_reads_it_when_it_comes_back() {
    let mut game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    let session = SessionId::from_bytes(ann.session);
    game.server.kick(session, spam()).unwrap();
    ann.is_reset();
    assert_eq!(game.ends.end().await.cause(), Cause::Kicked);
    assert_eq!(reads(&mut ann, &mut game).await.code, 4_242);
}

#[tokio::test]
async fn a_player_that_read_the_goodbye_of_its_kick_needs_no_tombstone() {
    let mut game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    let session = SessionId::from_bytes(ann.session);
    game.server.kick(session, spam()).unwrap();
    assert_eq!(ann.raw().goodbye_code().await, Some(4_242));
    ann.exchange(None);
    assert_eq!(game.ends.end().await.cause(), Cause::Kicked);
    let unknown = reads(&mut ann, &mut game).await;
    assert_eq!(unknown.code, Cause::ResumeRefused.code());
}
