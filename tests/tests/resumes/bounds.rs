//! What a session that waits for its player may hold, how long it waits, and who may come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lastword_server::{
    Cause, Context, Handler, Link, Player as Named, SendError, Server, SessionId,
};
use lastword_tests::until;

use crate::game::{Game, Heard, Shape};
use crate::player::{Answer, Player};
use crate::{LONG, with_window};

async fn is_away(game: &Game, count: u64) {
    until("it is away", || {
        game.server.stats().sessions_suspended == count
    })
    .await;
}

#[tokio::test]
async fn all_away_sessions_share_one_bound_and_the_rest_is_told_at_the_return() {
    let mut config = with_window(LONG);
    config.sessions.held_bytes_max = 10_000;
    let game = Game::with(Shape::Handler, config).await;
    let addr = game.server.local_addr();
    let mut players = [
        Player::join(addr, "ann").await,
        Player::join(addr, "bob").await,
    ];
    let ids = [0, 1].map(|n: usize| SessionId::from_bytes(players[n].session));
    players.iter_mut().for_each(Player::is_reset);
    is_away(&game, 2).await;
    let mut taken = 0;
    let payload = [7; 996];
    while game.server.send(ids[taken % 2], &payload).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 10, "a frame has a header of 4 bytes");
    assert_eq!(
        game.server.send(ids[0], &payload),
        Err(SendError::QueueFull)
    );
    let [ann, bob] = &mut players;
    ann.comes_back(addr).await;
    for _ in 0..5 {
        assert_eq!(ann.hears().await, payload);
    }
    // What ann does not hold any more is free for bob.
    until("there is room", || {
        game.server.send(ids[1], &payload).is_ok()
    })
    .await;
    bob.comes_back(addr).await;
    for _ in 0..6 {
        assert_eq!(bob.hears().await, payload);
    }
    assert!(game.server.stats().laws_hold());
}

/// Counts the frames that were refused.
struct Told(Arc<std::sync::Mutex<Option<u64>>>);

impl Handler for Told {
    fn frame(&mut self, _: &mut Context<'_, '_>, _: &[u8]) {}

    fn link(&mut self, _: &mut Context<'_, '_>, link: Link) {
        if let Link::Back(back) = link {
            *self.0.lock().unwrap() = Some(back.refused_frames);
        }
    }
}

#[tokio::test]
async fn the_game_hears_how_many_frames_it_could_not_send() {
    let told = Arc::default();
    let mut config = with_window(LONG);
    config.limits.outbound_bytes_max = 102_400;
    let heard = Arc::clone(&told);
    let server = Server::builder().config(config).listen("127.0.0.1:0");
    let server = server
        .serve(move |_: &Named| Told(Arc::clone(&heard)))
        .await
        .unwrap();
    let mut ann = Player::join(server.local_addr(), "ann").await;
    let id = SessionId::from_bytes(ann.session);
    ann.is_reset();
    until("it is away", || server.stats().sessions_suspended == 1).await;
    let mut refused = 0;
    for _ in 0..300 {
        refused += u64::from(server.send(id, &[7; 1_020]).is_err());
    }
    assert_eq!(refused, 300 - 200, "twice the limit waits");
    ann.comes_back(server.local_addr()).await;
    until("the game was told", || {
        *told.lock().unwrap() == Some(refused)
    })
    .await;
}

#[tokio::test]
async fn a_game_may_hold_an_away_session_for_longer_or_end_its_wait() {
    let game = Game::start(Shape::Handler, Duration::from_millis(1_500)).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    let mut bob = Player::join(addr, "bob").await;
    let [a, b] = [ann.session, bob.session].map(SessionId::from_bytes);
    ann.is_reset();
    is_away(&game, 1).await;
    game.server.hold(a, LONG).unwrap();
    bob.is_reset();
    let left = Heard::Left("resume_expired");
    until("bob's window is over", || {
        game.log.lock().unwrap().contains(&(b, left.clone()))
    })
    .await;
    // It was lost before bob.
    assert_eq!(game.server.stats().sessions_suspended, 1);
    game.server.hold(a, Duration::ZERO).unwrap();
    until("ann's wait is over", || {
        game.log.lock().unwrap().contains(&(a, left.clone()))
    })
    .await;
    assert!(game.server.hold(a, LONG).is_err());
}

#[tokio::test]
async fn a_player_that_the_game_does_not_let_back_is_refused_and_its_session_waits_on() {
    let bans = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&bans);
    let server = Server::builder()
        .config(with_window(LONG))
        .listen("127.0.0.1:0")
        .may_resume(move |returning| {
            assert_eq!(returning.player, Some("ann"));
            !asked.load(Ordering::Relaxed)
        });
    let server = server
        .serve(|_: &Named| lastword_tests::Echo)
        .await
        .unwrap();
    let addr = server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    ann.is_reset();
    until("it is away", || server.stats().sessions_suspended == 1).await;
    let (answer, _) = ann.knock(addr).await;
    let refused = Cause::ResumeRefused.code();
    assert!(
        matches!(answer, Answer::Goodbye { code, .. } if code == refused),
        "{answer:?}"
    );
    bans.store(false, Ordering::Relaxed);
    ann.comes_back(addr).await;
    ann.says(b"hi").await;
    assert_eq!(ann.hears().await, b"hi");
}

/// Panics when it hears of a loss.
struct Fragile;

impl Handler for Fragile {
    fn frame(&mut self, _: &mut Context<'_, '_>, _: &[u8]) {}

    fn link(&mut self, _: &mut Context<'_, '_>, link: Link) {
        assert!(!matches!(link, Link::Lost(_)), "the test's planted panic");
    }
}

#[tokio::test]
async fn a_game_that_panics_at_a_loss_loses_that_session_only() {
    let server = Server::builder()
        .config(with_window(LONG))
        .listen("127.0.0.1:0");
    let server = server.serve(|_: &Named| Fragile).await.unwrap();
    let mut ann = Player::join(server.local_addr(), "ann").await;
    let _bob = Player::join(server.local_addr(), "bob").await;
    ann.is_reset();
    until("ann's session is over", || {
        server.stats().departures == [(Cause::HandlerPanicked.into(), 1)]
    })
    .await;
    let stats = server.stats();
    assert!(stats.laws_hold());
    assert_eq!((stats.sessions_open, stats.sessions_suspended), (1, 0));
}

#[tokio::test]
async fn a_player_without_a_window_leaves_with_its_connection() {
    let mut game = Game::start(Shape::Handler, Duration::ZERO).await;
    let mut ann = Player::join(game.server.local_addr(), "ann").await;
    assert!(ann.token.is_empty(), "no token is offered");
    ann.is_reset();
    assert_eq!(game.ends.departure().await.cause, Cause::PeerReset.into());
}
