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
use lastword_tests::{resident_bytes, until};
use tokio::time::timeout;

use audit::Auditor;
use games::{Running, Shape};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_sessions_in_three_shapes_end_as_their_clients_ended_them_and_leave_nothing() {
    let start = descriptors_and_tasks();
    let begun = Instant::now();
    let games = start_games().await;
    let auditor = Auditor::start(games.iter().map(|game| game.server.clone()).collect());
    play(&games).await;
    eprintln!("{} snapshots, both laws in each", auditor.stop());
    let mut joined = 0;
    for game in games {
        joined += game.server.stats().sessions_joined;
        game.end().await;
    }
    assert!(joined > 10_000, "{joined}");
    until("nothing is left", || descriptors_and_tasks() == start).await;
    eprintln!("{joined} sessions in {:.1?}", begun.elapsed());
}

/// The rounds are as the storms of the test above, on servers that live on. `ROUNDS=3` plays fewer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: docs/measurements.md has its figures"]
async fn a_million_connections_leave_no_task_no_descriptor_and_no_memory() {
    let rounds = std::env::var("ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let begun = Instant::now();
    let games = start_games().await;
    // The first round opens what stays open: the connections of clients and of the admin ports.
    play(&games).await;
    let after_one = descriptors_and_tasks();
    let mut settled = None;
    for round in 2..=rounds {
        play(&games).await;
        until("nothing is left", || descriptors_and_tasks() == after_one).await;
        let resident = resident_bytes() / 1024;
        eprintln!(
            "round {round}, {:.0?}: {after_one:?}, {resident} KiB resident",
            begun.elapsed()
        );
        // By then each server has kept its 10,000 records of either kind.
        if round == RECORDS_ARE_FULL {
            settled = Some(resident);
        }
    }
    let opened = games
        .iter()
        .map(|game| game.server.stats().connections_opened);
    let opened: u64 = opened.sum();
    let grown = settled.map(|settled| (resident_bytes() / 1024).saturating_sub(settled));
    eprintln!(
        "{opened} connections in {:.0?}, {grown:?} KiB more than after round {RECORDS_ARE_FULL}",
        begun.elapsed()
    );
    assert!(opened >= u64::from(rounds * 3 * COUNT), "{opened}");
    assert!(
        grown.is_none_or(|grown| grown <= GROWTH_KIB_MAX),
        "{grown:?} KiB"
    );
    for game in games {
        game.end().await;
    }
}

async fn start_games() -> Vec<Running> {
    let mut games = Vec::new();
    for shape in Shape::ALL {
        games.push(Running::start(shape).await);
    }
    games
}

/// Plays a storm against each game at once.
async fn play(games: &[Running]) {
    let storms: Vec<_> = games
        .iter()
        .map(|game| tokio::spawn(storm(game).run(pending(), |_| {})))
        .collect();
    for (game, storm) in games.iter().zip(storms) {
        let report = timeout(STORM_TIMEOUT, storm).await;
        let report = report.expect("the storm ends in time").unwrap();
        is_right(game, &report.expect("the storm begins")).await;
    }
}

/// Of this process.
fn descriptors_and_tasks() -> (Option<u64>, usize) {
    let runtime = tokio::runtime::Handle::current();
    (
        lastword_sys::open_fds(),
        runtime.metrics().num_alive_tasks(),
    )
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
/// Together a million connections.
const ROUNDS: u32 = 70;
const RECORDS_ARE_FULL: u32 = 20;
/// Less than a byte for each further connection would be 700 KiB; the allocator's arenas alone vary by more.
const GROWTH_KIB_MAX: usize = 4_096;
const STORM_TIMEOUT: Duration = Duration::from_secs(120);
