use std::net::SocketAddr;

use lastword_admin::{Admin, AdminExt};
use lastword_server::{Cause, Player, Server, ServerHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::http::{Answer, get, send};
use crate::log::Log;
use crate::server::{Silent, join_as, start, within};

const TOKEN: &str = "0123456789abcdef";
/// Headers that a browser sends for the page of another site, or a proxy for its client, and the status of the answer.
const FOR_ANOTHER: [(&str, u16); 8] = [
    ("Host: localhost\r\nHost: evil.example\r\n", 421),
    ("Host: evil.example@localhost\r\n", 421),
    ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403),
    ("Host: localhost\r\nOrigin: http://evil.example\r\n", 403),
    ("Host: localhost\r\nForwarded: for=203.0.113.7\r\n", 403),
    ("Host: localhost\r\nX-Forwarded-For: 203.0.113.7\r\n", 403),
    ("Host: localhost\r\nX-Real-IP: 127.0.0.1\r\n", 403),
    ("Host: localhost\r\nVia: 1.1 proxy\r\n", 403),
];

async fn start_with(admin: Admin) -> ServerHandle {
    let server = Server::builder().listen("127.0.0.1:0").admin_with(admin);
    server.serve(|_: &Player| Silent).await.unwrap()
}

/// A server whose port needs a token.
async fn guarded() -> (ServerHandle, SocketAddr) {
    let server = start_with(Admin::new("127.0.0.1:0").token(TOKEN)).await;
    let admin = server.admin_addr().unwrap();
    (server, admin)
}

async fn with_token(admin: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let headers = format!("Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n");
    send(admin, method, path, &headers, body).await
}

#[tokio::test]
async fn with_a_token_only_health_and_the_page_itself_are_open() {
    let (_server, admin) = guarded().await;
    for path in [
        "/metrics",
        "/api/closes",
        "/api/live",
        "/api/sessions",
        "/api/sessions/00000000000000000000000000000000",
    ] {
        let refused = get(admin, path).await;
        assert_eq!(
            (refused.status, refused.header("www-authenticate")),
            (401, Some("bearer")),
            "{path}"
        );
        assert!(!refused.body.contains(TOKEN));
    }
    for path in ["/api/kick", "/api/drain"] {
        let refused = send(admin, "POST", path, "Host: localhost\r\n", "").await;
        assert_eq!(refused.status, 401, "{path}");
    }
    for path in ["/healthz", "/readyz", "/", "/assets/app.js"] {
        assert_eq!(get(admin, path).await.status, 200, "{path}");
    }
    for path in ["/metrics", "/api/closes", "/api/sessions"] {
        assert_eq!(
            with_token(admin, "GET", path, "").await.status,
            200,
            "{path}"
        );
    }
}

#[tokio::test]
async fn without_a_token_a_kick_or_drain_is_refused_with_the_reason() {
    let (server, admin) = start().await;
    for path in ["/api/kick", "/api/drain"] {
        let headers = format!("Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n");
        let refused = send(admin, "POST", path, &headers, "{}").await;
        assert_eq!(refused.status, 403);
        assert!(
            refused.body.contains("admin.token_file"),
            "{}",
            refused.body
        );
    }
    assert!(!server.is_draining());
}

#[tokio::test]
async fn a_name_that_was_pointed_to_this_machine_opens_nothing() {
    let (_server, admin) = start().await;
    for path in ["/", "/metrics", "/api/closes", "/api/live", "/api/sessions"] {
        let refused = send(admin, "GET", path, "Host: evil.example\r\n", "").await;
        assert_eq!(refused.status, 421, "{path}");
    }
    let probe = send(admin, "GET", "/healthz", "Host: evil.example\r\n", "").await;
    assert_eq!(probe.status, 200, "a probe shows nothing");
}

