//! A game's own recorder that panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lastword_server::{Departure, Handler, Player, Server};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tokio::sync::mpsc;

use crate::http::get;
use crate::server::{beat, join, start, within};

/// A recorder whose histograms always panic, and whose counters panic the first time.
#[derive(Default)]
struct Brittle(Arc<Calls>);

#[derive(Default)]
struct Calls(AtomicU64);

impl HistogramFn for Calls {
    fn record(&self, _value: f64) {
        panic!("the test's planted panic");
    }
}

impl CounterFn for Calls {
    fn increment(&self, _value: u64) {}

    fn absolute(&self, _value: u64) {
        let first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
        assert!(!first, "the test's planted panic");
    }
}

impl Recorder for Brittle {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "lastword_connections_opened_total" => Counter::from_arc(Arc::clone(&self.0)),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::clone(&self.0))
    }
}

/// Reports that its player left.
struct Telling(mpsc::Sender<Departure>);

impl Handler for Telling {
    fn frame(&mut self, _context: &mut lastword_server::Context<'_, '_>, _payload: &[u8]) {}

    fn left(self, departure: &Departure) {
        self.0.try_send(departure.clone()).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_panics_costs_no_player_the_end_and_the_publisher_goes_on() {
    let (telling, mut told) = mpsc::channel(1);
    let recorder = Arc::new(Brittle::default());
    let calls = Arc::clone(&recorder.0);
    let server = Server::builder().listen("127.0.0.1:0").recorder(recorder);
    let server = server.serve(move |_: &Player| Telling(telling.clone()));
    let server = server.await.unwrap();
    let mut player = join(&server).await;
    beat(&mut player).await;
    drop(player);
    let departure = within("the departure", told.recv()).await.unwrap();
    assert_eq!(departure.cause, lastword_server::Cause::PeerFin.into());
    assert_eq!(server.stats().round_trips, 1);

    within("what is published next", async {
        while calls.0.load(Ordering::Relaxed) < 3 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    server.expire();
    within("the end", server.closed()).await;
    assert!(server.stats().laws_hold());
}

#[tokio::test]
async fn a_panic_while_the_counts_are_shown_leaves_them_as_they_were() {
    let (server, admin) = start().await;
    let publish = AssertUnwindSafe(|| server.publish(|| panic!("the test's planted panic")));
    assert!(catch_unwind(publish).is_err());
    assert_eq!(get(admin, "/metrics").await.status, 200);
    let _stays = join(&server).await;
    assert!(server.stats().laws_hold());
}
