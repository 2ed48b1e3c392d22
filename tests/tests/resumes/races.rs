//! Several connections that ask for one session at the same time.

use std::time::{Duration, Instant};

use lastword_server::Cause;
use lastword_session::wire::Previous;
use lastword_tests::{goodbye, within};
use tokio::task::JoinSet;

use crate::LONG;
use crate::game::{Game, Heard, Shape};
use crate::player::{Answer, Player};

const RACERS: u32 = 8;

/// Eight connections with the same token say hello at once. Returns those that have the session afterwards: the game
/// answers them.
async fn race(game: &Game, ann: &Player, numbered: bool) -> Vec<Player> {
    let addr = game.server.local_addr();
    let mut racers = JoinSet::new();
    for n in 1..=RACERS {
        let mut racer = ann.copy();
        racer.tells = numbered.then(|| Previous {
            attempt: n,
            ..Previous::default()
        });
        racers.spawn(async move {
            let (answer, _) = racer.knock(addr).await;
            let is_in = matches!(answer, Answer::Welcome { .. });
            if is_in {
                // A newer connection may have replaced it already: then nobody reads this.
                racer.acks_if_it_can().await;
            }
            is_in.then_some(racer)
        });
    }
    let raced = within("all have an answer", racers.join_all()).await;
    let mut owners = Vec::new();
    for mut racer in raced.into_iter().flatten() {
        if racer.is_answered(b"mine").await {
            owners.push(racer);
        }
    }
    owners
}

/// `RACES` sets another number of rounds than 20.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_that_ask_at_once_one_has_the_session() {
    let rounds = std::env::var("RACES").map_or(20, |text| text.parse().expect("a number"));
    let mut game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let mut ann = Player::join(addr, "ann").await;
        if round % 3 == 0 {
            ann.is_reset();
        }
        let start = Instant::now();
        let mut owners = race(&game, &ann, round % 2 == 0).await;
        slowest = slowest.max(start.elapsed());
        assert_eq!(owners.len(), 1, "round {round}");
        owners[0].raw().write(&goodbye()).await;
        drop((ann, owners));
        while game.ends.departure().await.cause != Cause::PeerGoodbye.into() {}
        game.ends.more();
    }
    println!("{rounds} races of {RACERS}: one owner each, the slowest after {slowest:?}");
    let joined = game
        .heard()
        .iter()
        .filter(|heard| **heard == Heard::Joined)
        .count();
    let left = Heard::Left("peer_goodbye");
    let left = game.heard().iter().filter(|heard| **heard == left).count();
    assert_eq!((joined, left), (rounds, rounds));
    assert!(game.server.stats().laws_hold());
}
