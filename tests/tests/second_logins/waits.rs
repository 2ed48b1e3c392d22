//! The time between two sessions of a player: who waits, for how long, and what ends the wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lastword_server::{Cause, Phase, Player, Policy, SecondLogin, Server, Session};
use lastword_tests::{Ask, Echo, EndCollector, Raw, config, data, hello, kind, until, within};
use tokio::time::Instant;

use crate::{Came, REFUSED, by_name, log_in, told, with};

#[tokio::test]
async fn a_session_whose_client_does_not_read_is_replaced_at_once() {
    let mut collector = EndCollector::default();
    let mut config = with(SecondLogin::Replace, config());
    config.timeouts.linger_ms = NEVER_MS;
    let builder = collector.builder(config).authenticator(Ask(by_name));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let mut deaf = Raw::connect_small(server.local_addr(), 4_096).await;
    deaf.enter("ann").await;
    let session = server.find("ann")[0].session;
    until("the kernel takes no more", || {
        // Frames that may be dropped end no session.
        let sent = server.send_with(session, Policy::DropOldest, &[0; 60_000]);
        assert_eq!(sent, Ok(()));
        server.find("ann")[0].congested
    })
    .await;
    let mut later = Raw::join(server.local_addr(), "ann").await;
    let departure = collector.departure().await;
    assert_eq!(departure.cause, Cause::ReplacedByLogin.into());
    later.echo(b"alive").await;
    let stats = server.stats();
    assert_eq!((stats.sessions_open, stats.connections_open), (1, 2));
    assert_eq!(
        collector.more(),
        0,
        "its goodbye still waits for the client"
    );
}

/// Longer than any test.
const NEVER_MS: u32 = 600_000;

/// A game that took a frame, and takes no further one until it may. Its session's end would wait for ten minutes.
async fn slow_game(policy: SecondLogin, auth_ms: u32) -> (Server, Session, Raw, EndCollector) {
    let mut config = with(policy, config());
    config.timeouts.auth_ms = auth_ms;
    (config.timeouts.delivery_ms, config.timeouts.linger_ms) = (NEVER_MS, NEVER_MS);
    let mut collector = EndCollector::default();
    let builder = collector.builder(config).authenticator(Ask(by_name));
    let mut server = builder.bind().await.unwrap();
    let mut raw = Raw::join(server.handle().local_addr(), "ann").await;
    raw.write(&data(b"one")).await;
    raw.write(&data(b"two")).await;
    let mut session = within("a session", server.accept()).await.unwrap();
    assert_eq!(session.recv().await.as_deref(), Some(b"one".as_slice()));
    (server, session, raw, collector)
}

#[tokio::test]
async fn a_slow_game_is_waited_for_at_most_a_second_and_keeps_its_frames() {
    let (server, mut session, _raw, mut collector) = slow_game(SecondLogin::Replace, 5_000).await;
    let addr = server.handle().local_addr();
    let begun = Instant::now();
    let mut later = Raw::connect(addr).await;
    later.enter("ann").await;
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(900), "{waited:?}");
    let departure = collector.departure().await;
    assert_eq!(departure.cause, Cause::ReplacedByLogin.into());
    assert_eq!(departure.undelivered_frames, 1);
    assert_eq!(session.recv().await.as_deref(), Some(b"two".as_slice()));
    assert_eq!(session.recv().await, None);
    let info = &server.handle().find("ann")[0];
    let before = begun.elapsed() - info.live_for;
    assert!(
        before >= Duration::from_millis(800),
        "the wait is no part of its life"
    );
}

#[tokio::test]
async fn the_wait_is_a_part_of_the_auth_timeout_and_what_waited_leaves_nothing() {
    let (server, session, _raw, mut collector) = slow_game(SecondLogin::Replace, 300).await;
    let addr = server.handle().local_addr();
    let late = log_in(Raw::connect(addr).await, "ann").await;
    assert_eq!(late.code(), Some(Cause::AuthTimeout.code()));
    collector.departure().await;
    drop(session);
    Raw::join(addr, "ann").await;
    let stats = server.handle().stats();
    assert_eq!((stats.sessions_joined, stats.departures.len()), (2, 1));
}

/// Of the logins that wait for one departure, the latest joins.
#[tokio::test]
async fn a_login_that_waits_is_told_when_a_later_one_comes() {
    let (server, _session, _raw, _collector) = slow_game(SecondLogin::Replace, 5_000).await;
    let addr = server.handle().local_addr();
    let mut waits = Raw::connect(addr).await;
    waits.write(&hello(b"ann")).await;
    // The earlier session is no longer in the list once it was told to end.
    until("it waits", || server.handle().find("ann").is_empty()).await;
    let mut latest = Raw::connect(addr).await;
    latest.enter("ann").await;
    let (kind, goodbye) = waits.frame().await.expect("an answer");
    assert_eq!(kind, kind::GOODBYE);
    let Came::Told(code, _, words, _) = told(&goodbye, false) else {
        unreachable!("it is a goodbye");
    };
    assert_eq!(
        (code, words.as_str()),
        (REFUSED, "the same player logged in again")
    );
    assert_eq!(server.handle().stats().sessions_joined, 2);
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_frees_the_name() {
    let (server, _session, _raw, mut collector) = slow_game(SecondLogin::Replace, 5_000).await;
    let addr = server.handle().local_addr();
    let mut waits = Raw::connect(addr).await;
    waits.write(&hello(b"ann")).await;
    until("it waits", || server.handle().find("ann").is_empty()).await;
    drop(waits);
    let end = collector.end().await;
    assert_eq!(
        (end.cause(), end.ending.verdict.phase, end.session),
        (Cause::PeerFin, Phase::Auth, None),
        "it never became a session"
    );
    collector.departure().await;
    let _next = Raw::join(addr, "ann").await;
    assert_eq!(server.handle().stats().sessions_joined, 2);
}

#[tokio::test]
async fn a_drain_refuses_a_login_that_waits() {
    let (server, session, _raw, mut collector) = slow_game(SecondLogin::Replace, 5_000).await;
    let handle = server.handle().clone();
    let mut waits = Raw::connect(handle.local_addr()).await;
    waits.write(&hello(b"ann")).await;
    until("it waits", || handle.find("ann").is_empty()).await;
    handle.begin_drain(Duration::from_secs(5));
    assert_eq!(
        waits.goodbye_code().await,
        Some(Cause::RefusedDraining.code())
    );
    let departure = collector.departure().await;
    assert_eq!(departure.cause, Cause::ReplacedByLogin.into());
    drop((waits, session, _raw));
    within("the end", handle.closed()).await;
    let stats = handle.stats();
    assert!(stats.laws_hold());
    assert_eq!((stats.sessions_joined, stats.connections_open), (1, 0));
}

/// The names of the sessions that are live already are known from the start only.
#[tokio::test]
async fn a_reload_says_that_the_policy_needs_a_restart() {
    let source = Arc::new(Mutex::new(with(SecondLogin::Refuse, config())));
    let read = Arc::clone(&source);
    let mut collector = EndCollector::default();
    let builder = collector.builder(source.lock().unwrap().clone());
    let builder = builder.reload_from(move || Ok(read.lock().unwrap().clone()));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    source.lock().unwrap().sessions.second_login = SecondLogin::Replace;
    let reload = server.reload().unwrap();
    assert_eq!(reload.needs_restart, ["sessions.second_login"]);
    assert_eq!(server.second_login(), SecondLogin::Refuse);
}
