//! A server with its own runtime lives as long as its game, and not longer. It is alone in its process, since it counts
//! threads.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use lastword_server::{BindError, Cause, Events, Server, ServerHandle, Standalone};
use lastword_tests::{EndCollector, Raw, config, hello, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_a_runtime_of_its_own_ends_with_its_game_and_leaves_no_thread() {
    ends_with(|server| {
        let (events, handle) = server.bind_events_blocking().expect("a server");
        (handle, events)
    })
    .await;
    ends_with(|server| {
        let server = server.bind_blocking().expect("a server");
        (server.handle().clone(), server)
    })
    .await;
    a_server_that_does_not_start_leaves_no_thread().await;
}

/// Plays with the result of `bind`, and drops it.
async fn ends_with<G: Send + 'static>(
    bind: impl FnOnce(Standalone) -> (ServerHandle, G) + Send + 'static,
) {
    let mut collector = EndCollector::default();
    let builder = collector.builder(config()).own_runtime(3);
    let on_engine = thread::spawn(move || {
        assert!(tokio::runtime::Handle::try_current().is_err());
        bind(builder)
    });
    let (handle, game): (ServerHandle, G) = on_engine.join().unwrap();
    // The thread that later ends the server exists from the start: a server whose thread cannot start fails at once.
    // One more publishes the metrics each second, so that the game's recorder holds up no worker.
    until("as many threads as asked for", || {
        (4..=5).contains(&threads())
    })
    .await;
    let addr = handle.local_addr();
    let mut players = Vec::new();
    for n in 0..3 {
        players.push(Raw::join(addr, &n.to_string()).await);
    }
    // This client has not been let in, so the server does not wait for it.
    let mut not_yet_live = Raw::connect(addr).await;
    not_yet_live.write(&hello(b"not-yet-live")[..10]).await;
    until("all four", || handle.stats().connections_open == 4).await;

    // Here, inside another runtime: the game may be dropped anywhere.
    drop(game);
    for player in &mut players {
        assert_eq!(player.goodbye_code().await, Some(81));
    }
    drop((players, not_yet_live));
    for _ in 0..3 {
        let departure = collector.departure().await;
        assert_eq!(departure.cause, Cause::ClosedByGame.into());
    }
    until("a closed port", || is_refused(addr)).await;
    until("no thread is left", || threads() == 0).await;
    handle.closed().await;
    assert!(handle.stats().laws_hold());
    assert_eq!(handle.stats().connections_open, 0);
    // The handle does no harm without its runtime.
    handle.begin_drain(Duration::ZERO);
    assert!(handle.sessions().is_empty());
}

async fn a_server_that_does_not_start_leaves_no_thread() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let failed = thread::spawn(move || {
        let server = Server::builder().listen(addr).own_runtime(2);
        server.bind_events_blocking()
    });
    let failed: Result<(Events, _), _> = failed.join().unwrap();
    assert!(
        matches!(failed, Err(BindError::Listen { .. })),
        "{failed:?}"
    );
    until("no thread is left", || threads() == 0).await;
}

fn is_refused(addr: SocketAddr) -> bool {
    match TcpStream::connect(addr) {
        Ok(_) => false,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
    }
}

/// Counts the threads of servers, by their names.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| {
        // The thread may end meanwhile.
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
    });
    names.filter(|name| name.starts_with("lastword")).count()
}
