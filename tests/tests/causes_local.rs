//! Causes of our own end: limits, the game, the operator, and defects.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lastword_server::{Cause, Context, Handler, Kick, Phase, Player, SessionInfo};
use lastword_tests::{EndCollector, Fixture, Raw, config, data, hello, kind, within};

#[tokio::test]
async fn flooding_a_peer_that_does_not_read_is_send_queue_full() {
    let mut fixture = Fixture::start().await;
    let raw = Raw::connect_small(fixture.addr(), 4_096).await;
    let mut raw = raw;
    raw.enter("ann").await;
    let [SessionInfo { session, .. }] = fixture.server.sessions()[..] else {
        panic!("one session")
    };
    let refused = loop {
        match fixture.server.send(session, &[1; 60_000]) {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, lastword_server::SendError::QueueFull);
    assert_eq!(
        within("the goodbye", raw.goodbye_code()).await,
        Some(32),
        "it reads on, and learns why"
    );
    drop(raw);
    let end = fixture.ends_as(Cause::SendQueueFull, Phase::Live).await;
    assert!(
        end.ending.evidence.frames_unsent > 0,
        "what was dropped is counted"
    );
}

#[tokio::test]
async fn a_kick_is_kicked_and_its_reason_is_read() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    let [SessionInfo { session, .. }] = fixture.server.sessions()[..] else {
        panic!("one session")
    };
    fixture
        .server
        .kick(session, Kick::because("cheating"))
        .unwrap();
    let (kind, goodbye) = raw.frame().await.unwrap();
    assert_eq!(
        (kind, &goodbye[1..3], &goodbye[9..]),
        (
            kind::GOODBYE,
            80_u16.to_be_bytes().as_slice(),
            b"cheating".as_slice()
        )
    );
    drop(raw);
    fixture.ends_as(Cause::Kicked, Phase::Live).await;
    assert!(
        fixture.server.kick(session, Kick::default()).is_err(),
        "no session is left"
    );
}

#[tokio::test]
async fn an_orderly_close_of_the_game_is_closed_by_game_after_what_was_queued() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config()).bind().await.unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    let session = within("a session", server.accept()).await.unwrap();
    session.send(b"the last word").unwrap();
    let close = tokio::spawn(session.close());
    assert_eq!(
        raw.frame().await,
        Some((kind::DATA, b"the last word".to_vec()))
    );
    assert_eq!(raw.goodbye_code().await, Some(81));
    drop(raw);
    let departure = within("the departure", close).await.unwrap();
    assert_eq!(departure.cause, Cause::ClosedByGame.into());
    assert_eq!(collector.end().await.cause(), Cause::ClosedByGame);
    assert_eq!(
        server.handle().stats().disconnects,
        [(Cause::ClosedByGame, Phase::Live, 1)]
    );
}

#[tokio::test]
async fn a_dropped_session_is_closed_by_game() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config()).bind().await.unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    drop(within("a session", server.accept()).await.unwrap());
    assert_eq!(raw.goodbye_code().await, Some(81));
    drop(raw);
    assert_eq!(collector.end().await.cause(), Cause::ClosedByGame);
    assert_eq!(
        collector.departure().await.cause,
        Cause::ClosedByGame.into()
    );
    assert!(server.handle().stats().laws_hold());
}

