use std::sync::Arc;

use lastword_admin::{Admin, AdminExt, RecorderMode};
use lastword_server::{BindError, Builder, Player, Server, ServerHandle};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::debugging::DebuggingRecorder;
use tokio::net::{TcpListener, TcpStream};

use crate::http::get;
use crate::metrics::sum;
use crate::server::{Silent, join, within};

fn builder() -> Builder {
    Server::builder().listen("127.0.0.1:0")
}

async fn serve(builder: Builder) -> ServerHandle {
    builder.serve(|_: &Player| Silent).await.unwrap()
}

/// A game's own recorder, and the handle that renders it.
fn own() -> (
    Arc<impl metrics::Recorder + Send + Sync + 'static>,
    PrometheusHandle,
) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    (Arc::new(recorder), handle)
}

/// Runs three sessions and two connections that never speak. One of each kind stays until the drain.
async fn played(server: &ServerHandle) {
    let _stays = (
        join(server).await,
        TcpStream::connect(server.local_addr()).await.unwrap(),
    );
    drop((join(server).await, join(server).await));
    drop(TcpStream::connect(server.local_addr()).await.unwrap());
    let left = async {
        while server
            .stats()
            .disconnects
            .iter()
            .map(|(.., n)| n)
            .sum::<u64>()
            < 3
        {
            tokio::task::yield_now().await;
        }
    };
    within("those who left", left).await;
    server.expire();
    within("the end", server.closed()).await;
}

/// Checks both laws on the series with this label, and that their counts are not zero.
fn assert_laws_at_rest(shown: &str, label: &str) {
    let of_it: Vec<_> = shown.lines().filter(|line| line.contains(label)).collect();
    let of_it = of_it.join("\n");
    let sum = |name| sum(&of_it, name);
    assert_eq!(sum("lastword_connections_opened_total"), 5);
    assert_eq!(sum("lastword_connections_open"), 0);
    assert_eq!(sum("lastword_disconnects_total"), 5);
    assert_eq!(sum("lastword_sessions_joined_total"), 3);
    assert_eq!(sum("lastword_departures_total"), 3);
    assert_eq!(sum("lastword_sessions_open"), 0);
}

#[tokio::test]
async fn a_game_with_a_recorder_of_its_own_finds_both_laws_in_it_when_all_is_at_rest() {
    let (recorder, shown) = own();
    let server = serve(builder().recorder(Arc::clone(&recorder))).await;
    played(&server).await;
    let shown = shown.render();
    assert_laws_at_rest(&shown, "");
    assert!(!shown.contains("server="), "it has no name");
}

#[tokio::test]
async fn a_recorder_of_the_games_own_is_kept_up_to_date_while_the_server_runs() {
    let (recorder, shown) = own();
    let server = serve(builder().recorder(recorder)).await;
    let _stays = join(&server).await;
    let shown = within("the session", async {
        loop {
            let shown = shown.render();
            let (open, opened) = (
                "lastword_sessions_open",
                "lastword_connections_opened_total",
            );
            if sum(&shown, open) == 1 && sum(&shown, opened) == 1 {
                return shown;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(sum(&shown, "lastword_connections_opened_total"), 1);
}

#[tokio::test]
async fn the_games_recorder_goes_before_the_ports() {
    let (recorder, shown) = own();
    let server = serve(builder().recorder(recorder).admin("127.0.0.1:0")).await;
    let answer = get(server.admin_addr().unwrap(), "/metrics").await;
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("recorder that the game gave it"),
        "{}",
        answer.body
    );
    assert!(
        shown
            .render()
            .contains("lastword_connections_opened_total 0")
    );
}

/// A page without a series would look like a server without any connections so far.
#[tokio::test]
async fn of_two_ports_the_first_shows_the_metrics_and_the_second_says_that_it_does_not() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = holder.local_addr().unwrap();
    drop(holder);
    let both = builder().admin("127.0.0.1:0").admin(second.to_string());
    let server = serve(both).await;
    let first = get(server.admin_addr().unwrap(), "/metrics").await;
    assert_eq!(sum(&first.body, "lastword_connections_opened_total"), 0);
    let answer = get(second, "/metrics").await;
    assert_eq!(answer.status, 404, "{:?}", answer.body);
    assert_eq!(get(second, "/api/closes").await.body, "[]");
}

#[tokio::test]
async fn any_recorder_will_do() {
    let recorder = DebuggingRecorder::new();
    let shown = recorder.snapshotter();
    let server = serve(builder().recorder(recorder)).await;
    drop(join(&server).await);
    server.expire();
    within("the end", server.closed()).await;
    let series = shown.snapshot().into_vec();
    let of = |name: &str| {
        let mut series = series.iter();
        let found = series.find(|(key, ..)| key.key().name() == name);
        format!("{:?}", found.unwrap().3)
    };
    assert_eq!(of("lastword_sessions_joined_total"), "Counter(1)");
    assert!(of("lastword_session_duration_seconds").starts_with("Histogram(["));
}

#[tokio::test]
async fn two_servers_with_names_keep_both_laws_each_in_one_recorder() {
    let (recorder, shown) = own();
    let eu = serve(builder().recorder(Arc::clone(&recorder)).name("eu-1")).await;
    let us = serve(builder().recorder(recorder).name("us_2")).await;
    played(&eu).await;
    assert_laws_at_rest(&shown.render(), "server=\"eu-1\"");
    assert_eq!(us.stats().connections_opened, 0);
    played(&us).await;
    let shown = shown.render();
    assert_laws_at_rest(&shown, "server=\"eu-1\"");
    assert_laws_at_rest(&shown, "server=\"us_2\"");
    assert_eq!(sum(&shown, "lastword_connections_opened_total"), 10);
    let nameless = |line: &&str| line.starts_with("lastword_") && !line.contains("server=");
    assert_eq!(shown.lines().find(nameless), None);
}

#[tokio::test]
async fn a_port_of_its_own_shows_the_name_too() {
    let named = builder().name("eu-1").admin_with(Admin::new("127.0.0.1:0"));
    let server = serve(named).await;
    let answer = get(server.admin_addr().unwrap(), "/metrics").await;
    let line = "lastword_connections_opened_total{server=\"eu-1\"} 0";
    assert!(answer.body.contains(line), "{}", answer.body);
    assert!(!server.publishes_itself());
}

#[tokio::test]
async fn a_name_that_is_no_label_is_refused() {
    for name in ["", "EU", "a b", "é", "x".repeat(33).as_str()] {
        let refused = builder().name(name).serve(|_: &Player| Silent).await;
        assert!(matches!(refused, Err(BindError::Name { .. })), "{name:?}");
    }
}

#[tokio::test]
async fn a_port_that_only_emits_says_where_the_metrics_are_and_serves_the_rest() {
    let emits = Admin::new("127.0.0.1:0").recorder(RecorderMode::Emit);
    let server = serve(builder().admin_with(emits)).await;
    let admin = server.admin_addr().unwrap();
    assert!(server.publishes_itself());
    let answer = get(admin, "/metrics").await;
    assert_eq!((answer.status, answer.body.lines().count()), (404, 1));
    assert_eq!(get(admin, "/healthz").await.status, 200);
    assert_eq!(get(admin, "/api/closes").await.body, "[]");
}
