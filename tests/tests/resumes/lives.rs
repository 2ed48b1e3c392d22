//! Losses and returns: what the game hears, what both ends get, and what the books say.

use std::time::Duration;

use lastword_server::{Cause, Kick, SecondLogin, SendError, SessionId};
use lastword_session::wire::Goodbye;
use lastword_tests::{goodbye, until};

use crate::game::{Game, Heard, SHAPES, Shape};
use crate::player::{Answer, Player};
use crate::{LONG, with_window};

fn frame(payload: &[u8]) -> Heard {
    Heard::Frame(payload.to_vec())
}

/// Waits until the server counts one session that waits for its player.
async fn is_away(game: &Game) {
    until("the session is away", || {
        let stats = game.server.stats();
        stats.sessions_suspended == 1 && stats.sessions_open == 0
    })
    .await;
    assert!(game.server.stats().laws_hold());
}

#[tokio::test]
async fn a_player_that_was_reset_comes_back_and_nothing_is_lost_or_comes_twice() {
    for shape in SHAPES {
        let mut game = Game::start(shape, LONG).await;
        let addr = game.server.local_addr();
        let mut ann = Player::join(addr, "ann").await;
        ann.says(b"one").await;
        assert_eq!(ann.hears().await, b"one");
        // The server may have this, and its echo is lost.
        ann.says(b"two").await;
        ann.is_reset();
        let end = game.ends.end().await;
        assert_eq!((end.cause(), end.connection), (Cause::PeerReset, 1));
        assert!(end.session_lives_on);
        is_away(&game).await;
        game.hears(&Heard::Lost(Cause::PeerReset)).await;
        ann.comes_back(addr).await;
        ann.says(b"three").await;
        assert_eq!(ann.hears().await, b"two");
        assert_eq!(ann.hears().await, b"three");
        ann.raw().write(&goodbye()).await;
        drop(ann);
        let end = game.ends.end().await;
        assert_eq!((end.cause(), end.connection), (Cause::PeerGoodbye, 2));
        assert!(!end.session_lives_on);
        game.hears(&Heard::Left("peer_goodbye")).await;
        let heard: Vec<_> = game.heard();
        let frames: Vec<_> = heard
            .iter()
            .filter(|heard| matches!(heard, Heard::Frame(_)))
            .collect();
        assert_eq!(
            frames,
            [&frame(b"one"), &frame(b"two"), &frame(b"three")],
            "{shape:?}"
        );
        let others: Vec<_> = heard
            .into_iter()
            .filter(|heard| !matches!(heard, Heard::Frame(_)))
            .collect();
        let lost = Heard::Lost(Cause::PeerReset);
        let expected = [
            Heard::Joined,
            lost,
            Heard::Back(2),
            Heard::Left("peer_goodbye"),
        ];
        assert_eq!(others, expected, "{shape:?}");
        let stats = game.server.stats();
        assert!(stats.laws_hold());
        assert_eq!((stats.resumed, stats.superseded), (1, 0));
    }
}

/// The client gives up a connection that the server takes for alive.
#[tokio::test]
async fn a_player_whose_older_connection_looks_alive_replaces_it() {
    for shape in SHAPES {
        let mut game = Game::start(shape, LONG).await;
        let addr = game.server.local_addr();
        let mut ann = Player::join(addr, "ann").await;
        let mut older = ann.comes_back(addr).await.expect("it is open");
        ann.says(b"here").await;
        assert_eq!(ann.hears().await, b"here");
        assert_eq!(
            older.goodbye_code().await,
            Some(Cause::SupersededByResume.code())
        );
        drop(older);
        let end = game.ends.end().await;
        assert_eq!(
            (end.cause(), end.connection),
            (Cause::SupersededByResume, 1)
        );
        assert!(end.session_lives_on);
        assert_eq!(end.player.as_deref(), Some("ann"));
        assert_eq!(end.session, Some(SessionId::from_bytes(ann.session)));
        let lost = Heard::Lost(Cause::SupersededByResume);
        let expected = [Heard::Joined, lost, Heard::Back(2), frame(b"here")];
        assert_eq!(game.heard(), expected, "{shape:?}");
        let stats = game.server.stats();
        assert!(stats.laws_hold());
        assert_eq!((stats.resumed, stats.superseded), (0, 1));
    }
}

#[tokio::test]
async fn a_player_that_does_not_come_back_leaves_once_when_its_window_is_over() {
    for shape in SHAPES {
        let mut game = Game::start(shape, Duration::from_millis(300)).await;
        let ann = Player::join(game.server.local_addr(), "ann").await;
        let session = SessionId::from_bytes(ann.session);
        drop(ann);
        game.hears(&Heard::Left("resume_expired")).await;
        let lost = Heard::Lost(Cause::PeerFin);
        let expected = [Heard::Joined, lost, Heard::Left("resume_expired")];
        assert_eq!(game.heard(), expected, "{shape:?}");
        assert_eq!(game.ends.end().await.cause(), Cause::PeerFin);
        let departure = game.ends.departure().await;
        assert_eq!(departure.cause.label(), "resume_expired");
        assert!(departure.away_for >= Some(Duration::from_millis(300)));
        let stats = game.server.stats();
        assert!(stats.laws_hold());
        assert_eq!((stats.sessions_suspended, stats.sessions_open), (0, 0));
        assert_eq!(game.server.send(session, b"late"), Err(SendError::Closed));
    }
}

