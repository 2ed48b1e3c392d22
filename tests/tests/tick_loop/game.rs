//! The game of these tests: it writes down every event, and answers each frame with its length.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lastword_server::{Cause, Config, Event, Events, ServerHandle, SessionId};
use lastword_tests::{EndCollector, PATIENCE, Raw, kind};

/// The owner of the connections' runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    /// The server, for an engine without a runtime.
    None,
    /// The program that the game is a part of.
    Tokio,
}

impl Engine {
    pub(crate) const ALL: [Self; 2] = [Self::None, Self::Tokio];
}

/// An event as an owned value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum GameEvent {
    Joined(SessionId, String),
    Frame(SessionId, Vec<u8>),
    Left(SessionId, Cause),
    Draining(Instant),
}

impl GameEvent {
    pub(crate) fn of(event: Event<'_>) -> Self {
        match event {
            Event::Joined {
                session, player, ..
            } => Self::Joined(session, player.id.clone().unwrap()),
            Event::Frame { session, payload } => Self::Frame(session, payload.to_vec()),
            Event::Left(departure) => Self::Left(departure.session, departure.ending.verdict.cause),
            Event::Draining { deadline } => Self::Draining(deadline),
            other @ (Event::Link { .. } | _) => panic!("{other:?} in a test without links"),
        }
    }

    fn session(&self) -> Option<SessionId> {
        match self {
            Self::Joined(session, _) | Self::Frame(session, _) | Self::Left(session, _) => {
                Some(*session)
            }
            Self::Draining(_) => None,
        }
    }
}

/// A game on a thread of its own.
pub(crate) struct Game<T> {
    pub(crate) server: ServerHandle,
    pub(crate) collector: EndCollector,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Game<T> {
    /// Binds, on the game's own thread if the engine has no runtime, and plays there until `play` returns.
    pub(crate) async fn start(
        engine: Engine,
        config: Config,
        play: impl FnOnce(Events, ServerHandle) -> T + Send + 'static,
    ) -> Self {
        let mut collector = EndCollector::default();
        let builder = collector.builder(config);
        let bind: Box<dyn FnOnce() -> (Events, ServerHandle) + Send> = match engine {
            Engine::None => {
                let builder = builder.own_runtime(2);
                Box::new(|| builder.bind_events_blocking().expect("a server"))
            }
            Engine::Tokio => {
                let bound = builder.bind_events().await.expect("a server");
                Box::new(|| bound)
            }
        };
        let (handle, bound) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let (events, server) = bind();
            handle.send(server.clone()).expect("a test");
            assert!(tokio::runtime::Handle::try_current().is_err());
            play(events, server)
        });
        Self {
            server: bound.await.expect("a server"),
            collector,
            thread,
        }
    }

    /// Returns the result of the game. The game ends by itself, or when the test has told it to.
    pub(crate) async fn over(self) -> T {
        let thread = self.thread;
        let joined = tokio::task::spawn_blocking(move || thread.join());
        lastword_tests::within("the game's end", joined)
            .await
            .expect("a thread")
            .expect("the game does not panic")
    }
}

/// Plays until the server has ended, taking at most `at_once` events per tick. Returns all events.
pub(crate) fn play_to_the_end(
    mut events: Events,
    players: &ServerHandle,
    at_once: usize,
) -> Vec<GameEvent> {
    let mut events_seen = Vec::new();
    while !events.is_over() {
        events.wait(TICK);
        for event in events.drain().take(at_once) {
            answer(players, &event);
            events_seen.push(GameEvent::of(event));
        }
    }
    events_seen
}

/// Answers a frame with its length.
pub(crate) fn answer(players: &ServerHandle, event: &Event<'_>) {
    if let Event::Frame { session, payload } = event {
        let len = u32::try_from(payload.len()).expect("short");
        // A session that was kicked meanwhile takes no answer; a client that waits for an answer notices that it is
        // missing.
        let _gone = players.send(*session, &len.to_be_bytes());
    }
}

/// Waits for the next event, one at a time.
pub(crate) fn next(events: &mut Events) -> GameEvent {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(event) = events.drain().next() {
            return GameEvent::of(event);
        }
        assert!(Instant::now() < deadline, "no event");
        events.wait(TICK);
    }
}

/// Returns the events of the player with this name, from joined to left.
pub(crate) fn of(events_seen: &[GameEvent], name: &str) -> Vec<GameEvent> {
    let mut joined = events_seen.iter().filter_map(|event| {
        let GameEvent::Joined(session, player) = event else {
            return None;
        };
        (player == name).then_some(*session)
    });
    let session = joined.next().unwrap_or_else(|| panic!("{name} joined"));
    assert!(joined.next().is_none(), "{name} joined once");
    let its = events_seen
        .iter()
        .filter(|event| event.session() == Some(session));
    its.cloned().collect()
}

/// Checks the events of one player: joined, these frames, left, and nothing else.
pub(crate) fn holds(events_seen: &[GameEvent], name: &str, frames: &[Vec<u8>], cause: Cause) {
    let its = of(events_seen, name);
    let [
        GameEvent::Joined(session, _),
        middle @ ..,
        GameEvent::Left(..),
    ] = &its[..]
    else {
        panic!("{name}: joined first, left last: {its:?}")
    };
    let expected = frames
        .iter()
        .map(|frame| GameEvent::Frame(*session, frame.clone()));
    assert!(
        middle.iter().cloned().eq(expected),
        "{name}: each frame, in order: {} of {}",
        middle.len(),
        frames.len()
    );
    assert_eq!(
        its.last(),
        Some(&GameEvent::Left(*session, cause)),
        "{name}"
    );
}

/// Reads the answers up to the end. Returns the lengths in them.
pub(crate) async fn answers(raw: &mut Raw) -> Vec<usize> {
    let mut answers = Vec::new();
    while let Some((kind, payload)) = raw.frame().await {
        if kind == kind::DATA {
            let len = payload.try_into().expect("four bytes");
            answers.push(u32::from_be_bytes(len) as usize);
        }
    }
    answers
}

/// A signal from the test to its game, or back: the second half returns the value that was sent to the first.
pub(crate) fn step<T>() -> (mpsc::Sender<T>, impl FnOnce() -> T) {
    let (sender, receiver) = mpsc::channel();
    (sender, move || {
        receiver.recv_timeout(PATIENCE).expect("a step of the test")
    })
}

pub(crate) const TICK: Duration = Duration::from_millis(10);
