//! Storms against one server of each shape at once: thousands of sessions come and go in every way. The books balance at
//! every moment and in every scrape, each record matches the client's behaviour, and nothing is left behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of a test: a failure here is the test's failure"
)]

mod audit;
mod games;

use std::future::pending;
use std::time::{Duration, Instant};

use lastword_load::{Report, Scenario, Storm};
use lastword_tests::until;
use tokio::time::timeout;

use audit::Auditor;
use games::{Running, Shape};

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
    let storms: Vec<_> = games
        .iter()
        .map(|game| tokio::spawn(storm(game).run(pending(), |_| {})))
        .collect();
    for (game, storm) in games.iter().zip(storms) {
        let report = timeout(STORM_TIMEOUT, storm).await;
        let report = report.expect("the storm ends in time").unwrap();
        is_right(game, &report.expect("the storm begins")).await;
    }
    eprintln!("{} snapshots, both laws in each", auditor.stop());
    let mut joined = 0;
    for game in games {
        joined += game.server.stats().sessions_joined;
        game.end().await;
    }
    assert!(joined > 10_000, "{joined}");
    until("nothing is left", || {
        (lastword_sys::open_fds(), tasks()) == start
    })
    .await;
    eprintln!("{joined} sessions in {:.1?}", begun.elapsed());
}

/// Every way of the smoke test that has the same cause in this shape.
fn storm(game: &Running) -> Storm {
    let mut scenario = Scenario::parse(SMOKE).unwrap();
    scenario.connections = COUNT;
    scenario.at_once = AT_ONCE;
    scenario
        .ways
        .retain(|(way, _)| game.shape == Shape::Handler || way.name != "panicked");
    Storm {
        server: game.server.local_addr().into(),
        admin: game.server.admin_addr().unwrap().into(),
        token: None,
        scenario,
    }
}

async fn is_right(game: &Running, report: &Report) {
    eprintln!("{:?}: {}", game.shape, report.verdict());
    assert!(report.is_right(), "{:?}: {report}", game.shape);
    assert_eq!(report.connected, u64::from(COUNT), "{report}");
    // The storm's last session asked the game for its count, and may be about to end.
    let is_empty = || {
        (
            game.server.stats().connections_open,
            game.server.stats().sessions_open,
        ) == (0, 0)
    };
    until("every connection has ended", is_empty).await;
    eprintln!("{} scrapes, both laws in each", report.scrapes);
    assert!(report.scrapes >= SCRAPES_MIN, "{report}");
}

/// Clients of each shape; four of five join.
const COUNT: u32 = 4_800;
const AT_ONCE: u32 = 70;
const SMOKE: &str = include_str!("../../../config/storm/smoke.toml");
/// A storm makes up to ten a second, and fewer on a busy machine.
const SCRAPES_MIN: u64 = 20;
const STORM_TIMEOUT: Duration = Duration::from_secs(120);