#[tokio::test]
async fn a_connection_while_draining_is_refused_draining_in_admission() {
    let mut fixture = Fixture::start().await;
    let mut stays = Raw::join(fixture.addr(), "stays").await;
    let server = fixture.server.clone();
    let drain = tokio::spawn(async move { server.drain(Duration::from_secs(10)).await });
    assert_eq!(
        stays.frame().await.unwrap().0,
        kind::NOTICE,
        "the drain began"
    );
    let mut late = Raw::connect(fixture.addr()).await;
    assert_eq!(late.goodbye_code().await, Some(68));
    drop(late);
    fixture
        .ends_as_ever(Cause::RefusedDraining, Phase::Admission)
        .await;
    drop(stays);
    within("the drain", drain).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_no_session_yet_when_draining_began_is_refused_draining() {
    let mut fixture = Fixture::start().await;
    let mut early = Raw::connect(fixture.addr()).await;
    early.write(&hello(b"ann")[..10]).await;
    within("it is accepted", async {
        while fixture.server.stats().connections_open == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    within("the drain", fixture.server.drain(Duration::from_secs(10))).await;
    assert_eq!(early.goodbye_code().await, Some(68));
    fixture.ends_as(Cause::RefusedDraining, Phase::Hello).await;
}

#[tokio::test]
async fn a_peer_that_leaves_after_the_notice_is_drained() {
    for goodbye in [true, false] {
        let mut fixture = Fixture::start().await;
        let mut raw = Raw::join(fixture.addr(), "ann").await;
        let server = fixture.server.clone();
        let drain = tokio::spawn(async move { server.drain(Duration::from_secs(10)).await });
        assert_eq!(raw.frame().await.unwrap().0, kind::NOTICE);
        if goodbye {
            raw.write(&lastword_tests::goodbye()).await;
        }
        drop(raw);
        within("the drain is over when no session is left", drain)
            .await
            .unwrap();
        fixture.ends_as(Cause::Drained, Phase::Live).await;
    }
}

#[tokio::test]
async fn a_peer_that_answers_our_goodbye_is_drained_in_its_turn() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    let server = fixture.server.clone();
    let drain = tokio::spawn(async move { server.drain(Duration::from_millis(600)).await });
    assert_eq!(raw.goodbye_code().await, Some(85));
    drop(raw);
    within("the drain", drain).await.unwrap();
    fixture.ends_as(Cause::Drained, Phase::Live).await;
}

#[tokio::test]
async fn a_peer_that_stays_beyond_the_deadline_is_drain_expired() {
    let mut fixture = Fixture::start().await;
    let raw = Raw::join(fixture.addr(), "ann").await;
    within(
        "the drain",
        fixture.server.drain(Duration::from_millis(600)),
    )
    .await;
    fixture.ends_as(Cause::DrainExpired, Phase::Live).await;
    drop(raw);
}

#[tokio::test]
async fn a_peer_present_when_the_drain_is_cut_short_is_drain_expired_and_reads_it() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    let server = fixture.server.clone();
    let drain = tokio::spawn(async move { server.drain(Duration::from_secs(60)).await });
    assert_eq!(raw.frame().await.unwrap().0, kind::NOTICE);
    fixture.server.expire();
    assert_eq!(raw.goodbye_code().await, Some(86));
    drop(raw);
    within("the drain", drain).await.unwrap();
    fixture.ends_as(Cause::DrainExpired, Phase::Live).await;
}

#[tokio::test]
async fn a_peer_over_the_limit_is_server_full_and_reads_it() {
    let mut config = config();
    config.admission.connections_max = 1;
    let mut fixture = Fixture::with(config, lastword_server::Anonymous).await;
    let first = Raw::join(fixture.addr(), "first").await;
    let mut second = Raw::connect(fixture.addr()).await;
    assert_eq!(second.goodbye_code().await, Some(65));
    drop(second);
    fixture
        .ends_as_ever(Cause::ServerFull, Phase::Admission)
        .await;
    drop(first);
}

/// Panics on the word `panic`, and reports whether `left` was called.
struct Fragile(Arc<AtomicBool>);

impl Handler for Fragile {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        assert!(payload != b"panic", "the test's planted panic");
        context.send(payload).unwrap();
    }

    fn left(self, _departure: &lastword_server::Departure) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_panicking_handler_is_handler_panicked_and_costs_its_own_session_only() {
    let left = Arc::new(AtomicBool::new(false));
    let mut collector = EndCollector::default();
    let flag = Arc::clone(&left);
    let server = collector
        .builder(config())
        .serve(move |_: &Player| Fragile(Arc::clone(&flag)))
        .await
        .unwrap();
    let mut bystander = Raw::join(server.local_addr(), "bob").await;
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    raw.write(&[data(b"one"), data(b"panic"), data(b"two")].concat())
        .await;
    assert_eq!(
        raw.frame().await,
        Some((kind::DATA, b"one".to_vec())),
        "what was answered before arrives"
    );
    assert_eq!(raw.goodbye_code().await, Some(90));
    drop(raw);
    let end = collector.end().await;
    assert_eq!(
        (end.cause(), end.ending.verdict.phase),
        (Cause::HandlerPanicked, Phase::Live)
    );
    assert_eq!(
        collector.departure().await.cause,
        Cause::HandlerPanicked.into(),
        "the observer is told"
    );
    assert!(
        !left.load(Ordering::SeqCst),
        "`left` is not called on a handler that panicked"
    );
    bystander.echo(b"alive").await;
    assert!(server.stats().laws_hold());
}

#[test]
fn a_runtime_that_is_dropped_under_its_sessions_is_verdict_missing() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (mut fixture, raw) = runtime.block_on(async {
        let fixture = Fixture::start().await;
        let raw = Raw::join(fixture.addr(), "ann").await;
        (fixture, raw)
    });
    drop(runtime);
    let other = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let end = other.block_on(fixture.ends_as(Cause::VerdictMissing, Phase::Live));
    assert_eq!(end.connection, 1, "it is an end of a session");
    drop(raw);
}
