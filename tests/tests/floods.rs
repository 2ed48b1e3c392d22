//! A new client next to many that send more than the server can handle at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use lastword_server::{Context, Handler, Player, Server};
use lastword_tests::{Raw, data, until};

/// The turns of all sessions that flood: in each one session has frames.
#[derive(Default)]
struct Turns {
    count: AtomicU64,
    /// The session that had the last frame.
    last: AtomicU64,
    sessions: AtomicU64,
}

/// Counts its turns by its empty frames, and echoes the others.
struct Game {
    session: u64,
    turns: Arc<Turns>,
}

impl Handler for Game {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        if !payload.is_empty() {
            context.send(payload).expect("room for an echo");
        } else if self.turns.last.swap(self.session, Relaxed) != self.session {
            self.turns.count.fetch_add(1, Relaxed);
        }
    }
}

/// All of them share one thread. The clock says nothing here, so the wait is measured in turns of the others.
#[tokio::test]
async fn a_new_client_waits_for_a_few_floods_and_not_for_all_of_them() {
    let turns = Arc::<Turns>::default();
    let counted = Arc::clone(&turns);
    let game = move |_: &Player| Game {
        session: counted.sessions.fetch_add(1, Relaxed) + 1,
        turns: Arc::clone(&counted),
    };
    let server = Server::builder().listen("127.0.0.1:0");
    let server = server.serve(game).await.unwrap();
    let mut floods = Vec::new();
    for _ in 0..FLOODS {
        floods.push(Raw::join(server.local_addr(), "flood").await);
    }
    let frames = data(b"").repeat(FRAMES);
    for flood in &mut floods {
        flood.write(&frames).await;
    }
    let count = || turns.count.load(Relaxed);
    until("the floods have begun", || count() >= 2 * FLOODS).await;
    let before = count();
    let mut ann = Raw::join(server.local_addr(), "ann").await;
    ann.echo(b"hi").await;
    let meanwhile = count() - before;
    assert!(meanwhile <= MEANWHILE_MAX, "{meanwhile} turns of others");
    // They are not over: each of them has a turn still.
    until("more turns", || count() >= before + meanwhile + FLOODS).await;
}

const FLOODS: u64 = 300;
/// Of each, at least 19 turns of 256 frames: crates/session/src/connection/budget.rs.
const FRAMES: usize = 5_000;
/// A client that joins and has an echo waits a few times, each time for 16 turns or a little more.
const MEANWHILE_MAX: u64 = 300;
