//! A drain always ends, even if a client is late, gone or stalled, or if the caller stops waiting for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::Duration;

use lastword_server::{
    Anonymous, Cause, Departure, Disconnect, Event, Observer, Phase, Player, Server, ServerHandle,
    SessionInfo, Stats,
};
use lastword_tests::{
    Ask, EndCollector, Fixture, Raw, config, data, goodbye, hello, kind, tcp_info, until, within,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_player_authenticated_after_the_drain_began_is_refused_and_never_joins() {
    let (asked_in, asked) = mpsc::channel();
    let (answer, answers) = mpsc::channel();
    let answers = Mutex::new(answers);
    // The authenticator blocks the connection's own task, so no request is handled before its answer.
    let ask = Ask(move |_| {
        asked_in.send(()).unwrap();
        answers.lock().unwrap().recv().unwrap();
        std::future::ready(Ok(Player::new("ann")))
    });
    let mut fixture = Fixture::with(config(), ask).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&hello(b"ann")).await;
    tokio::task::spawn_blocking(move || asked.recv())
        .await
        .unwrap()
        .unwrap();
    let drained = begin_drain(&fixture.server, Duration::from_secs(10)).await;
    answer.send(()).unwrap();
    assert_eq!(raw.goodbye_code().await, Some(68));
    drop(raw);
    within("the drain", drained).await.unwrap();
    fixture.ends_as(Cause::RefusedDraining, Phase::Auth).await;
}

#[tokio::test]
async fn a_server_that_is_expired_ends_without_a_drain() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    fixture.server.expire();
    assert_eq!(raw.goodbye_code().await, Some(86));
    drop(raw);
    within("the end", fixture.server.closed()).await;
    fixture.ends_as(Cause::DrainExpired, Phase::Live).await;
    within(
        "a drain of what has ended",
        fixture.server.drain(Duration::from_secs(60)),
    )
    .await;
}

/// A game that accepts to the end, and then leaves `main`, does not stop the runtime before every goodbye is sent.
#[tokio::test]
async fn accept_ends_when_the_sessions_that_were_cut_off_are_gone() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config()).bind().await.unwrap();
    let raw = Raw::join(server.local_addr(), "ann").await;
    let session = within("a session", server.accept()).await.unwrap();
    server.handle().expire();
    assert!(within("the end", server.accept()).await.is_none());
    assert_eq!(open(&server.handle().stats()), 0);
    assert_eq!(collector.end().await.cause(), Cause::DrainExpired);
    drop((raw, session));
}

#[tokio::test]
async fn a_drain_continues_when_no_caller_waits_for_it() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    {
        let server = fixture.server.clone();
        let mut drain = std::pin::pin!(server.drain(Duration::from_millis(600)));
        std::future::poll_fn(|cx| Poll::Ready(drain.as_mut().poll(cx).is_pending())).await;
    }
    assert_eq!(raw.goodbye_code().await, Some(85));
    drop(raw);
    within("the end", fixture.server.closed()).await;
    fixture.ends_as(Cause::Drained, Phase::Live).await;
    within("another drain", fixture.server.drain(Duration::ZERO)).await;
}

#[tokio::test]
async fn a_drain_without_a_deadline_is_one() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    let drained = begin_drain(&fixture.server, Duration::MAX).await;
    assert_eq!(raw.frame().await.unwrap().0, kind::NOTICE);
    drop(raw);
    within("the drain", drained).await.unwrap();
    fixture.ends_as(Cause::Drained, Phase::Live).await;
}

#[tokio::test]
async fn a_drain_without_time_says_goodbye_all_the_same() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    let drained = begin_drain(&fixture.server, Duration::ZERO).await;
    assert_eq!(raw.goodbye_code().await, Some(85));
    drop(raw);
    within("the drain", drained).await.unwrap();
    assert_eq!(
        fixture.collector.end().await.ending.verdict.phase,
        Phase::Live
    );
}