#[tokio::test]
async fn without_a_token_a_browser_gets_nothing_for_another_site_and_a_proxy_nothing_for_its_client()
 {
    let (_server, admin) = start().await;
    let session = "/api/sessions/00000000000000000000000000000000";
    for path in ["/", "/metrics", "/api/closes", "/api/live", session] {
        for (headers, status) in FOR_ANOTHER {
            let refused = send(admin, "GET", path, headers, "").await;
            assert_eq!(refused.status, status, "{path} {headers}");
            assert!(refused.body.contains("token"), "{}", refused.body);
        }
        let target = format!("http://localhost{path}");
        let refused = send(admin, "GET", &target, "Host: localhost\r\n", "").await;
        assert_eq!(refused.status, 421, "{target}");
    }
    for (headers, _) in FOR_ANOTHER {
        let probe = send(admin, "GET", "/healthz", headers, "").await;
        assert_eq!(probe.status, 200, "a probe shows nothing");
    }
}

/// As where the kernel translates an address of the network to loopback.
#[tokio::test]
async fn without_a_token_another_address_than_loopback_gets_nothing() {
    let (_server, admin) = start().await;
    let route = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = route
        .connect("203.0.113.1:9")
        .and_then(|()| route.local_addr());
    let Ok(own) = own else {
        eprintln!(
            "skipped: without_a_token_another_address_than_loopback_gets_nothing: this machine has only loopback"
        );
        return;
    };
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(own.ip(), 0)).unwrap();
    let mut stream = within("a connection", socket.connect(admin)).await.unwrap();
    let request = b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    within("an answer", read).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 403 "), "{answer}");
}

#[tokio::test]
async fn with_the_token_a_proxy_may_forward_requests() {
    let (server, admin) = guarded().await;
    for (headers, _) in FOR_ANOTHER {
        for path in ["/metrics", "/api/closes"] {
            let headers = format!("{headers}Authorization: Bearer {TOKEN}\r\n");
            let answer = send(admin, "GET", path, &headers, "").await;
            assert_eq!(answer.status, 200, "{path} {headers}");
        }
        assert_eq!(send(admin, "GET", "/", headers, "").await.status, 200);
        assert_eq!(
            send(admin, "GET", "/metrics", headers, "").await.status,
            401
        );
    }
    let (proxy, _) = FOR_ANOTHER[5];
    let headers = format!("{proxy}Authorization: Bearer {TOKEN}\r\n");
    let drain = send(admin, "POST", "/api/drain", &headers, "").await;
    assert_eq!((drain.status, server.is_draining()), (202, true));
}

