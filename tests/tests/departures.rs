//! The game hears of an end when its cause is fixed; the connection lives on for its linger without a place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::time::Duration;

use lastword_server::{
    Cause, Config, Context, Departure, Event, Handler, Kick, Phase, Player, ProfileName,
    ServerHandle, SessionId,
};
use lastword_session::GoodbyeProgress;
use lastword_tests::{EndCollector, Fixture, Raw, config, quick, within};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

/// A linger that no test waits for.
fn long_linger() -> Config {
    let mut config = config();
    config.timeouts.linger_ms = 600_000;
    config
}

fn kick_the_only_one(server: &ServerHandle) -> SessionId {
    let sessions = server.sessions();
    let [only] = sessions.as_slice() else {
        unreachable!("one joined: {sessions:?}");
    };
    let session = only.session;
    server.kick(session, Kick::default()).unwrap();
    session
}

/// The client does not close, so its connection lingers for ten minutes.
#[tokio::test]
async fn a_kicked_player_frees_its_place_while_its_connection_lingers() {
    let mut config = long_linger();
    config.admission.connections_max = 1;
    let mut fixture = Fixture::with(config, lastword_server::Anonymous).await;
    let mut kicked = Raw::join(fixture.addr(), "ann").await;
    let session = kick_the_only_one(&fixture.server);
    let departure = fixture.collector.departure().await;
    assert_eq!(
        (departure.session, departure.cause),
        (session, Cause::Kicked.into())
    );
    let stats = fixture.server.stats();
    assert_eq!((stats.sessions_open, stats.connections_open), (0, 1));
    assert!(stats.laws_hold(), "{stats:?}");
    assert_eq!(stats.disconnects, [], "the connection is still open");
    let next = Raw::join(fixture.addr(), "bob").await;
    assert_eq!(kicked.goodbye_code().await, Some(Cause::Kicked.code()));
    drop(kicked);
    let end = fixture.ends_as_ever(Cause::Kicked, Phase::Live).await;
    assert_eq!(end.session, Some(session));
    assert_eq!(end.ending.evidence.farewell, GoodbyeProgress::FinSeen);
    drop(next);
    fixture.ends_as_ever(Cause::PeerFin, Phase::Live).await;
}

/// One connection has a place, so one more may linger.
#[tokio::test]
async fn a_connection_that_lingers_beyond_the_limit_closes_at_once_and_its_goodbye_arrives() {
    let mut config = long_linger();
    config.admission.connections_max = 1;
    let mut fixture = Fixture::with(config, lastword_server::Anonymous).await;
    let mut first = Raw::join(fixture.addr(), "ann").await;
    kick_the_only_one(&fixture.server);
    fixture.collector.departure().await;
    let mut second = Raw::join(fixture.addr(), "bob").await;
    let session = kick_the_only_one(&fixture.server);
    let end = fixture.ends_as_ever(Cause::Kicked, Phase::Live).await;
    assert_eq!(end.session, Some(session), "the second, and at once");
    for raw in [&mut first, &mut second] {
        assert_eq!(raw.goodbye_code().await, Some(Cause::Kicked.code()));
    }
    drop(first);
    fixture.ends_as_ever(Cause::Kicked, Phase::Live).await;
}

#[tokio::test]
async fn a_drain_waits_for_the_connections_that_linger() {
    let mut fixture = Fixture::with(long_linger(), lastword_server::Anonymous).await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    kick_the_only_one(&fixture.server);
    fixture.collector.departure().await;
    let server = fixture.server.clone();
    let mut drained = tokio::spawn(async move { server.drain(Duration::from_secs(60)).await });
    assert_eq!(raw.goodbye_code().await, Some(Cause::Kicked.code()));
    tokio::task::yield_now().await;
    assert!(!drained.is_finished(), "a connection is open");
    drop(raw);
    within("the drain", &mut drained).await.unwrap();
    within("the end", fixture.server.closed()).await;
    let stats = fixture.server.stats();
    assert_eq!((stats.sessions_open, stats.connections_open), (0, 0));
}

fn profile() -> ProfileName {
    ProfileName::new("quick").expect("a name")
}

/// Tells when its session left.
struct Watch(UnboundedSender<(Instant, Departure)>);

impl Handler for Watch {
    fn frame(&mut self, _context: &mut Context<'_, '_>, _payload: &[u8]) {}

    fn left(self, departure: &Departure) {
        self.0.send((Instant::now(), departure.clone())).ok();
    }
}

/// The clients keep their connections open and say nothing: the linger lasts for ten minutes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_player_leaves_within_the_printed_bound_in_each_shape() {
    let config = quick(long_linger());
    let (left, mut leaves) = unbounded_channel();
    let mut handlers = EndCollector::default();
    let sender = left.clone();
    let handler = handlers
        .builder(config.clone())
        .serve(move |_: &Player| Watch(sender.clone()))
        .await
        .unwrap();
    let mut sessions = EndCollector::default();
    let mut server = sessions.builder(config.clone()).bind().await.unwrap();
    let mut ticks = EndCollector::default();
    let (mut events, ticking) = ticks.builder(config).bind_events().await.unwrap();

    let servers = [&handler, server.handle(), &ticking];
    let mut bounds = handler.detection_bounds().iter();
    let frozen =
        bounds.find(|bound| bound.cause == Cause::PeerFrozen && bound.profile == profile());
    let bound = frozen
        .and_then(|bound| bound.within)
        .expect("it is printed");
    let limit = bound + Duration::from_millis(100);
    let mut raws = Vec::new();
    for server in servers {
        raws.push(Raw::join(server.local_addr(), "ann").await);
    }
    let since = Instant::now();
    let sender = left.clone();
    let game = std::thread::spawn(move || {
        loop {
            for event in events.drain() {
                if let Event::Left(departure) = event {
                    left.send((Instant::now(), departure.clone())).ok();
                    return;
                }
            }
            events.wait(Duration::MAX);
        }
    });
    let mut session = within("a session", server.accept()).await.unwrap();
    tokio::spawn(async move {
        assert_eq!(session.recv().await, None);
        sender.send((Instant::now(), session.close().await)).ok();
    });
    for _ in 0..3 {
        let left = within("a departure", leaves.recv()).await;
        let (at, departure) = left.expect("the games are there");
        assert_eq!(departure.cause, Cause::PeerFrozen.into(), "{departure}");
        let took = at.duration_since(since) - departure.ending.evidence.own_stall;
        assert!(took <= limit, "{took:?} and not {limit:?}: {departure}");
    }
    game.join().unwrap();
    for server in [&handler, server.handle(), &ticking] {
        assert_eq!(server.stats().connections_open, 1, "it lingers");
    }
    drop(raws);
}
