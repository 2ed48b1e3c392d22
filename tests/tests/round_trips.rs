//! The results of heartbeats at both ends of a real connection: the round trip, and the offset of the other end's
//! clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::time::{Duration, Instant};

use lastword_client::Client;
use lastword_server::{
    ClockOffset, Context, Handler, Player, RoundTrip, Server, ServerHandle, Time,
};
use lastword_session::wire::{Ping, Pong};
use lastword_tests::{EndCollector, Fixture, Raw, config, data, goodbye, kind, quick, within};
use tokio::sync::mpsc;

/// The clock of a peer, with an origin of its own.
#[derive(Clone, Copy)]
struct OwnClock {
    began: Instant,
    origin: u64,
}

impl OwnClock {
    fn with_origin(origin: u64) -> Self {
        Self {
            began: Instant::now(),
            origin,
        }
    }

    fn now(self) -> u64 {
        self.origin + u64::try_from(self.began.elapsed().as_micros()).unwrap()
    }

    /// Compares the server's estimate of this clock with the truth, which is read a moment later.
    #[track_caller]
    fn is_what_is_told(self, told: ClockOffset, server: &ServerHandle) {
        let before = server.now();
        let own = self.now();
        let after = server.now();
        let truth =
            |ours: Time| i64::try_from(own).unwrap() - i64::try_from(ours.as_micros()).unwrap();
        let error = i64::try_from(told.error.as_micros()).unwrap();
        // Both clocks are truncated to microseconds.
        let possible = truth(after) - error - 1..=truth(before) + error + 1;
        assert!(possible.contains(&told.micros), "{told:?} {possible:?}");
    }
}

/// Pings, reads the answer and the server's own ping after it, and answers that ping with `clock`.
async fn exchange(raw: &mut Raw, clock: OwnClock) {
    let mut ping = Vec::new();
    Ping {
        clock_us: clock.now(),
        received: 0,
    }
    .encode(&mut ping);
    raw.write(&ping).await;
    let (kind, _) = raw.frame().await.expect("an answer");
    assert_eq!(kind, kind::PONG);
    let (kind, asked) = raw.frame().await.expect("a question behind it");
    assert_eq!(kind, kind::PING);
    let asked = Ping::decode(&asked).unwrap();
    let mut pong = Vec::new();
    Pong {
        ping_clock_us: asked.clock_us,
        clock_us: clock.now(),
        held_us: 0,
        received: 0,
    }
    .encode(&mut pong);
    raw.write(&pong).await;
}

#[tokio::test]
async fn a_server_learns_the_round_trip_and_the_clock_of_a_peer_with_an_origin_of_its_own() {
    let mut fixture = Fixture::with(quick(config()), lastword_server::Anonymous).await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    let session = fixture.server.sessions()[0].session;
    assert_eq!(
        fixture.server.round_trip(session),
        Some(RoundTrip::default())
    );

    let clock = OwnClock::with_origin(1_700_000_000_000_000);
    exchange(&mut raw, clock).await;
    raw.echo(b"what was read before this").await;
    let known = fixture.server.round_trip(session).expect("it is live");
    let rtt = known.rtt().expect("a pong came");
    // Half of the first round trip, truncated to microseconds.
    let variance = known.variance().expect("a pong came");
    assert_eq!(variance.as_micros(), rtt.as_micros() / 2);
    let told = known.clock_offset().expect("a pong came");
    assert!(
        told.error <= rtt / 2 + Duration::from_micros(200),
        "{told:?} {rtt:?}"
    );
    clock.is_what_is_told(told, &fixture.server);
    let stats = fixture.server.stats();
    assert_eq!((stats.round_trips, stats.round_trip_mean), (1, rtt));

    raw.write(&goodbye()).await;
    raw.fin().await;
    let end = fixture.collector.end().await;
    let record = end.record();
    assert_eq!(record.rtt_us, u64::try_from(rtt.as_micros()).ok());
    assert_eq!(record.clock_offset_us, Some(told.micros));
    assert_eq!(
        record.clock_error_us,
        u64::try_from(told.error.as_micros()).ok()
    );
    let over = fixture.server.round_trip(session);
    assert_eq!(over, None, "it is no live session");
}

/// Reports its measurements to the test at each frame.
struct ReportingHandler(mpsc::UnboundedSender<RoundTrip>);

impl Handler for ReportingHandler {
    fn frame(&mut self, context: &mut Context<'_, '_>, _payload: &[u8]) {
        self.0.send(context.round_trip()).unwrap();
    }
}

#[tokio::test]
async fn a_handler_knows_what_the_handle_knows() {
    let (sender, mut known) = mpsc::unbounded_channel();
    let mut collector = EndCollector::default();
    let server = collector.builder(quick(config()));
    let server = server
        .serve(move |_: &Player| ReportingHandler(sender.clone()))
        .await
        .unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    raw.write(&data(b"before")).await;
    let before = within("a frame", known.recv()).await.unwrap();
    assert_eq!(before, RoundTrip::default());
    exchange(&mut raw, OwnClock::with_origin(5)).await;
    raw.write(&data(b"after")).await;
    let after = within("a frame", known.recv()).await.unwrap();
    let session = server.sessions()[0].session;
    assert!(after.rtt().is_some() && after.clock_offset().is_some());
    assert_eq!(server.round_trip(session), Some(after));
}

#[tokio::test]
async fn both_real_ends_know_the_others_clock_which_is_their_own_in_one_process() {
    let mut collector = EndCollector::default();
    let mut server: Server = collector.builder(quick(config())).bind().await.unwrap();
    let client = Client::connect(server.handle().local_addr(), "ann")
        .await
        .unwrap();
    let session = server.accept().await.unwrap();
    assert_eq!(client.round_trip(), RoundTrip::default());
    within("a pong at both ends", async {
        while [client.round_trip(), session.round_trip()]
            .iter()
            .any(|known| known.rtt().is_none())
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for known in [client.round_trip(), session.round_trip()] {
        assert!(known.variance().is_some());
        let rtt = known.rtt().unwrap();
        let told = known.clock_offset().expect("a pong told it");
        let error = i64::try_from(told.error.as_micros()).unwrap();
        assert!((-error..=error).contains(&told.micros), "{told:?}");
        assert!(
            told.error <= rtt / 2 + Duration::from_micros(200),
            "{told:?} {rtt:?}"
        );
    }
    let now = client.now();
    let known = client.round_trip();
    let there = known.clock_offset().unwrap().peer_time(now);
    assert!(there.since(now).max(now.since(there)) <= known.rtt().unwrap() * 2);
}