#[tokio::test]
async fn a_link_of_another_site_opens_the_page_and_no_data() {
    let (_server, admin) = start().await;
    let link = "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n\
        Sec-Fetch-Dest: document\r\n";
    assert_eq!(send(admin, "GET", "/", link, "").await.status, 200);
    for path in ["/metrics", "/api/closes", "/api/live", "/api/sessions"] {
        assert_eq!(
            send(admin, "GET", path, link, "").await.status,
            403,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_kick_with_the_token_throws_a_player_out_with_its_reason() {
    let (server, admin) = guarded().await;
    let mut ann = join_as(&server, "ann").await;
    let session = server.sessions()[0].session;
    let kick =
        format!(r#"{{"session":"{session}","code":4100,"reason":"enough","advice":"do_not"}}"#);
    assert_eq!(
        with_token(admin, "POST", "/api/kick", &kick).await.status,
        202
    );
    let mut heard = Vec::new();
    within("the goodbye", ann.read_to_end(&mut heard))
        .await
        .unwrap();
    let words = String::from_utf8_lossy(&heard);
    assert!(words.contains("enough"), "{words}");
    drop(ann);
    within("the end", async {
        while server.stats().ended_by(Cause::Kicked) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        with_token(admin, "POST", "/api/kick", &kick).await.status,
        404
    );
    assert_eq!(
        with_token(admin, "POST", "/api/kick", "{}").await.status,
        400
    );
    let long = format!(
        r#"{{"session":"{session}","reason":"{}"}}"#,
        "x".repeat(5_000)
    );
    assert_eq!(
        with_token(admin, "POST", "/api/kick", &long).await.status,
        413
    );
}

#[tokio::test]
async fn a_kick_of_a_player_throws_out_each_of_its_sessions_and_says_how_many() {
    let log = Log::start();
    let (server, admin) = guarded().await;
    let ann = [join_as(&server, "ann").await, join_as(&server, "ann").await];
    let bob = join_as(&server, "bob\u{1b}").await;
    let kick = async |body: &str| with_token(admin, "POST", "/api/kick", body).await;
    let kicked = kick(r#"{"player":"ann","reason":"enough"}"#).await;
    assert_eq!((kicked.status, &*kicked.body), (202, "kicked 2 sessions\n"));
    let lines = log.lines("lastword_admin::actions");
    let of_ann = |line: &&crate::log::Line| line.fields.get("sessions").is_some_and(|n| *n == 2);
    let names: Vec<_> = lines
        .iter()
        .filter(of_ann)
        .map(|line| &line.fields["player"])
        .collect();
    assert_eq!(names, ["ann"], "a name in a line has no quotes of its own");
    for mut ann in ann {
        let mut heard = Vec::new();
        within("the goodbye", ann.read_to_end(&mut heard))
            .await
            .unwrap();
        assert!(String::from_utf8_lossy(&heard).contains("enough"));
    }
    let unknown = kick(r#"{"player":"an"}"#).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.body.contains("/api/sessions"), "{}", unknown.body);
    let session = server.find("bob\u{1b}")[0].session;
    let both = kick(&format!(r#"{{"player":"bob","session":"{session}"}}"#)).await;
    assert_eq!(both.status, 400);
    // The name is written as the list shows it.
    let kicked = kick(r#"{"player":"bob<U+001B>"}"#).await;
    assert_eq!((kicked.status, &*kicked.body), (202, "kicked 1 session\n"));
    drop(bob);
}

#[tokio::test]
async fn a_drain_with_the_token_ends_the_server() {
    let (server, admin) = guarded().await;
    let refused = with_token(admin, "POST", "/api/drain", r#"{"timeout":1}"#).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(!server.is_draining());
    let begun = with_token(admin, "POST", "/api/drain", r#"{"timeout_ms":0}"#).await;
    assert_eq!(begun.status, 202);
    within("the end", server.closed()).await;
}

#[tokio::test]
async fn scrapers_have_a_port_of_their_own_that_shows_no_player() {
    let admin = Admin::new("127.0.0.1:0")
        .token(TOKEN)
        .metrics_listen("0.0.0.0:0");
    let server = start_with(admin).await;
    let port = server.metrics_addr().unwrap().port();
    let metrics = SocketAddr::from(([127, 0, 0, 1], port));
    let name = "Host: scraped.example\r\n";
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(
            send(metrics, "GET", path, name, "").await.status,
            200,
            "{path}"
        );
    }
    for path in ["/", "/api/closes", "/api/live", "/assets/app.js"] {
        assert_eq!(
            send(metrics, "GET", path, name, "").await.status,
            404,
            "{path}"
        );
    }
    assert_eq!(
        send(metrics, "POST", "/api/drain", name, "").await.status,
        404
    );
}

#[tokio::test]
async fn a_port_that_others_can_reach_takes_a_token() {
    let start = |admin: Admin| async {
        let server = Server::builder().listen("127.0.0.1:0").admin_with(admin);
        server.serve(|_: &Player| Silent).await
    };
    let refused = start(Admin::new("0.0.0.0:0"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("needs a token") && refused.contains("token_file"),
        "{refused}"
    );
    let short = start(Admin::new("0.0.0.0:0").token("short"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        short.contains("16 to 256") && !short.contains("short"),
        "{short}"
    );
    let gone = start(Admin::new("0.0.0.0:0").token_file("/no/such/file")).await;
    assert!(gone.unwrap_err().to_string().contains("/no/such/file"));
    start(Admin::new("0.0.0.0:0").token(TOKEN)).await.unwrap();
}

#[tokio::test]
async fn the_page_is_known_by_its_content_and_may_load_nothing_from_elsewhere() {
    let (_server, admin) = start().await;
    let page = get(admin, "/").await;
    assert!(page.body.starts_with("<!doctype html>"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let tag = page.header("etag").unwrap();
    let headers = format!("Host: localhost\r\nIf-None-Match: {tag}\r\n");
    let known = send(admin, "GET", "/", &headers, "").await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    // Every file that the page names exists.
    let names = page
        .body
        .split('"')
        .filter(|text| text.starts_with("/assets/"));
    for name in names {
        assert_eq!(get(admin, name).await.status, 200, "{name}");
    }
}
