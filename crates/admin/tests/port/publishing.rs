//! Publishing and showing the counts: no session waits for it, however long it takes.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use lastword_server::{Builder, Server, ServerHandle, Stats};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::{frame, join, start, within};

#[tokio::test]
async fn sessions_join_speak_and_leave_while_the_counts_are_shown() {
    let server = echo(Server::builder());
    let (is_shown, shown) = channel();
    let (release, released) = channel::<()>();
    let showing = server.clone();
    let showing = std::thread::spawn(move || {
        showing.publish(|| {
            is_shown.send(()).unwrap();
            released.recv().ok();
        });
    });
    wait(shown).await;
    plays(&server).await;
    assert!(!showing.is_finished());
    drop(release);
    showing.join().unwrap();
    assert_eq!(server.stats().sessions_joined, 1);
}

#[tokio::test]
async fn the_counts_may_be_asked_for_while_they_are_published_and_shown() {
    let asking = Arc::new(Asking::default());
    let server = echo(Server::builder().recorder(Opened(Arc::clone(&asking))));
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

#[tokio::test]
async fn a_recorder_that_does_not_return_holds_up_no_session_and_no_end() {
    let (entered, has_entered) = channel();
    let (release, released) = channel();
    let gate = Arc::new(Gate {
        entered: Mutex::new(entered),
        released: Mutex::new(released),
    });
    let server = echo(Server::builder().recorder(Opened(gate)));
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

/// Starts a server that echoes, on a runtime of its own with one thread: if that is held, so is every session.
fn echo(builder: Builder) -> ServerHandle {
    let builder = builder.listen("127.0.0.1:0").own_runtime(1);
    let bound = std::thread::spawn(|| builder.bind_blocking());
    let mut server = bound.join().unwrap().unwrap();
    let handle = server.handle().clone();
    tokio::spawn(async move {
        while let Some(mut session) = server.accept().await {
            while let Some(frame) = session.recv().await {
                session.send(frame).unwrap();
            }
        }
    });
    handle
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
