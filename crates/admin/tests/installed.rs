//! A port whose recorder is installed for the whole process: one process can have one, so this test has its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers stand outside the test functions that the lint exempts"
)]

#[path = "port/http.rs"]
#[expect(dead_code, reason = "the tests of the port use the rest")]
mod http;
#[path = "port/server.rs"]
#[expect(dead_code, reason = "the tests of the port use the rest")]
mod server;

use std::io::ErrorKind;

use lastword_admin::{Admin, AdminExt, RecorderMode};
use lastword_server::{BindError, Builder, Player, Server};
use tokio::net::TcpListener;

use http::get;
use server::{Silent, join, within};

fn builder(mode: RecorderMode) -> Builder {
    let admin = Admin::new("127.0.0.1:0").recorder(mode);
    Server::builder().listen("127.0.0.1:0").admin_with(admin)
}

#[tokio::test]
async fn an_installed_recorder_shows_the_game_and_every_server_and_is_installed_once() {
    // This server does not start because its address is taken, so it must not install its recorder.
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken =
        Admin::new(holder.local_addr().unwrap().to_string()).recorder(RecorderMode::Install);
    let refused = Server::builder().listen("127.0.0.1:0").admin_with(taken);
    assert!(refused.serve(|_: &Player| Silent).await.is_err());

    let first = builder(RecorderMode::Install).serve(|_: &Player| Silent);
    let first = first.await.unwrap();
    let page = first.admin_addr().unwrap();
    metrics::counter!("game_matches_total").increment(3);
    let _player = join(&first).await;
    let shown = get(page, "/metrics").await.body;
    assert!(shown.contains("\ngame_matches_total 3\n"), "{shown}");
    assert!(
        shown.contains("\nlastword_sessions_joined_total 1\n"),
        "{shown}"
    );

    let second = builder(RecorderMode::Install)
        .serve(|_: &Player| Silent)
        .await;
    let Err(BindError::Extension(error)) = second else {
        panic!("the process has a recorder");
    };
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("RecorderMode::Emit"), "{error}");

    let emits = builder(RecorderMode::Emit).name("second");
    let second = emits.serve(|_: &Player| Silent).await.unwrap();
    assert_eq!(
        get(second.admin_addr().unwrap(), "/metrics").await.status,
        404
    );
    drop(join(&second).await);
    second.expire();
    within("the end", second.closed()).await;
    let shown = get(page, "/metrics").await.body;
    for line in [
        "lastword_connections_opened_total{server=\"second\"} 1",
        "lastword_connections_open{server=\"second\"} 0",
        "lastword_sessions_joined_total 1",
        "lastword_sessions_open 1",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in {shown}"
        );
    }
}
