//! Thousands of sessions come and go in every way at once, in every shape of a game. The books balance at every moment
//! and in every scrape, each cause matches the client's behaviour, and nothing is left behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "helpers of a test: a failure here is the test's failure"
)]

mod audit;
mod games;
mod scrape;
mod ways;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lastword_server::{Phase, ServerHandle};
use lastword_tests::{Stage, crowd, resident, until};

use audit::Auditor;
use games::{Running, Shape};
use scrape::{Metrics, Scraper};
use ways::Way;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_sessions_in_three_shapes_end_as_their_clients_ended_them_and_leave_nothing() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let start = (lastword_sys::open_fds(), tasks());
    let begun = Instant::now();
    let mut games = Vec::new();
    for shape in Shape::ALL {
        games.push(Running::start(shape).await);
    }
    let auditor = Auditor::start(games.iter().map(|game| game.server.clone()).collect());
    let scrapers: Vec<_> = games
        .iter()
        .map(|game| Scraper::start(&game.server))
        .collect();

    let plans: Vec<_> = games
        .iter()
        .map(|game| (Arc::new(Way::all(game.shape)), game.server.local_addr()))
        .collect();
    crowd(3 * COUNT, AT_ONCE, |client| {
        let (ways, addr) = &plans[client as usize % 3];
        let (ways, addr, n) = (Arc::clone(ways), *addr, client / 3);
        async move { Way::of(&ways, n).live(addr, n).await }
    })
    .await;
    for (game, (ways, _)) in games.iter_mut().zip(&plans) {
        ended_as_they_should(&mut game.stage, ways).await;
        balances(&game.server);
        eprintln!("{:?}: {COUNT} causes, 0 wrong", game.shape);
    }
    eprintln!("{} snapshots, both laws in each", auditor.stop());
    for scraper in scrapers {
        let scrapes = scraper.stop().await;
        eprintln!("{scrapes} scrapes, both laws in each");
        // About twenty a second are begun, in five seconds at least; a busy machine is slower.
        assert!(scrapes >= 10, "{scrapes} in {:?}", begun.elapsed());
    }
    let joined: u64 = games
        .iter()
        .map(|game| game.server.stats().sessions_joined)
        .sum();
    assert!(joined > 10_000, "{joined}");
    for game in games {
        let scraped = Metrics::scrape(&game.server).await;
        assert_eq!(
            scraped.sum("lastword_connections_opened_total"),
            u64::from(COUNT)
        );
        assert_eq!(scraped.sum("lastword_connections_open"), 0);
        game.end().await;
    }
    until("nothing is left", || {
        (lastword_sys::open_fds(), tasks()) == start
    })
    .await;
    eprintln!("{joined} sessions in {:.1?}", begun.elapsed());
}

/// Joins the server's record with the client's behaviour, by the address that only this client had.
async fn ended_as_they_should(stage: &mut Stage, ways: &[Way]) {
    let mut seen = vec![false; COUNT as usize];
    let (mut wrong, mut joined) = (Vec::new(), 0);
    for _ in 0..COUNT {
        let end = stage.end().await;
        let n = resident(end.remote.ip());
        assert!(
            !std::mem::replace(&mut seen[n as usize], true),
            "one end for each: {end:#?}"
        );
        joined += u32::from(end.session.is_some());
        let truth = Way::of(ways, n).truth;
        if (end.cause(), end.ending.verdict.phase) != truth {
            wrong.push(format!("{truth:?}: {end} {:#?}", end.ending));
        }
    }
    assert_eq!(stage.more(), 0, "one end for each");
    for _ in 0..joined {
        let departure = stage.departure().await;
        assert_eq!(departure.cause, departure.ending.verdict.cause.into());
    }
    assert!(
        wrong.is_empty(),
        "{} wrong: {}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn balances(server: &ServerHandle) {
    let stats = server.stats();
    let ended: u64 = stats.disconnects.iter().map(|(.., count)| count).sum();
    assert_eq!(
        (stats.connections_opened, ended),
        (u64::from(COUNT), u64::from(COUNT)),
        "{stats:?}"
    );
    assert_eq!(
        (stats.connections_open, stats.sessions_open),
        (0, 0),
        "{stats:?}"
    );
    let live = stats
        .disconnects
        .iter()
        .filter(|(_, phase, _)| *phase == Phase::Live);
    assert_eq!(
        stats.sessions_joined,
        live.map(|(.., count)| count).sum::<u64>()
    );
    assert!(stats.laws_hold(), "{stats:?}");
}

/// Clients of each shape; 12 of 17 join.
const COUNT: u32 = 4_800;
const AT_ONCE: usize = 200;
const DRAIN: Duration = Duration::ZERO;
