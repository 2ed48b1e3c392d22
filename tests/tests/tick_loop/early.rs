//! Sessions that joined before the game said that it ticks.

use std::time::Duration;

use lastword_server::{Cause, Kick, Server};
use lastword_tests::{Raw, config, data, until};

use crate::game::{Engine, Game, Told, answers, holds, play_to_the_end, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_joined_before_come_first_with_their_frames_and_live_on_as_the_others() {
    for engine in Engine::ALL {
        let (go, went) = step();
        let game = Game::with_server(engine, config(), |server: Server| {
            went();
            let (events, players) = server.into_events();
            play_to_the_end(events, &players, usize::MAX)
        })
        .await;
        let addr = game.server.local_addr();
        let frames: Vec<_> = (0..EARLY).map(|n| vec![n; usize::from(n)]).collect();
        let written: Vec<_> = frames.iter().flat_map(|frame| data(frame)).collect();

        let mut stays = Raw::join(addr, "stays").await;
        stays.write(&written).await;
        let mut finished = Raw::join(addr, "finished").await;
        finished.write(&written).await;
        finished.fin().await;
        let mut kicked = Raw::join(addr, "kicked").await;
        kicked.write(&written).await;
        let arrived = 3 * frames.len() as u64;
        let stats = || game.server.stats();
        until("every frame", || stats().frames.0 == arrived).await;
        assert_eq!(game.server.kick_player("kicked", Kick::default()), 1);
        assert_eq!(kicked.goodbye_code().await, Some(80));
        drop(kicked);

        go.send(()).unwrap();
        assert_eq!(answers(&mut finished).await.len(), frames.len());
        stays.write(&data(b"later")).await;
        stays.fin().await;
        assert_eq!(answers(&mut stays).await.len(), frames.len() + 1);
        game.server.drain(Duration::from_secs(10)).await;
        assert!(game.server.stats().laws_hold());

        let told = game.over().await;
        assert!(
            matches!(&told[0], Told::Joined(_, name) if name == "stays"),
            "in the order in which they came: {:?}",
            told[0]
        );
        holds(&told, "finished", &frames, Cause::PeerFin);
        holds(&told, "kicked", &frames, Cause::Kicked);
        let all = [&frames[..], &[b"later".to_vec()]].concat();
        holds(&told, "stays", &all, Cause::PeerFin);
    }
}

/// A signal may come while the game still loads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_that_began_before_is_told_and_told_once() {
    for engine in Engine::ALL {
        let game = Game::with_server(engine, config(), |server: Server| {
            server.handle().begin_drain(Duration::from_secs(10));
            let (events, players) = server.into_events();
            players.begin_drain(Duration::ZERO);
            play_to_the_end(events, &players, usize::MAX)
        })
        .await;
        let told = game.over().await;
        assert!(matches!(&told[..], [Told::Draining(_)]), "{told:?}");
    }
}

const EARLY: u8 = 100;
