//! Order, payloads and answers, for many sessions at once.

use std::time::Duration;

use lastword_server::Cause;
use lastword_tests::{Raw, config, data, within};

use crate::game::{Engine, Game, answers, holds, play_to_the_end};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_session_is_told_from_joined_to_left_in_order_and_reads_the_answer_to_its_last_frame()
{
    for engine in Engine::ALL {
        sessions_come_and_go(engine, usize::MAX).await;
    }
}

/// With three at once, nearly every drain is dropped half-way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_that_is_dropped_half_way_loses_nothing() {
    sessions_come_and_go(Engine::None, 3).await;
}

async fn sessions_come_and_go(engine: Engine, at_once: usize) {
    let mut game = Game::start(engine, config(), move |events, players| {
        play_to_the_end(events, &players, at_once)
    })
    .await;
    let addr = game.server.local_addr();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            tokio::spawn(async move {
                let mut raw = Raw::join(addr, &n.to_string()).await;
                for frame in frames(n) {
                    raw.write(&data(&frame)).await;
                }
                raw.fin().await;
                answers(&mut raw).await
            })
        })
        .collect();
    for (n, client) in (0..).zip(clients) {
        let read = within("a client", client).await.expect("no client panics");
        let sent: Vec<_> = frames(n).iter().map(Vec::len).collect();
        assert_eq!(read, sent, "{engine:?}: an answer to each frame of {n}");
    }
    for _ in 0..CLIENTS {
        let departure = game.collector.departure().await;
        assert_eq!(departure.cause, Cause::PeerFin.into());
        assert_eq!(departure.undelivered_frames, 0);
    }
    game.server.drain(Duration::from_secs(10)).await;
    assert!(game.server.stats().laws_hold());
    let events_seen = game.over().await;
    for n in 0..CLIENTS {
        holds(&events_seen, &n.to_string(), &frames(n), Cause::PeerFin);
    }
}

/// Numbered frames of all lengths, including the empty and the longest one, and both of these at the end.
fn frames(client: u32) -> Vec<Vec<u8>> {
    let lens = (0..FRAMES).map(|n| match n % 50 {
        0 => 0,
        1 => LONGEST,
        n => n * 7 + client as usize,
    });
    let mut frames: Vec<_> = lens
        .enumerate()
        .map(|(n, len)| (0..len).map(|at| (n + at) as u8).collect())
        .collect();
    frames.extend([vec![], vec![client as u8; LONGEST], vec![]]);
    frames
}

const CLIENTS: u32 = 20;
const FRAMES: usize = 150;
const LONGEST: usize = 65_536;
