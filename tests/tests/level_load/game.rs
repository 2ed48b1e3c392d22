//! The game: it ticks, stalls once, ticks again, and counts all events.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use lastword_server::{Cause, Event, Events, ServerHandle, SessionId};
use lastword_tests::EndCollector;
use tokio::sync::Semaphore;

use crate::ECHO;
use crate::clients::{Guest, numbered};

/// The state that the game and its clients share.
pub(crate) struct State {
    pub(crate) begins: Semaphore,
    pub(crate) joined: AtomicUsize,
    /// The stall is about to begin, or has begun.
    pub(crate) stalled: AtomicBool,
    /// The sending clients must stop.
    pub(crate) enough: AtomicBool,
}

impl State {
    pub(crate) fn is(&self, count: &AtomicUsize, n: usize) -> bool {
        count.load(Ordering::Acquire) == n
    }
}

/// Ticks, stalls once, and ticks again.
pub(crate) struct Game {
    players: ServerHandle,
    state: Arc<State>,
    names: HashMap<SessionId, String>,
    received: Received,
}

/// The events that the game got, and how many at once.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// Of each player: the frames in order so far, and how it left.
    of: HashMap<String, (u32, Option<Cause>)>,
    pub(crate) frames: usize,
    pub(crate) frames_at_once: usize,
    pub(crate) bytes_at_once: usize,
}

impl Game {
    pub(crate) fn new(players: ServerHandle, state: Arc<State>) -> Self {
        Self {
            players,
            state,
            names: HashMap::new(),
            received: Received::default(),
        }
    }

    pub(crate) fn play(mut self, mut events: Events) -> Received {
        let mut has_stalled = false;
        while !events.is_over() {
            events.wait(Duration::from_millis(10));
            self.tick(&mut events);
            if !has_stalled && self.state.stalled.load(Ordering::Acquire) {
                has_stalled = true;
                // The level load. The test is about this wait; it does not wait for an event.
                thread::sleep(STALL);
                self.state.stalled.store(false, Ordering::Release);
                self.state.enough.store(true, Ordering::Release);
            }
        }
        self.received
    }

    fn tick(&mut self, events: &mut Events) {
        let (mut frames, mut bytes) = (0, 0);
        for event in events.drain() {
            match event {
                Event::Joined {
                    session, player, ..
                } => {
                    let name = player.id.clone().unwrap();
                    self.names.insert(session, name.clone());
                    let again = self.received.of.insert(name.clone(), (0, None));
                    assert_eq!(again, None, "{name} joined twice");
                    self.state.joined.fetch_add(1, Ordering::AcqRel);
                }
                Event::Frame { session, payload } => {
                    frames += 1;
                    bytes += payload.len();
                    self.take(session, payload);
                }
                Event::Left(departure) => {
                    let name = self.names.remove(&departure.session).expect("it joined");
                    let of = self.received.of.get_mut(&name).expect("it joined");
                    of.1 = Some(departure.ending.verdict.cause);
                }
                Event::Draining { .. } => {}
                other @ (Event::Link { .. } | _) => panic!("{other:?}"),
            }
        }
        self.received.frames += frames;
        self.received.frames_at_once = self.received.frames_at_once.max(frames);
        self.received.bytes_at_once = self.received.bytes_at_once.max(bytes);
    }

    fn take(&mut self, session: SessionId, payload: &[u8]) {
        let name = self
            .names
            .get(&session)
            .expect("it joined and did not leave");
        if payload == ECHO {
            return self.players.send(session, payload).expect("it is there");
        }
        let (count, _) = self.received.of.get_mut(name).expect("it joined");
        assert_eq!(
            payload,
            numbered(*count),
            "{name}: frame {count} comes next"
        );
        *count += 1;
    }
}

impl Received {
    /// Checks that every player joined once, sent all its frames, and left once, with the right cause.
    pub(crate) async fn holds(&self, sent: &HashMap<String, u32>, collector: &mut EndCollector) {
        assert_eq!(self.of.len(), sent.len());
        for (name, count) in sent {
            let guest = name.strip_prefix("guest ").map(|n| n.parse().unwrap());
            let cause = guest.map_or(Cause::PeerGoodbye, |n| Guest::of(n).cause());
            assert_eq!(self.of[name], (*count, Some(cause)), "{name}");
            let departure = collector.departure().await;
            // A guest that came and left in the stall departed before the loop could take a frame; all the same it did.
            let name = departure.player.as_deref().unwrap_or_default();
            let in_the_stall = name.starts_with("guest ");
            assert!(
                departure.undelivered_frames == 0 || in_the_stall,
                "{departure:?}"
            );
        }
    }
}

const STALL: Duration = Duration::from_secs(10);
