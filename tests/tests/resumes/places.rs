//! A player that comes back is no new one: a server that lets nobody in lets it in.

use std::time::Duration;

use lastword_server::{Cause, Phase};
use lastword_tests::{Raw, until};

use crate::game::{Game, Heard, Shape};
use crate::player::Player;
use crate::{LONG, with_window};

/// Waits until one session waits for its player.
async fn is_away(game: &Game) {
    until("a session is away", || {
        game.server.stats().sessions_suspended == 1
    })
    .await;
}

#[tokio::test]
async fn a_full_server_keeps_the_place_of_a_player_that_is_away_and_lets_it_in() {
    let mut config = with_window(LONG);
    config.admission.connections_max = 1;
    let mut game = Game::with(Shape::Handler, config).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    ann.is_reset();
    is_away(&game).await;
    assert_eq!(game.ends.end().await.cause(), Cause::PeerReset);
    let mut bob = Raw::connect(addr).await;
    bob.write(&lastword_tests::hello(b"bob")).await;
    assert_eq!(bob.goodbye_code().await, Some(Cause::ServerFull.code()));
    drop(bob);
    let end = game.ends.end().await;
    let phase = end.ending.verdict.phase;
    assert_eq!((end.cause(), phase), (Cause::ServerFull, Phase::Admission));
    ann.comes_back(addr).await;
    ann.says(b"back").await;
    assert_eq!(ann.hears().await, b"back");
    ann.is_reset();
    is_away(&game).await;
    ann.comes_back(addr).await;
    game.hears(&Heard::Back(3)).await;
    let stats = game.server.stats();
    assert!(stats.laws_hold());
    assert_eq!((stats.sessions_open, stats.connections_open), (1, 1));
}

#[tokio::test]
async fn a_guest_of_a_full_server_that_says_nothing_reads_why_after_2_s() {
    let mut config = with_window(LONG);
    config.admission.connections_max = 1;
    let mut game = Game::with(Shape::Handler, config).await;
    let addr = game.server.local_addr();
    let _ann = Player::join(addr, "ann").await;
    let mut silent = Raw::connect(addr).await;
    assert_eq!(silent.goodbye_code().await, Some(Cause::ServerFull.code()));
    drop(silent);
    let end = game.ends.end().await;
    assert_eq!(
        (end.cause(), end.ending.verdict.phase),
        (Cause::ServerFull, Phase::Admission)
    );
    // One that leaves before it heard why was refused, too.
    Raw::connect(addr).await.reset();
    assert_eq!(game.ends.end().await.cause(), Cause::ServerFull);
}

#[tokio::test]
async fn a_player_may_come_back_to_a_server_that_drains_until_its_goodbyes() {
    let mut game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    let _bob = Player::join(addr, "bob").await;
    ann.is_reset();
    is_away(&game).await;
    game.server.begin_drain(Duration::from_secs(600));
    let mut carl = Raw::connect(addr).await;
    carl.write(&lastword_tests::hello(b"carl")).await;
    let refused = Cause::RefusedDraining.code();
    assert_eq!(carl.goodbye_code().await, Some(refused));
    ann.comes_back(addr).await;
    ann.says(b"back").await;
    assert_eq!(ann.hears().await, b"back");
    assert_eq!(game.ends.end().await.cause(), Cause::PeerReset);
}

#[tokio::test]
async fn a_drain_does_not_wait_for_players_that_are_away() {
    let mut game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    ann.is_reset();
    is_away(&game).await;
    game.server.begin_drain(Duration::from_secs(600));
    game.hears(&Heard::Left("drained")).await;
    assert_eq!(game.ends.departure().await.cause.label(), "drained");
    lastword_tests::within("the server ends", game.server.closed()).await;
    assert!(game.server.stats().laws_hold());
}
