//! Servers that do not suit a storm: each kind gets its own error before the storm begins.

use std::net::SocketAddr;
use std::time::Duration;

use lastword::admin::Admin;
use lastword::{AdminExt, Context, GameCode, Handler, Kick, Player, Server, ServerHandle};
use lastword_load::{AdminError, AdminToken, NotAServer, NotAnEcho, Scenario, Storm, StormError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Echo, server};

/// Sends a frame to each player that joins.
struct Greets;

impl Handler for Greets {
    fn joined(&mut self, context: &mut Context<'_, '_>) {
        context.send(b"welcome").unwrap();
    }

    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        Echo.frame(context, payload);
    }
}

/// Sends another frame before each echo.
struct Announces;

impl Handler for Announces {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        context.send(b"a frame of yours came").unwrap();
        Echo.frame(context, payload);
    }
}

/// Sends no frames.
struct Mute;

impl Handler for Mute {
    fn frame(&mut self, _: &mut Context<'_, '_>, _: &[u8]) {}
}

/// Sends back another payload.
struct Reverses;

impl Handler for Reverses {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        let reversed: Vec<_> = payload.iter().rev().copied().collect();
        context.send(&reversed).unwrap();
    }
}

/// Kicks each player that sends a frame.
struct Strict;

impl Handler for Strict {
    fn frame(&mut self, context: &mut Context<'_, '_>, _: &[u8]) {
        let code = GameCode::new(4_100).unwrap();
        context.kick(Kick::because("no strangers").with_code(code));
    }
}

async fn serve<H: Handler + Unpin>(game: fn(&Player) -> H) -> ServerHandle {
    let builder = Server::builder().listen("127.0.0.1:0");
    let builder = builder.admin("127.0.0.1:0");
    builder.serve(game).await.unwrap()
}

async fn tried(server: SocketAddr, admin: SocketAddr, text: &str) -> StormError {
    let storm = Storm {
        server: server.into(),
        admin: admin.into(),
        token: None,
        scenario: Scenario::parse(text).unwrap(),
    };
    let error = storm.run(std::future::pending(), |_| {}).await.unwrap_err();
    let words = error.to_string();
    assert!(words.contains(&server.port().to_string()), "{words}");
    error
}

async fn unfit<H: Handler + Unpin>(game: fn(&Player) -> H, text: &str) -> StormError {
    let server = serve(game).await;
    tried(server.local_addr(), server.admin_addr().unwrap(), text).await
}

const ECHOES: &str = "connections = 10\n[ways]\nfin = 1\n";
const SILENT: &str = "connections = 10\nframes = [0, 0]\n[ways]\nfin = 1\n";
const OBEYS: &str = "connections = 10\n[ways]\nkicked = 1\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_speaks_unasked_is_reported_as_that() {
    for text in [ECHOES, SILENT, OBEYS] {
        let error = unfit(|_| Greets, text).await;
        assert!(
            matches!(error, StormError::GameSpeaksUnasked { bytes: 7, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("without being asked"), "{error}");
    }
    for text in [ECHOES, OBEYS] {
        let error = unfit(|_| Announces, text).await;
        assert!(
            matches!(error, StormError::GameSpeaksUnasked { bytes: 21, .. }),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_does_not_echo_is_reported_with_what_it_does() {
    let (mute, reverses, strict) = tokio::join!(
        unfit(|_| Mute, ECHOES),
        unfit(|_| Reverses, ECHOES),
        unfit(|_| Strict, ECHOES)
    );
    let expected = NotAnEcho::NoAnswer(Duration::from_secs(5));
    assert!(is_no_echo(&mute, expected), "{mute}");
    let words = mute.to_string();
    assert!(words.contains("did not answer within 5s"), "{words}");
    assert!(is_no_echo(&reverses, NotAnEcho::Differs), "{reverses}");
    let expected = NotAnEcho::Ended(Some(4_100));
    assert!(is_no_echo(&strict, expected), "{strict}");
    assert!(strict.to_string().contains("code 4100"), "{strict}");
}

fn is_no_echo(error: &StormError, expected: NotAnEcho) -> bool {
    matches!(error, StormError::GameDoesNotEcho { how, .. } if *how == expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_need_not_echo_may_be_mute() {
    let server = serve(|_| Mute).await;
    let storm = Storm {
        server: server.local_addr().into(),
        admin: server.admin_addr().unwrap().into(),
        token: None,
        scenario: Scenario::parse(SILENT).unwrap(),
    };
    let report = storm.run(std::future::pending(), |_| {}).await.unwrap();
    assert!(report.is_right(), "{report}");
}

/// Listens on a port. Reads a byte of every connection, then answers with these bytes and closes. Without an answer
/// it keeps the connection open.
async fn stranger(answer: Option<&'static [u8]>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            match answer {
                Some(bytes) => stream.write_all(bytes).await.unwrap(),
                None => kept.push(stream),
            }
        }
    });
    addr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_kind_is_reported_with_what_it_answers() {
    let admin = server().await;
    for (answer, expected) in [
        (None, NotAServer::Silent(Duration::from_secs(5))),
        (Some(&b""[..]), NotAServer::HungUp),
        (Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"), NotAServer::Http),
        (Some(b"SSH-2.0-server\r\n"), NotAServer::OtherProtocol),
    ] {
        let addr = stranger(answer).await;
        let error = tried(addr, admin.admin_addr().unwrap(), ECHOES).await;
        let StormError::Server { fault, .. } = &error else {
            panic!("{error}");
        };
        assert!(
            matches!(fault, lastword_load::Fault::NoWelcome(how) if *how == expected),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_port_with_a_token_is_read_with_that_token_alone() {
    const TOKEN: &str = "0123456789abcdef";
    let admin = Admin::new("127.0.0.1:0").token(TOKEN);
    let builder = Server::builder().listen("127.0.0.1:0");
    let builder = builder.admin_with(admin);
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let run = async |token: Option<&str>| {
        let storm = Storm {
            server: server.local_addr().into(),
            admin: ("localhost", server.admin_addr().unwrap().port()).into(),
            token: token.map(|token| AdminToken::new(token).unwrap()),
            scenario: Scenario::parse(ECHOES).unwrap(),
        };
        storm.run(std::future::pending(), |_| {}).await
    };
    let report = run(Some(TOKEN)).await.unwrap();
    assert!(report.is_right() && report.connected == 10, "{report}");
    let missing = run(None).await.unwrap_err();
    assert!(
        matches!(missing, StormError::Admin(AdminError::TokenMissing { .. })),
        "{missing}"
    );
    let refused = run(Some("another")).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, StormError::Admin(AdminError::TokenRefused { .. })),
        "{refused}"
    );
    assert!(!format!("{refused:?}").contains("another"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_name_is_as_good_as_an_address() {
    let server = server().await;
    let storm = Storm {
        server: ("localhost", server.local_addr().port()).into(),
        admin: ("localhost", server.admin_addr().unwrap().port()).into(),
        token: None,
        scenario: Scenario::parse(ECHOES).unwrap(),
    };
    let report = storm.run(std::future::pending(), |_| {}).await.unwrap();
    assert!(report.is_right() && report.connected == 10, "{report}");
    assert_eq!(report.server, server.local_addr());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_resolve_is_named() {
    let storm = Storm {
        server: "no-such-host.invalid:7000".parse().unwrap(),
        admin: server().await.admin_addr().unwrap().into(),
        token: None,
        scenario: Scenario::parse(ECHOES).unwrap(),
    };
    let error = storm.run(std::future::pending(), |_| {}).await.unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("the name \"no-such-host.invalid\" does not resolve"),
        "{words}"
    );
}
