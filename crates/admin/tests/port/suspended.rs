//! Sessions that lost their connection and wait for their players, as operators see them.

use std::net::SocketAddr;

use lastword_admin::{Admin, AdminExt};
use lastword_server::{Cause, DepartureCause, Kick, Player, Server, ServerHandle, SessionId};
use serde_json::Value;

use crate::http::{get, send};
use crate::log::Log;
use crate::metrics::sum;
use crate::server::{Silent, join_and_come_back, join_to_resume, start, within};

const TOKEN: &str = "0123456789abcdef";

/// A server whose port needs a token, so that it takes kicks.
async fn guarded() -> (ServerHandle, SocketAddr) {
    let admin = Admin::new("127.0.0.1:0").token(TOKEN);
    let server = Server::builder().listen("127.0.0.1:0").admin_with(admin);
    let server = server.serve(|_: &Player| Silent).await.unwrap();
    let admin = server.admin_addr().unwrap();
    (server, admin)
}

async fn ask(admin: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let headers = format!("Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n");
    let answer = send(admin, method, path, &headers, body).await;
    (answer.status, answer.body)
}

async fn json(admin: SocketAddr, path: &str) -> Value {
    let (status, body) = ask(admin, "GET", path, "").await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Joins, and cuts the connection off. Returns the session, once it is suspended and its close is written.
async fn cut_off(server: &ServerHandle, admin: SocketAddr) -> SessionId {
    let ann = join_to_resume(server, "ann").await;
    let session = server.sessions()[0].session;
    assert!(!server.sessions()[0].suspended);
    drop(ann);
    let path = format!("/api/sessions/{session}");
    within("the record", async {
        while !json(admin, &path).await["closes"][0].is_object() {}
    })
    .await;
    session
}

#[tokio::test]
async fn a_suspended_session_is_listed_as_such() {
    let (server, admin) = guarded().await;
    let session = cut_off(&server, admin).await;
    assert!(server.sessions()[0].suspended);
    let listed = json(admin, "/api/sessions?link=suspended").await;
    assert_eq!(listed[0]["session"], session.to_string());
    assert_eq!(listed[0]["link"], "suspended");
    assert_eq!(
        json(admin, "/api/sessions?link=healthy").await,
        Value::Array(Vec::new())
    );
    let known = json(admin, &format!("/api/sessions/{session}")).await;
    assert_eq!(known["live"]["link"], "suspended");
    assert!(known["live"]["suspended_ms"].is_u64(), "{known}");
    let close = &known["closes"][0];
    assert_eq!(
        (&close["connection"], &close["session_lives_on"]),
        (&1.into(), &true.into())
    );
    assert!(
        close["words"]
            .as_str()
            .unwrap()
            .ends_with(", the session lives on"),
        "{close}"
    );
}

#[tokio::test]
async fn a_kick_of_a_suspended_session_ends_it_and_is_a_line_of_the_log() {
    let log = Log::start();
    let (server, admin) = guarded().await;
    let session = cut_off(&server, admin).await;
    let kick = format!(r#"{{"session":"{session}","reason":"enough"}}"#);
    assert_eq!(ask(admin, "POST", "/api/kick", &kick).await.0, 202);
    within("the departure", async {
        while server.stats().sessions_suspended > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let kicked = DepartureCause::from(Cause::Kicked);
    assert_eq!(server.stats().departures, [(kicked, 1)]);
    let known = json(admin, &format!("/api/sessions/{session}")).await;
    assert!(known.get("live").is_none(), "{known}");
    let mut lines = log.lines("lastword::departure");
    lines.retain(|line| line.fields["session"] == session.to_string());
    let [line] = &lines[..] else {
        panic!("one line: {lines:?}")
    };
    let fields = ["level", "cause", "player", "lost_by"].map(|field| &line.fields[field]);
    assert_eq!(fields, ["INFO", "kicked", "ann", "peer_fin"]);
    assert_eq!(ask(admin, "POST", "/api/kick", &kick).await.0, 404);
}

#[tokio::test]
async fn a_return_is_counted_with_its_time_away_and_its_session_has_one_duration() {
    let (server, admin) = start().await;
    let ann = join_and_come_back(&server).await;
    let back = || server.stats().resumed == 1;
    within("the return", async {
        while !back() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let metrics = get(admin, "/metrics").await.body;
    let of = |series: &str| sum(&metrics, series);
    assert_eq!(of(r#"lastword_resumes_total{outcome="resumed"}"#), 1);
    assert_eq!(of("lastword_resumes_total"), 1, "no other outcome");
    assert_eq!(of("lastword_resume_away_seconds_count"), 1);
    assert_eq!(of("lastword_session_duration_seconds_count"), 0);
    assert_eq!(
        (
            of("lastword_disconnects_total"),
            of("lastword_departures_total")
        ),
        (1, 0)
    );
    server
        .kick(server.sessions()[0].session, Kick::default())
        .unwrap();
    drop(ann);
    within("the end", async {
        while server.stats().connections_open > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let metrics = get(admin, "/metrics").await.body;
    let of = |series: &str| sum(&metrics, series);
    assert_eq!(of("lastword_session_duration_seconds_count"), 1);
    assert_eq!(
        (
            of("lastword_disconnects_total"),
            of("lastword_departures_total")
        ),
        (2, 1)
    );
}
