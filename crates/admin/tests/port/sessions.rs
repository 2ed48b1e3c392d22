use std::net::SocketAddr;

use lastword_admin::AdminExt;
use lastword_server::{Config, Player, ProfileConfig, Server};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::http::get;
use crate::log::Log;
use crate::server::{Silent, frame, join_as, start, within};

#[tokio::test]
async fn a_live_session_tells_how_it_does_and_its_record_stays() {
    let (server, admin) = start().await;
    let mut ann = join_as(&server, "ann\u{1b}").await;
    ann.write_all(&frame(0, b"hello")).await.unwrap();
    let session = server.sessions()[0].session;
    let path = format!("/api/sessions/{session}");
    let known = async || serde_json::from_str::<Value>(&get(admin, &path).await.body).unwrap();
    let heard = async {
        loop {
            let known = known().await;
            if known["live"]["frames_in"] == 1 {
                return known;
            }
        }
    };
    let live = within("a frame", heard).await;
    assert_eq!(live["live"]["player"], "ann<U+001B>");
    assert_eq!(
        (&live["live"]["link"], &live["live"]["profile"]),
        (&"healthy".into(), &"standard".into())
    );
    assert_eq!(live["closes"].as_array().unwrap().len(), 0);

    drop(ann);
    let ended = async {
        loop {
            let known = known().await;
            if known["closes"][0].is_object() {
                return known;
            }
        }
    };
    let ended = within("the record", ended).await;
    assert!(ended.get("live").is_none());
    assert_eq!(ended["closes"][0]["session"], session.to_string());
}

/// The list for this query, and where to continue.
async fn list(admin: SocketAddr, query: &str) -> (Vec<Value>, Option<String>) {
    let answer = get(admin, &format!("/api/sessions{query}")).await;
    assert_eq!(answer.status, 200, "{query} {}", answer.body);
    let last = answer.header("x-lastword-last").map(str::to_owned);
    (serde_json::from_str(&answer.body).unwrap(), last)
}

