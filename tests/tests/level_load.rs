//! A game loads a level for ten seconds and does not tick, while a thousand clients send as fast as they can and
//! others come and go: nobody is lost, no event is lost, and memory stays bounded.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lastword_server::{Cause, Config, Event, Events, ServerHandle, SessionId};
use lastword_tests::{Raw, Stage, config, crowd, data, goodbye, until, within};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

#[tokio::test]
async fn ten_seconds_without_a_tick_lose_no_session_no_event_and_no_memory() {
    let begun = Instant::now();
    let mut stage = Stage::default();
    let builder = stage.builder(small_caps()).own_runtime(THREADS);
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
            let server = builder.bind_blocking().expect("a server");
            bound.send(server.handle().clone()).expect("a test");
            let (events, players) = server.into_events();
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
    let told = tokio::task::spawn_blocking(move || game.join());
    let told = within("the game", told).await.unwrap().expect("a game");

    told.holds(&sent, &mut stage).await;
    let stats = server.stats();
    assert!(stats.laws_hold(), "{stats:?}");
    let all = u64::try_from(sent.len()).unwrap();
    assert_eq!((stats.sessions_joined, stats.sessions_open), (all, 0));
    eprintln!(
        "{all} sessions, {} frames in order; at most {} frames and {} \
         KiB in a tick; {} KiB more memory at most; {:.1?}",
        told.frames,
        told.frames_at_once,
        told.bytes_at_once / 1_024,
        grown / 1_024,
        begun.elapsed(),
    );
    // Each worker may be in the middle of a frame when the last room goes.
    let (frames, bytes) = (told.frames_at_once, told.bytes_at_once);
    assert!(frames <= FRAMES_MAX + THREADS, "{frames}");
    assert!(bytes <= BYTES_MAX + THREADS * PAYLOAD, "{bytes}");
    assert!(grown <= MEMORY_MAX, "{grown}");
}

fn small_caps() -> Config {
    let mut config = config();
    let size = |n: usize| u32::try_from(n).unwrap();
    config.limits.inbox_bytes_max = 64 * 1024;
    config.limits.inbox_frames_max = 256;
    config.limits.events_bytes_max = size(BYTES_MAX);
    config.limits.events_frames_max = size(FRAMES_MAX);
    config
}

/// What the game and its clients know of each other.
struct State {
    begins: Semaphore,
    joined: AtomicUsize,
    /// The game is to stall, or does.
    stalled: AtomicBool,
    /// Those who send are to come to an end.
    enough: AtomicBool,
}

impl State {
    fn is(&self, count: &AtomicUsize, n: usize) -> bool {
        count.load(Ordering::Acquire) == n
    }
}

/// Clients that send from the beginning of the stall until it is over. Each comes to how many frames it sent.
async fn residents(addr: SocketAddr, state: &Arc<State>) -> Vec<JoinHandle<u32>> {
    let mut residents = Vec::new();
    for n in 0..RESIDENTS {
        let state = Arc::clone(state);
        // A small buffer, so that what is under way in all of them together stays small.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(16 * 1024).unwrap();
        let stream = within("connect", socket.connect(addr)).await.unwrap();
        let mut raw = Raw { stream };
        raw.enter(&n.to_string()).await;
        residents.push(tokio::spawn(async move {
            within("the stall", state.begins.acquire())
                .await
                .expect("it is never closed")
                .forget();
            reside(raw, &state).await
        }));
    }
    residents
}

async fn reside(mut raw: Raw, state: &State) -> u32 {
    let mut count = 0;
    while !state.enough.load(Ordering::Acquire) {
        let burst: Vec<_> = (count..count + BURST)
            .flat_map(|n| data(&numbered(n)))
            .collect();
        raw.write(&burst).await;
        count += BURST;
    }
    raw.echo(ECHO).await;
    raw.write(&goodbye()).await;
    assert_eq!(raw.goodbye_code().await, None, "nobody threw it out");
    count
}

/// How somebody who comes during the stall goes again.
#[derive(Clone, Copy, Debug)]
enum Guest {
    SaysNothing,
    SaysGoodbye,
    Closes,
    Resets,
}

impl Guest {
    fn of(n: u32) -> Self {
        match n % 4 {
            0 => Self::SaysNothing,
            1 => Self::SaysGoodbye,
            2 => Self::Closes,
            _ => Self::Resets,
        }
    }

    fn frames(self) -> u32 {
        match self {
            Self::SaysNothing => 0,
            Self::SaysGoodbye | Self::Closes | Self::Resets => BURST,
        }
    }

    fn cause(self) -> Cause {
        match self {
            Self::SaysNothing | Self::Closes => Cause::PeerFin,
            Self::SaysGoodbye => Cause::PeerGoodbye,
            Self::Resets => Cause::PeerReset,
        }
    }

