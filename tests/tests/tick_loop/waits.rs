//! Loops without a fixed step: they sleep until there is work to do.

use std::time::{Duration, Instant};

use lastword_server::Cause;
use lastword_tests::{PATIENCE, Raw, config, data};

use crate::game::{Engine, Game, GameEvent, answer, answers, next, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_returns_when_something_came_and_after_its_timeout_when_nothing_did() {
    let (came, comes) = step();
    let game = Game::start(Engine::None, config(), move |mut events, _| {
        let begun = Instant::now();
        assert!(!events.wait(SHORT), "nothing came");
        assert!(begun.elapsed() >= SHORT);
        assert!(!events.wait(Duration::ZERO));

        came.send(()).unwrap();
        assert!(events.wait(Duration::MAX), "somebody joined");
        assert!(events.wait(Duration::MAX), "and was not taken");
        let joined = next(&mut events);
        assert!(matches!(joined, GameEvent::Joined(..)), "{joined:?}");

        let begun = Instant::now();
        assert!(events.wait(Duration::MAX), "a frame came");
        assert!(begun.elapsed() < PATIENCE);
        assert_eq!(events.drain().len(), 1);
        assert!(events.wait(Duration::ZERO), "a drain that took nothing");
        let frame = next(&mut events);
        assert!(matches!(frame, GameEvent::Frame(..)), "{frame:?}");
        assert!(!events.wait(Duration::ZERO), "nothing more");
    })
    .await;
    tokio::task::spawn_blocking(comes).await.unwrap();
    let mut raw = Raw::join(game.server.local_addr(), "ann").await;
    raw.write(&data(b"one")).await;
    game.over().await;
}

/// The loop never drains an empty queue, but it still comes back. The end of a session waits for that, without a
/// timeout of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_drains_only_what_it_waited_for_ends_sessions_as_any_other() {
    for engine in Engine::ALL {
        let game = Game::start(engine, config(), |mut events, players| {
            let mut events_seen = Vec::new();
            while !events.is_over() {
                if events.wait(Duration::MAX) {
                    for event in events.drain() {
                        answer(&players, &event);
                        events_seen.push(GameEvent::of(event));
                    }
                }
            }
            events_seen
        })
        .await;
        let mut raw = Raw::join(game.server.local_addr(), "ann").await;
        raw.write(&data(b"last words")).await;
        raw.fin().await;
        assert_eq!(answers(&mut raw).await, [10]);
        game.server.drain(Duration::from_secs(10)).await;
        let events_seen = game.over().await;
        let [
            GameEvent::Joined(..),
            GameEvent::Frame(..),
            GameEvent::Left(_, cause),
            GameEvent::Draining(_),
        ] = &events_seen[..]
        else {
            panic!("{events_seen:?}")
        };
        assert_eq!(*cause, Cause::PeerFin);
    }
}

/// One session fills its share of the queue: frames that waited for room continue after each tick.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_drains_only_what_it_waited_for_never_leaves_a_full_lane_behind() {
    let mut config = config();
    config.limits.inbox_frames_max = 1;
    let game = Game::start(Engine::None, config, |mut events, _| {
        let mut frames = Vec::new();
        while frames.len() < FRAMES {
            if events.wait(Duration::MAX) {
                for event in events.drain() {
                    if let GameEvent::Frame(_, frame) = GameEvent::of(event) {
                        frames.push(frame);
                    }
                }
            }
        }
        frames
    })
    .await;
    let mut raw = Raw::join(game.server.local_addr(), "ann").await;
    let numbered = (0..FRAMES as u32).map(u32::to_be_bytes);
    let written: Vec<_> = numbered.clone().flat_map(|n| data(&n)).collect();
    raw.write(&written).await;
    let frames = game.over().await;
    assert!(frames.into_iter().eq(numbered.map(Vec::from)));
}

const SHORT: Duration = Duration::from_millis(50);
const FRAMES: usize = 5_000;
