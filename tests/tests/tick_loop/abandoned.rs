//! Games that are abandoned midway: by the runtime under them, or by the thread that played them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use lastword_server::{Disconnect, Event, Events, Observer, Server};
use lastword_tests::{EndCollector, PATIENCE, Raw, config, data, until};

/// Reports that an end came, and continues when told to.
struct Halting {
    halted: Sender<()>,
    go: Mutex<Receiver<()>>,
}

impl Observer for Halting {
    fn disconnected(&self, _disconnect: &Arc<Disconnect>) {
        self.halted.send(()).ok();
        let go = self.go.lock().unwrap();
        go.recv_timeout(PATIENCE).ok();
    }
}

#[test]
fn it_is_over_behind_the_last_departure_also_when_the_runtime_is_dropped() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (halted, has_halted) = channel();
    let (go, may_go) = channel();
    let observer = Halting {
        halted,
        go: Mutex::new(may_go),
    };
    let (mut events, players) = runtime.block_on(async {
        let builder = Server::builder().listen("127.0.0.1:0").observer(observer);
        let (mut events, server) = builder.bind_events().await.unwrap();
        let addr = server.local_addr();
        let players = [Raw::join(addr, "ann").await, Raw::join(addr, "bob").await];
        let mut joined = 0;
        until("both", || {
            joined += events.drain().count();
            joined == 2
        })
        .await;
        (events, players)
    });
    let dropping = thread::spawn(move || drop(runtime));
    let mut left = 0;
    for _ in &players {
        // The record of a connection comes behind the departure of its session.
        has_halted.recv_timeout(PATIENCE).unwrap();
        left += departures(&mut events);
        assert!(!events.is_over(), "the server is still there");
        go.send(()).unwrap();
    }
    dropping.join().unwrap();
    left += departures(&mut events);
    assert_eq!(left, players.len());
    assert!(events.is_over());
}

fn departures(events: &mut Events) -> usize {
    let left = |event: &Event<'_>| matches!(event, Event::Left(_));
    events.drain().filter(left).count()
}

/// Plays until three frames of Ann's have arrived, and takes events with `take`. Returns how many frames and bytes were
/// reported as lost.
async fn lost(take: impl FnOnce(&mut Events)) -> (u64, u64) {
    let mut collector = EndCollector::default();
    let builder = collector.builder(config());
    let (mut events, players) = builder.bind_events().await.unwrap();
    let mut ann = Raw::join(players.local_addr(), "ann").await;
    ann.write(&[data(b"one"), data(b"two"), data(b"three")].concat())
        .await;
    until("three frames", || players.stats().frames.0 == 3).await;
    take(&mut events);
    drop(events);
    ann.fin().await;
    let departure = collector.departure().await;
    (departure.undelivered_frames, departure.undelivered_bytes)
}

#[tokio::test]
async fn frames_that_were_never_drained_are_undelivered() {
    assert_eq!(lost(|_| ()).await, (3, 11));
}

#[tokio::test]
async fn frames_of_a_drain_that_stopped_half_way_are_undelivered() {
    let half_way = lost(|events| {
        let frame = events
            .drain()
            .find(|event| matches!(event, Event::Frame { .. }));
        assert!(frame.is_some());
    });
    assert_eq!(half_way.await, (2, 8));
}