    async fn visit(self, addr: SocketAddr, name: String) {
        let mut raw = Raw::join(addr, &name).await;
        let says: Vec<_> = (0..self.frames())
            .flat_map(|n| data(&numbered(n)))
            .collect();
        raw.write(&says).await;
        match self {
            Self::SaysNothing | Self::Closes => {}
            Self::SaysGoodbye => raw.write(&goodbye()).await,
            Self::Resets => raw.reset(),
        }
    }
}

async fn guests(addr: SocketAddr) {
    crowd(GUESTS, 10, |n| {
        Guest::of(n).visit(addr, format!("guest {n}"))
    })
    .await;
}

fn numbered(n: u32) -> [u8; PAYLOAD] {
    let mut payload = [7; PAYLOAD];
    payload[..4].copy_from_slice(&n.to_be_bytes());
    payload
}

/// Ticks, stalls once, and ticks again.
struct Game {
    players: ServerHandle,
    state: Arc<State>,
    names: HashMap<SessionId, String>,
    told: Told,
}

/// What the game was told, and how much at once.
#[derive(Debug, Default)]
struct Told {
    /// Of each player: the frames in order so far, and how it left.
    of: HashMap<String, (u32, Option<Cause>)>,
    frames: usize,
    frames_at_once: usize,
    bytes_at_once: usize,
}

impl Game {
    fn new(players: ServerHandle, state: Arc<State>) -> Self {
        Self {
            players,
            state,
            names: HashMap::new(),
            told: Told::default(),
        }
    }

    fn play(mut self, mut events: Events) -> Told {
        let mut has_stalled = false;
        while !events.is_over() {
            events.wait(Duration::from_millis(10));
            self.tick(&mut events);
            if !has_stalled && self.state.stalled.load(Ordering::Acquire) {
                has_stalled = true;
                // The level load: this is what is tested, and nothing is waited for.
                thread::sleep(STALL);
                self.state.stalled.store(false, Ordering::Release);
                self.state.enough.store(true, Ordering::Release);
            }
        }
        self.told
    }

    fn tick(&mut self, events: &mut Events) {
        let (mut frames, mut bytes) = (0, 0);
        for event in events.drain() {
            match event {
                Event::Joined {
                    session, player, ..
                } => {
                    self.names.insert(session, player.id.clone());
                    let again = self.told.of.insert(player.id.clone(), (0, None));
                    assert_eq!(again, None, "{} joined twice", player.id);
                    self.state.joined.fetch_add(1, Ordering::AcqRel);
                }
                Event::Frame { session, payload } => {
                    frames += 1;
                    bytes += payload.len();
                    self.take(session, payload);
                }
                Event::Left(departure) => {
                    let name = self.names.remove(&departure.session).expect("it joined");
                    let of = self.told.of.get_mut(&name).expect("it joined");
                    of.1 = Some(departure.disconnect.cause());
                }
                Event::Draining { .. } => {}
                other @ (Event::Link { .. } | _) => panic!("{other:?}"),
            }
        }
        self.told.frames += frames;
        self.told.frames_at_once = self.told.frames_at_once.max(frames);
        self.told.bytes_at_once = self.told.bytes_at_once.max(bytes);
    }

    fn take(&mut self, session: SessionId, payload: &[u8]) {
        let name = self
            .names
            .get(&session)
            .expect("it joined and did not leave");
        if payload == ECHO {
            return self.players.send(session, payload).expect("it is there");
        }
        let (count, _) = self.told.of.get_mut(name).expect("it joined");
        assert_eq!(
            payload,
            numbered(*count),
            "{name}: frame {count} comes next"
        );
        *count += 1;
    }
}

impl Told {
    /// Everybody joined once, sent what came, and left once, as it did.
    async fn holds(&self, sent: &HashMap<String, u32>, stage: &mut Stage) {
        assert_eq!(self.of.len(), sent.len());
        for (name, count) in sent {
            let guest = name.strip_prefix("guest ").map(|n| n.parse().unwrap());
            let cause = guest.map_or(Cause::PeerGoodbye, |n| Guest::of(n).cause());
            assert_eq!(self.of[name], (*count, Some(cause)), "{name}");
            let departure = stage.departure().await;
            assert_eq!(departure.undelivered_frames, 0, "{departure:?}");
        }
    }
}

/// The process's resident memory.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages = statm.split_whitespace().nth(1).unwrap();
    pages.parse::<usize>().unwrap() * 4_096
}

const RESIDENTS: usize = 1_000;
const GUESTS: u32 = 100;
const STALL: Duration = Duration::from_secs(10);
const THREADS: usize = 2;
const BYTES_MAX: usize = 1024 * 1024;
const FRAMES_MAX: usize = 16 * 1024;
const PAYLOAD: usize = 252;
const BURST: u32 = 16;
const ECHO: &[u8] = b"still here?";
/// The queue, what one read took and the queue did not (64 KiB a session), and some slack of the allocator.
const MEMORY_MAX: usize = 2 * BYTES_MAX + RESIDENTS * 64 * 1024 + 8 * 1024 * 1024;
