//! A game loads a level for ten seconds and does not tick. Meanwhile a thousand clients send as fast as they can, and
//! others come and go. No session and no event is lost, and memory stays bounded.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

mod clients;
mod game;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lastword_server::Config;
use lastword_tests::{EndCollector, config, resident_bytes, until, within};
use tokio::sync::Semaphore;

use clients::{Guest, guests, residents};
use game::{Game, State};

#[tokio::test]
async fn ten_seconds_without_a_tick_lose_no_session_no_event_and_no_memory() {
    let begun = Instant::now();
    let mut collector = EndCollector::default();
    let builder = collector.builder(small_caps()).own_runtime(THREADS);
    let state = Arc::new(State {
        begins: Semaphore::new(0),
        joined: AtomicUsize::new(0),
        stalled: AtomicBool::new(false),
        enough: AtomicBool::new(false),
    });
    let (bound, server) = tokio::sync::oneshot::channel();
    let game = thread::spawn({
        let state = Arc::clone(&state);
        move || {
            let (events, players) = builder.bind_events_blocking().expect("a server");
            bound.send(players.clone()).expect("a test");
            Game::new(players, state).play(events)
        }
    });
    let server = server.await.expect("a server");

    let residents = residents(server.local_addr(), &state).await;
    until("everybody is in", || state.is(&state.joined, RESIDENTS)).await;
    let before = resident_bytes();
    state.stalled.store(true, Ordering::Release);
    state.begins.add_permits(RESIDENTS);
    let guests = tokio::spawn(guests(server.local_addr()));
    let mut most = before;
    let mut samples = tokio::time::interval(Duration::from_millis(50));
    while state.stalled.load(Ordering::Acquire) {
        samples.tick().await;
        most = most.max(resident_bytes());
    }
    let grown = most - before;
    within("the guests", guests).await.expect("no guest panics");

    let mut sent = HashMap::new();
    for (n, resident) in residents.into_iter().enumerate() {
        let count = within("a resident", resident).await.expect("none panics");
        sent.insert(n.to_string(), count);
    }
    for guest in 0..GUESTS {
        sent.insert(format!("guest {guest}"), Guest::of(guest).frames());
    }
    server.drain(Duration::from_secs(10)).await;
    let received = tokio::task::spawn_blocking(move || game.join());
    let received = within("the game", received).await.unwrap().expect("a game");

    received.holds(&sent, &mut collector).await;
    let stats = server.stats();
    assert!(stats.laws_hold(), "{stats:?}");
    let all = u64::try_from(sent.len()).unwrap();
    assert_eq!((stats.sessions_joined, stats.sessions_open), (all, 0));
    eprintln!(
        "{all} sessions, {} frames in order; at most {} frames and {} \
         KiB in a tick; {} KiB more memory at most; {:.1?}",
        received.frames,
        received.frames_at_once,
        received.bytes_at_once / 1_024,
        grown / 1_024,
        begun.elapsed(),
    );
    // Each worker may be in the middle of a frame when the room runs out.
    let (frames, bytes) = (received.frames_at_once, received.bytes_at_once);
    assert!(
        frames <= FRAMES_MAX + THREADS + GUEST_FRAMES_MAX * usize::try_from(GUESTS).unwrap(),
        "{frames}"
    );
    // What the guests left behind is read to its end, since the loop took no frame of theirs.
    let left_behind = usize::try_from(GUESTS).unwrap() * GUEST_BYTES_MAX;
    assert!(
        bytes <= BYTES_MAX + THREADS * PAYLOAD + left_behind,
        "{bytes}"
    );
    assert!(grown <= MEMORY_MAX, "{grown}");
}

fn small_caps() -> Config {
    let mut config = config();
    let size = |n: usize| u32::try_from(n).unwrap();
    config.limits.inbox_bytes_max = 64 * 1024;
    config.limits.inbox_frames_max = 256;
    config.limits.events_bytes_max = size(BYTES_MAX);
    config.limits.events_frames_max = size(FRAMES_MAX);
    // The end of a session waits for a loop that stands still for ten seconds.
    config.timeouts.linger_ms = 30_000;
    config.timeouts.delivery_ms = 30_000;
    config
}

const RESIDENTS: usize = 1_000;
const GUESTS: u32 = 100;
const THREADS: usize = 2;
const BYTES_MAX: usize = 1024 * 1024;
const FRAMES_MAX: usize = 16 * 1024;
const PAYLOAD: usize = 252;
const GUEST_FRAMES_MAX: usize = 16;
const GUEST_BYTES_MAX: usize = GUEST_FRAMES_MAX * PAYLOAD;
const ECHO: &[u8] = b"still here?";
/// The queue, the data that one read took and the queue did not (64 KiB a session), and some slack of the allocator.
const MEMORY_MAX: usize = 2 * BYTES_MAX + RESIDENTS * 64 * 1024 + 8 * 1024 * 1024;