async fn names(admin: SocketAddr, query: &str) -> Vec<String> {
    let (sessions, _) = list(admin, query).await;
    let mut names: Vec<_> = sessions
        .iter()
        .map(|session| session["player"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_list_has_every_live_session_under_the_names_of_its_record() {
    let (server, admin) = start().await;
    assert_eq!(list(admin, "").await, (Vec::new(), None));
    let ann = join_as(&server, "ann\u{202e}").await;
    let (sessions, more) = list(admin, "").await;
    let info = &server.sessions()[0];
    let mut session = sessions[0].as_object().unwrap().clone();
    assert!(session.remove("live_ms").unwrap().as_u64().unwrap() < 20_000);
    let expected = serde_json::json!({
        "session": info.session.to_string(),
        "player": "ann<U+202E>",
        "remote": ann.local_addr().unwrap().to_string(),
        "profile": "standard",
        "link": "healthy",
        "congested": false,
        "rate_limited": false,
    });
    assert_eq!(Value::from(session), expected);
    assert_eq!((sessions.len(), more), (1, None));
}

#[tokio::test]
async fn the_list_is_filtered_by_player_address_profile_and_link() {
    let (server, admin) = start().await;
    let ann = join_as(&server, "ann").await;
    let _bob = join_as(&server, "bob").await;
    let remote = ann.local_addr().unwrap();
    for (query, expected) in [
        ("?player=ann", &["ann"][..]),
        ("?player=an", &[]),
        ("?address=127.0.0.1", &["ann", "bob"]),
        ("?address=127.0.0.2", &[]),
        (&format!("?address={remote}"), &["ann"]),
        ("?profile=standard", &["ann", "bob"]),
        ("?profile=standard&player=bob", &["bob"]),
        ("?link=healthy", &["ann", "bob"]),
        ("?link=suspect", &[]),
        ("?link=path_dead", &[]),
    ] {
        assert_eq!(names(admin, query).await, expected, "{query}");
    }
    for query in [
        "?link=dead",
        "?address=localhost",
        "?profile=none",
        "?cause=kicked",
        "?limit=0",
        "?after=1",
    ] {
        let refused = get(admin, &format!("/api/sessions{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        assert!(refused.body.contains("; allowed is "), "{}", refused.body);
    }
}

#[tokio::test]
async fn a_silent_player_is_in_the_list_of_suspects() {
    let mut config = Config::default();
    let profile = ProfileConfig {
        heartbeat_ms: Some(200),
        suspect_ms: Some(300),
        ..ProfileConfig::default()
    };
    config.liveness.profiles.insert("quick".to_owned(), profile);
    config.liveness.profile = "quick".to_owned();
    let server = Server::builder()
        .config(config)
        .listen("127.0.0.1:0")
        .admin("127.0.0.1:0");
    let server = server.serve(|_: &Player| Silent).await.unwrap();
    let admin = server.admin_addr().unwrap();
    let _ann = join_as(&server, "ann").await;
    let suspects = async {
        loop {
            let (sessions, _) = list(admin, "?link=suspect&profile=quick").await;
            if let Some(session) = sessions.first() {
                return session["link"].as_str().unwrap().to_owned();
            }
        }
    };
    let label = within("a suspicion", suspects).await;
    assert_ne!(label, "healthy");
}

#[tokio::test]
async fn a_player_over_its_rate_is_marked_in_the_list_and_in_its_own_answer() {
    let mut config = Config::default();
    config.rates.frames_per_second = 1;
    let server = Server::builder()
        .config(config)
        .listen("127.0.0.1:0")
        .admin("127.0.0.1:0");
    let server = server.serve(|_: &Player| Silent).await.unwrap();
    let admin = server.admin_addr().unwrap();
    let mut ann = join_as(&server, "ann").await;
    let id = server.sessions()[0].session;
    ann.write_all(&frame(0, b"x").repeat(100)).await.unwrap();
    let marked = async {
        while list(admin, "").await.0[0]["rate_limited"] != true {}
        let answer = get(admin, &format!("/api/sessions/{id}")).await;
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    let known = within("the mark", marked).await;
    assert_eq!(known["live"]["rate_limited"], true);
    assert_eq!(known["live"]["congested"], false);
}

#[tokio::test]
async fn pages_are_stable_while_players_come_and_go() {
    let (server, admin) = start().await;
    let mut here = Vec::new();
    for n in 0..600 {
        here.push(join_as(&server, &format!("player {n}")).await);
    }
    let mut seen = Vec::new();
    let mut query = "?limit=100".to_owned();
    loop {
        let (sessions, last) = list(admin, &query).await;
        let on_page = sessions
            .iter()
            .map(|session| session["player"].as_str().unwrap().to_owned());
        seen.extend(on_page);
        let Some(last) = last else { break };
        assert_eq!(sessions.len(), 100, "a page that is not the last is full");
        // A session that was listed leaves, and another takes its slot.
        drop(here.remove(0));
        here.push(join_as(&server, "new").await);
        query = format!("?limit=100&after={last}");
    }
    let stayed = (5..600).map(|n| format!("player {n}"));
    for name in stayed {
        let times = seen.iter().filter(|seen| **seen == name).count();
        assert_eq!(times, 1, "{name}");
    }
    let (found, more) = list(admin, "?player=player%20599&limit=1").await;
    assert_eq!((found.len(), more), (1, None), "behind many others");
}

#[tokio::test]
async fn a_join_is_a_line_at_debug_with_who_came_from_where() {
    let log = Log::start();
    let (server, _admin) = start().await;
    let ann = join_as(&server, "ann\u{1b}[2J\nbob").await;
    let session = server.sessions()[0].session.to_string();
    let mut lines = log.lines("lastword::join");
    lines.retain(|line| line.fields["session"] == session);
    let [line] = &lines[..] else {
        panic!("one line")
    };
    let fields = ["level", "player", "remote", "profile", "message"];
    let remote = ann.local_addr().unwrap().to_string();
    let expected = [
        "DEBUG",
        "ann<U+001B>[2J<U+000A>bob",
        &remote,
        "standard",
        "joined",
    ];
    assert_eq!(
        fields.map(|field| line.fields[field].as_str().unwrap()),
        expected
    );
}

#[tokio::test]
async fn an_unknown_session_is_not_found() {
    let (_server, admin) = start().await;
    let unknown = get(admin, "/api/sessions/00000000000000000000000000000000").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(get(admin, "/api/sessions/ann").await.status, 400);
}