/// The peer is gone, and its last frames wait for a game that takes none.
#[tokio::test]
async fn a_drain_does_not_outwait_a_game_that_takes_nothing() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config()).bind().await.unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    let mut session = within("a session", server.accept()).await.unwrap();
    raw.write(&[data(b"one"), data(b"two")].concat()).await;
    raw.fin().await;
    // The server has seen the client that came later, so it has seen the FIN.
    drop(Raw::connect(server.local_addr()).await);
    assert_eq!(collector.end().await.cause(), Cause::PeerProbe);
    let handle = server.handle().clone();
    within("the drain", handle.drain(Duration::from_millis(200))).await;
    assert_eq!(open(&handle.stats()), 0, "no connection outlived it");
    let end = collector.end().await;
    assert_eq!(end.cause(), Cause::PeerFin, "it left before: {end:#?}");
    assert_eq!(collector.departure().await.undelivered_frames, 2);
    assert_eq!(session.recv().await.unwrap(), b"one".as_slice());
}

/// The peer has shut its side and does not read the data that we have still to send.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_drain_does_not_outwait_a_peer_that_takes_nothing() {
    let mut config = config();
    config.timeouts.linger_ms = 10_000;
    let mut fixture = Fixture::with(config, Anonymous).await;
    let mut raw = Raw::connect_small(fixture.addr(), 4_096).await;
    raw.enter("ann").await;
    let [SessionInfo { session, .. }] = fixture.server.sessions()[..] else {
        panic!("one session")
    };
    for _ in 0..3 {
        fixture.server.send(session, &[1; 60_000]).unwrap();
    }
    raw.fin().await;
    // FIN_WAIT2: the peer's kernel has our acknowledgement of its FIN.
    until("the FIN is there", || tcp_info(&raw.stream).state == 5).await;
    within(
        "the drain",
        fixture.server.drain(Duration::from_millis(200)),
    )
    .await;
    assert_eq!(
        open(&fixture.server.stats()),
        0,
        "no connection outlived it"
    );
    fixture
        .ends_as(Cause::PeerClosedWhileSending, Phase::Live)
        .await;
}

/// An observer that writes down the last end has finished when the game leaves `main`.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_is_over_when_every_end_was_told() {
    let told = Arc::new(AtomicBool::new(false));
    let (over, seen) = mpsc::channel();
    let slow = Slow {
        over: Mutex::new(seen),
        told: Arc::clone(&told),
    };
    let builder = Server::builder().listen("127.0.0.1:0").observer(slow);
    let (mut events, handle) = builder.bind_events().await.unwrap();
    let mut raw = Raw::join(handle.local_addr(), "ann").await;
    raw.write(&goodbye()).await;
    raw.fin().await;
    // The session is out of the books, and its end is being reported.
    until("it is counted out", || open(&handle.stats()) == 0).await;
    within("the drain", handle.drain(Duration::from_secs(15))).await;
    assert!(told.load(Ordering::Acquire), "the observer was told");
    // This fails unless the drain was over too early: the receiver has stopped waiting.
    over.send(()).ok();
    let left = |event: &Event<'_>| matches!(event, Event::Left(_));
    assert_eq!(
        events.drain().filter(left).count(),
        1,
        "and so was the game"
    );
    assert!(events.is_over());
}

/// Delays the report of an end by 500 ms, and checks that the drain is not over meanwhile.
struct Slow {
    over: Mutex<mpsc::Receiver<()>>,
    told: Arc<AtomicBool>,
}

impl Observer for Slow {
    fn disconnected(&self, _: &Arc<Disconnect>) {
        let over = self.over.lock().unwrap();
        let too_early = over.recv_timeout(Duration::from_millis(500));
        assert_eq!(too_early, Err(mpsc::RecvTimeoutError::Timeout));
    }

    fn left(&self, _: &Departure) {
        self.told.store(true, Ordering::Release);
    }
}

/// Begins a drain: when this returns, new connections are refused. The returned task ends when the drain is over.
async fn begin_drain(server: &ServerHandle, timeout: Duration) -> tokio::task::JoinHandle<()> {
    let watched = server.clone();
    let server = server.clone();
    let drain = tokio::spawn(async move { server.drain(timeout).await });
    until("the drain began", || watched.is_draining()).await;
    tokio::task::yield_now().await;
    drain
}

fn open(stats: &Stats) -> u64 {
    assert!(stats.laws_hold(), "{stats:?}");
    stats.connections_open
}
