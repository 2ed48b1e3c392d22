//! Sessions that have joined, but the game has not taken them, has given them up, or has no runtime for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::task::Poll;

use lastword_server::{Cause, Kick, Player, SendError, Server, SessionInfo};
use lastword_tests::{Ask, EndCollector, Fixture, Raw, config, hello, kind, until, within};

#[tokio::test]
async fn a_dropped_server_ends_sessions_that_were_never_accepted() {
    let mut collector = EndCollector::default();
    let server = collector.builder(config()).bind().await.unwrap();
    let handle = server.handle().clone();
    let mut before = Raw::join(handle.local_addr(), "before").await;
    drop(server);
    assert_eq!(before.goodbye_code().await, Some(81));
    drop(before);
    assert_eq!(
        collector.departure().await.cause,
        Cause::ClosedByGame.into()
    );
    let mut after = Raw::join(handle.local_addr(), "after").await;
    assert_eq!(after.goodbye_code().await, Some(81));
    drop(after);
    assert_eq!(
        collector.departure().await.cause,
        Cause::ClosedByGame.into()
    );
    assert!(handle.stats().laws_hold());
}

#[tokio::test]
async fn sessions_that_came_and_went_do_not_pile_up_before_a_game_that_takes_none() {
    const LIMIT: u32 = 4;
    let mut config = config();
    config.admission.connections_max = LIMIT;
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config).bind().await.unwrap();
    let handle = server.handle().clone();
    let last = "still here";
    for n in 0..10 * LIMIT {
        let mut raw = Raw::join(handle.local_addr(), &n.to_string()).await;
        let [SessionInfo { session, .. }] = handle.sessions()[..] else {
            panic!("one session")
        };
        handle.kick(session, Kick::default()).unwrap();
        assert_eq!(raw.goodbye_code().await, Some(80));
        drop(raw);
        collector.end().await;
    }
    let stays = Raw::join(handle.local_addr(), last).await;
    let mut names = Vec::new();
    while let Some(session) = next(&mut server).await {
        names.push(session.player().unwrap().to_owned());
    }
    assert!(names.len() <= 2 * LIMIT as usize, "{names:?}");
    assert_eq!(names.pop().unwrap(), last, "a joined session is not lost");
    drop(stays);
}

/// Returns the next session, if one is there already.
async fn next(server: &mut Server) -> Option<lastword_server::Session> {
    let mut accept = std::pin::pin!(server.accept());
    std::future::poll_fn(|cx| match accept.as_mut().poll(cx) {
        Poll::Ready(session) => Poll::Ready(session),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[test]
fn a_session_whose_runtime_is_gone_takes_no_frame() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (session, raw) = runtime.block_on(async {
        let mut server = Server::builder()
            .listen("127.0.0.1:0")
            .bind()
            .await
            .unwrap();
        let raw = Raw::join(server.local_addr(), "ann").await;
        let session = within("a session", server.accept()).await.unwrap();
        (session, raw)
    });
    assert_eq!(session.send(b"in time"), Ok(()));
    drop(runtime);
    assert_eq!(session.send(b"into the void"), Err(SendError::Closed));
    drop(raw);
}

/// A peer that is turned away lingers for a while, but takes no place meanwhile.
#[tokio::test]
async fn a_peer_that_is_turned_away_takes_no_place() {
    let mut config = config();
    config.admission.connections_max = 1;
    let fixture = Fixture::with(config, lastword_server::Anonymous).await;
    let first = Raw::join(fixture.addr(), "first").await;
    let mut refused = Raw::connect(fixture.addr()).await;
    let (kind, goodbye) = refused.frame().await.unwrap();
    assert_eq!(
        (kind, &goodbye[1..3]),
        (kind::GOODBYE, 65_u16.to_be_bytes().as_slice())
    );
    drop(first);
    let server = fixture.server.clone();
    until("the first has left", move || {
        server.stats().sessions_open == 0
    })
    .await;
    Raw::join(fixture.addr(), "next").await.echo(b"in").await;
    drop(refused);
    assert!(fixture.server.stats().laws_hold());
}

/// A peer that was refused no longer needs an answer from the authenticator, and does not block a peer that does.
#[tokio::test]
async fn an_authenticator_that_is_late_is_dropped_with_its_place_before_the_peer_has_left() {
    let mut config = config();
    config.timeouts.auth_ms = 300;
    config.admission.authentications_max = 1;
    let ask = Ask(|credentials: lastword_server::Credentials| async move {
        if credentials.bytes == b"slow".as_slice() {
            std::future::pending::<()>().await;
        }
        Ok(Player::new("quick"))
    });
    let fixture = Fixture::with(config, ask).await;
    let mut slow = Raw::connect(fixture.addr()).await;
    slow.write(&hello(b"slow")).await;
    let (kind, _) = slow.frame().await.unwrap();
    assert_eq!(kind, kind::GOODBYE);
    Raw::join(fixture.addr(), "quick").await.echo(b"in").await;
    drop(slow);
}
