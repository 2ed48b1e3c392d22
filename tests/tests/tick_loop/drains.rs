//! A drain, from the view of a tick loop.

use std::time::{Duration, Instant};

use lastword_server::Cause;
use lastword_tests::{Raw, config, data, goodbye, kind, within};

use crate::game::{Engine, Game, GameEvent, TICK, next, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_hears_of_a_drain_before_its_clients_do_and_the_loop_ends_by_itself() {
    for engine in Engine::ALL {
        let (told, tell) = step();
        let game = Game::start(engine, config(), |mut events, players| {
            let joined = next(&mut events);
            assert!(matches!(joined, GameEvent::Joined(..)), "{joined:?}");
            let begun = Instant::now();
            players.begin_drain(TIMEOUT);
            players.begin_drain(Duration::ZERO);
            // Clients have their notice by now, and this is the first tick since then.
            tell();
            let mut all = Vec::new();
            while !events.is_over() {
                events.wait(TICK);
                all.extend(events.drain().map(GameEvent::of));
            }
            (begun, all)
        })
        .await;
        let mut raw = Raw::join(game.server.local_addr(), "ann").await;
        let (kind, _) = raw.frame().await.expect("a notice");
        assert_eq!(kind, kind::NOTICE);
        assert!(game.server.is_draining());
        told.send(()).unwrap();
        raw.write(&[data(b"thanks"), goodbye()].concat()).await;
        raw.fin().await;
        while raw.frame().await.is_some() {}
        within("the end of the server", game.server.closed()).await;
        let (begun, all) = game.over().await;
        let [
            GameEvent::Draining(deadline),
            GameEvent::Frame(_, frame),
            GameEvent::Left(_, cause),
        ] = &all[..]
        else {
            panic!("{all:?}")
        };
        assert_eq!((&frame[..], *cause), (&b"thanks"[..], Cause::Drained));
        let timeout = *deadline - begun;
        assert!(
            (TIMEOUT..TIMEOUT + Duration::from_secs(1)).contains(&timeout),
            "the first drain's, and one: {timeout:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_stay_are_cut_off_and_the_loop_ends_with_the_last() {
    let game = Game::start(Engine::None, config(), |mut events, players| {
        let joined = next(&mut events);
        assert!(matches!(joined, GameEvent::Joined(..)), "{joined:?}");
        players.expire();
        let left = next(&mut events);
        assert!(
            matches!(left, GameEvent::Left(_, Cause::DrainExpired)),
            "{left:?}"
        );
        while !events.is_over() {
            assert!(!events.wait(Duration::MAX), "nothing comes after it");
        }
    })
    .await;
    let mut raw = Raw::join(game.server.local_addr(), "ann").await;
    assert_eq!(raw.goodbye_code().await, Some(86));
    drop(raw);
    game.over().await;
}

const TIMEOUT: Duration = Duration::from_secs(15);