#[tokio::test]
async fn a_player_that_comes_back_from_another_address_goes_on_and_the_list_shows_it() {
    let game = Game::start(Shape::Session, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    let before = game.server.sessions()[0].remote;
    ann.is_reset();
    is_away(&game).await;
    ann.comes_back_from([127, 0, 0, 9], addr).await;
    game.hears(&Heard::Back(2)).await;
    let own = ann.raw().stream.local_addr().unwrap();
    let now = game.server.sessions()[0].remote;
    assert_eq!(now, own);
    assert_ne!(now.ip(), before.ip());
    ann.says(b"hi").await;
    assert_eq!(ann.hears().await, b"hi");
}

/// The words that the game says meanwhile come with the return.
#[tokio::test]
async fn what_the_game_sends_to_an_away_session_waits_for_its_player() {
    let mut game = Game::start(Shape::Tick, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    let session = SessionId::from_bytes(ann.session);
    ann.is_reset();
    is_away(&game).await;
    for n in 0..100_u8 {
        game.server.send(session, &[n]).unwrap();
        game.server.send_latest(session, 1, &[200, n]).unwrap();
    }
    ann.comes_back(addr).await;
    let mut kept = Vec::new();
    while kept.len() < 101 {
        kept.push(ann.hears().await);
    }
    let latest: Vec<_> = kept.iter().filter(|payload| payload.len() == 2).collect();
    assert_eq!(latest, [&vec![200, 99]], "one frame for each key");
    let others: Vec<_> = kept.iter().filter(|payload| payload.len() == 1).collect();
    assert!(
        others
            .iter()
            .zip(0..100)
            .all(|(payload, n)| payload[..] == [n])
    );
    assert_eq!(game.ends.end().await.cause(), Cause::PeerReset);
}

#[tokio::test]
async fn a_kick_of_an_away_session_ends_it_at_once_and_its_token_reads_why() {
    for shape in SHAPES {
        let game = Game::start(shape, LONG).await;
        let addr = game.server.local_addr();
        let mut ann = Player::join(addr, "ann").await;
        let session = SessionId::from_bytes(ann.session);
        ann.is_reset();
        is_away(&game).await;
        game.server.kick(session, Kick::default()).unwrap();
        game.hears(&Heard::Left("kicked")).await;
        let (answer, _) = ann.knock(addr).await;
        let kicked = Cause::Kicked.code();
        assert!(
            matches!(answer, Answer::Goodbye { code, over: true } if code == kicked),
            "{answer:?}"
        );
        assert!(game.server.stats().laws_hold());
    }
}

/// levy-street/world-of-claudecraft#3823: a player whose connection had died could not log in, since its own session still
/// held the name.
#[tokio::test]
async fn claudecraft_3823_zombie_holds_name() {
    for shape in SHAPES {
        let mut config = with_window(LONG);
        config.sessions.second_login = SecondLogin::Refuse;
        let game = Game::with(shape, config).await;
        let addr = game.server.local_addr();
        let mut ann = Player::join(addr, "ann").await;
        ann.is_reset();
        is_away(&game).await;
        let mut again = Player::join(addr, "ann").await;
        again.says(b"here").await;
        assert_eq!(again.hears().await, b"here");
        assert!(game.heard().contains(&Heard::Left("replaced_by_login")));
        let (answer, _) = ann.knock(addr).await;
        let code = Cause::ReplacedByLogin.code();
        assert!(
            matches!(answer, Answer::Goodbye { code: read, over: true } if read == code),
            "{answer:?}"
        );
        assert!(game.server.stats().laws_hold());
    }
}

/// The lost connection lingers, and so the session and the connection are counted out by themselves.
#[test]
fn a_runtime_that_is_dropped_under_a_session_that_is_away_leaves_the_laws_intact() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    };
    let its_own = runtime();
    let (mut game, ann) = its_own.block_on(async {
        let game = Game::start(Shape::Handler, LONG).await;
        let mut ann = Player::join(game.server.local_addr(), "ann").await;
        // It says that it comes back, and does not close.
        let mut pause = Vec::new();
        Goodbye {
            over: false,
            code: 0,
            game_cause: None,
            advice: 0,
            delay_ms: 0,
            address: "".into(),
            reason: "".into(),
        }
        .encode(&mut pause);
        ann.raw().write(&pause).await;
        is_away(&game).await;
        (game, ann)
    });
    drop(its_own);
    let stats = game.server.stats();
    assert!(stats.laws_hold(), "{stats:?}");
    assert_eq!((stats.sessions_open, stats.sessions_suspended), (0, 0));
    assert_eq!(stats.connections_open, 0);
    let end = runtime().block_on(game.ends.end());
    assert_eq!(end.cause(), Cause::VerdictMissing);
    drop(ann);
}
