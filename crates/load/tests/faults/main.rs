//! Storms against a real server whose admin port is falsified: every fault is found. Without a fault, nothing is
//! found.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers stand outside the test functions that the lint exempts"
)]

mod liar;
mod unfit;

use std::net::SocketAddr;

use lastword::{AdminExt, Context, Handler, Player, Server, ServerHandle};
use lastword_load::{Kind, Report, Scenario, Storm};
use serde_json::Value;

use liar::{Bend, Liar};

/// Sends each frame back.
struct Echo;

impl Handler for Echo {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        context.send(payload).unwrap();
    }
}

async fn server() -> ServerHandle {
    let builder = Server::builder().listen("127.0.0.1:0");
    let builder = builder.admin("127.0.0.1:0");
    builder.serve(|_: &Player| Echo).await.unwrap()
}

async fn storm(server: SocketAddr, admin: SocketAddr) -> Report {
    let text = "\
        connections = 300\n\
        at_once = 50\n\
        frames = [1, 3]\n\
        [ways]\n\
        goodbye = 3\n\
        fin = 2\n\
        fin_last_words = 1\n\
        reset = 2\n\
        reset_mid_frame = 1\n\
        client_goodbye = 1\n\
        violation = 1\n\
        probe = 1\n";
    let storm = Storm {
        server: server.into(),
        admin: admin.into(),
        token: None,
        scenario: Scenario::parse(text).unwrap(),
    };
    storm.run(std::future::pending(), |_| {}).await.unwrap()
}

/// Returns the mismatches after this change to the admin port's answers.
async fn found(bend: Bend) -> Vec<(Kind, u64)> {
    let server = server().await;
    let liar = Liar::start(server.admin_addr().unwrap(), bend).await;
    let report = storm(server.local_addr(), liar.addr).await;
    assert!(liar.has_lied(), "the fault was planted");
    assert!(!report.is_right(), "{report}");
    let findings = report.findings.iter();
    findings
        .map(|(kind, finding)| (*kind, finding.count))
        .collect()
}

/// The first record with this cause.
fn first<'r>(records: &'r mut [Value], cause: &str) -> Option<&'r mut Value> {
    records.iter_mut().find(|record| record["cause"] == cause)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_right_is_found_right() {
    let server = server().await;
    let report = storm(server.local_addr(), server.admin_addr().unwrap()).await;
    assert!(report.is_right(), "{report}");
    assert_eq!(
        (report.connected, report.records, report.strangers),
        (300, 300, 0)
    );
    assert!(report.echoed > 0 && report.scrapes > 0, "{report}");
    assert_eq!(
        report.matrix.iter().map(|cell| cell.count).sum::<u64>(),
        300
    );
    assert!(server.stats().laws_hold());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_without_a_way_is_not_right() {
    let server = server().await;
    let storm = Storm {
        server: server.local_addr().into(),
        admin: server.admin_addr().unwrap().into(),
        token: None,
        scenario: Scenario {
            connections: 3,
            ..Scenario::default()
        },
    };
    let report = storm.run(std::future::pending(), |_| {}).await.unwrap();
    assert_eq!(report.findings.count(Kind::ClientFault), 3, "{report}");
    assert!(!report.is_right(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fin_that_is_reported_for_a_reset_is_found() {
    let bend = Bend::Closes(|records| {
        let reset = first(records, "peer_reset")?;
        reset["cause"] = "peer_fin".into();
        Some(())
    });
    let found = found(bend).await;
    assert!(found.contains(&(Kind::WrongCause, 1)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_is_recorded_twice_is_found() {
    let bend = Bend::Closes(|records| {
        let record = first(records, "peer_fin")?.clone();
        records.push(record);
        Some(())
    });
    let found = found(bend).await;
    assert!(found.contains(&(Kind::RecordedTwice, 1)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_is_counted_twice_is_found() {
    let bend = Bend::Metrics(|text| {
        let series = "lastword_disconnects_total{cause=\"peer_fin\",class=\"abrupt\",initiator=\"peer\",phase=\"live\",\
            cohort=\"none\"} ";
        let (before, rest) = text.split_once(series)?;
        let (count, after) = rest.split_once('\n')?;
        let count: u64 = count.parse().ok().filter(|count| *count > 1)?;
        Some(format!("{before}{series}{}\n{after}", count + 1))
    });
    let found = found(bend).await;
    assert!(found.contains(&(Kind::LawBroken, 1)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_dropped_at_the_drain_is_found() {
    let bend = Bend::Closes(|records| {
        let goodbye = first(records, "peer_goodbye")?;
        goodbye["frames_in"] = (goodbye["frames_in"].as_u64()? - 1).into();
        Some(())
    });
    assert_eq!(found(bend).await, [(Kind::FramesDiffer, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_is_never_recorded_is_found() {
    let bend = Bend::Closes(|records| {
        let lost = records
            .iter()
            .position(|record| record["cause"] == "peer_fin")?;
        records.remove(lost);
        Some(())
    });
    let found = found(bend).await;
    assert!(found.contains(&(Kind::NotRecorded, 1)), "{found:?}");
}
