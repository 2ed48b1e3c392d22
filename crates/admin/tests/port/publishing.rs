//! Publishing and showing the counts: no session waits for it, however long it takes.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use lastword_server::{Context, Handler, Player, Server, ServerHandle, Stats};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::{frame, join, start, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sessions_join_speak_and_leave_while_the_counts_are_shown() {
    let server = Server::builder().listen("127.0.0.1:0");
    let server = server.serve(|_: &Player| Echo).await.unwrap();
    let (is_shown, shown) = channel();
    let (release, released) = channel::<()>();
    let showing = server.clone();
    let showing = std::thread::spawn(move || {
        showing.publish(|| {
            is_shown.send(()).unwrap();
            released.recv().ok();
            showing.stats()
        })
    });
    wait(shown).await;
    plays(&server).await;
    assert!(!showing.is_finished());
    drop(release);
    let stats = within(
        "the end of it",
        tokio::task::spawn_blocking(|| showing.join()),
    );
    assert_eq!(stats.await.unwrap().unwrap().sessions_joined, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_counts_may_be_asked_for_while_they_are_published_and_shown() {
    let asking = Arc::new(Asking::default());
    let builder = Server::builder().listen("127.0.0.1:0");
    let server = builder.recorder(Opened(Arc::clone(&asking)));
    let server = server.serve(|_: &Player| Echo).await.unwrap();
    assert!(asking.server.set(server.clone()).is_ok());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        ASKS.set(true);
        tell.send(server.publish(|| server.stats())).unwrap();
    });
    assert!(wait(told).await.laws_hold());
    let asked = asking.asked.lock().unwrap();
    assert!(asked.as_ref().unwrap().laws_hold());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_recorder_that_does_not_return_holds_up_no_session_and_no_end() {
    let (entered, has_entered) = channel();
    let (release, released) = channel();
    let gate = Arc::new(Gate {
        entered: Mutex::new(entered),
        released: Mutex::new(released),
    });
    let server = Server::builder().listen("127.0.0.1:0");
    let server = server.recorder(Opened(gate));
    let server = server.serve(|_: &Player| Echo).await.unwrap();
    wait(has_entered).await;
    plays(&server).await;
    within("the end", server.drain(Duration::ZERO)).await;
    drop(release);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_publication_waits_for_another() {
    let (server, _) = start().await;
    let showing = Arc::new(Mutex::new(()));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (server, showing) = (server.clone(), Arc::clone(&showing));
            std::thread::spawn(move || {
                (0..100).all(|_| {
                    server.publish(|| {
                        let alone = showing.try_lock();
                        std::thread::yield_now();
                        alone.is_ok()
                    })
                })
            })
        })
        .collect();
    let alone =
        tokio::task::spawn_blocking(|| threads.into_iter().all(|thread| thread.join().unwrap()));
    assert!(within("the end of it", alone).await.unwrap());
}

/// Joins, has a frame echoed, and leaves.
async fn plays(server: &ServerHandle) {
    let mut ann = within("a session", join(server)).await;
    ann.write_all(&frame(0, b"hi")).await.unwrap();
    let mut echo = [0; 6];
    within("an echo", ann.read_exact(&mut echo)).await.unwrap();
    assert_eq!(server.sessions().len(), 1);
    drop(ann);
    within("the departure", async {
        while server.stats().sessions_open > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits for a thread.
async fn wait<T: Send + 'static>(told: Receiver<T>) -> T {
    let told = tokio::task::spawn_blocking(move || told.recv_timeout(Duration::from_secs(20)));
    told.await.unwrap().unwrap()
}

struct Echo;

impl Handler for Echo {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        context.send(payload).unwrap();
    }
}

thread_local! {
    /// Whether [`Asking`] asks on this thread.
    static ASKS: Cell<bool> = const { Cell::new(false) };
}

/// A recorder with one counter, that of opened connections. Its other handles do nothing.
struct Opened<C>(Arc<C>);

impl<C: CounterFn + Send + Sync + 'static> Recorder for Opened<C> {
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
        Histogram::noop()
    }
}

/// Asks the server for its counts when it is published to.
#[derive(Default)]
struct Asking {
    server: OnceLock<ServerHandle>,
    asked: Mutex<Option<Stats>>,
}

impl CounterFn for Asking {
    fn increment(&self, _value: u64) {}

    fn absolute(&self, _value: u64) {
        if ASKS.get() {
            let stats = self.server.get().map(ServerHandle::stats);
            *self.asked.lock().unwrap() = stats;
        }
    }
}

/// Does not return until the test ends.
struct Gate {
    entered: Mutex<Sender<()>>,
    released: Mutex<Receiver<()>>,
}

impl CounterFn for Gate {
    fn increment(&self, _value: u64) {}

    fn absolute(&self, _value: u64) {
        // After the first call the test does not listen.
        self.entered.lock().unwrap().send(()).ok();
        self.released.lock().unwrap().recv().ok();
    }
}
