//! A client that left, and a game that does not read: it frees its place at once if the game never took a frame, and soon
//! if the game stopped. The frames that wait can still be taken.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is the test's failure"
)]

use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use lastword_server::{
    Cause, Config, Event, Events, Kick, Player, Server, ServerHandle, Session, SessionId,
};
use lastword_tests::{Echo, EndCollector, Raw, config, data, goodbye, kind, until, within};
use socket2::SockRef;

/// How a client leaves.
#[derive(Clone, Copy, Debug)]
enum Way {
    Goodbye,
    Fin,
    Reset,
}

impl Way {
    const ALL: [(Self, Cause); 3] = [
        (Self::Goodbye, Cause::PeerGoodbye),
        (Self::Fin, Cause::PeerFin),
        (Self::Reset, Cause::PeerReset),
    ];

    async fn leave(self, mut raw: Raw) {
        match self {
            Self::Goodbye => raw.write(&goodbye()).await,
            Self::Fin => {}
            Self::Reset => raw.reset(),
        }
    }
}

/// Where the game keeps its sessions.
#[derive(Clone, Copy, Debug)]
enum Shape {
    NotAccepted,
    Accepted,
    Ticks,
}

impl Shape {
    const ALL: [Self; 3] = [Self::NotAccepted, Self::Accepted, Self::Ticks];
}

/// A game of one of the shapes, and the one client that it has.
struct Game {
    collector: EndCollector,
    handle: ServerHandle,
    id: SessionId,
    side: Side,
}

enum Side {
    Sessions(Server, Option<Session>),
    Ticks(Events),
}

impl Game {
    async fn start(shape: Shape, config: Config) -> (Self, Raw) {
        let mut collector = EndCollector::default();
        let builder = collector.builder(config);
        let (mut side, handle) = match shape {
            Shape::Ticks => {
                let (events, handle) = builder.bind_events().await.unwrap();
                (Side::Ticks(events), handle)
            }
            Shape::NotAccepted | Shape::Accepted => {
                let server = builder.bind().await.unwrap();
                let handle = server.handle().clone();
                (Side::Sessions(server, None), handle)
            }
        };
        let raw = Raw::join(handle.local_addr(), "ann").await;
        let id = handle.sessions().remove(0).session;
        if let (Side::Sessions(server, session), Shape::Accepted) = (&mut side, shape) {
            *session = within("a session", server.accept()).await;
        }
        let game = Self {
            collector,
            handle,
            id,
            side,
        };
        (game, raw)
    }

    /// The client sends this many frames, and all of them arrive.
    async fn hears(&self, raw: &mut Raw, frames: u64) {
        let before = self.handle.stats().frames.0;
        raw.write(&data(b"frame").repeat(usize::try_from(frames).unwrap()))
            .await;
        let stats = || self.handle.stats();
        until("the frames", || stats().frames.0 == before + frames).await;
    }

    /// The game takes one frame, and does not come back.
    async fn takes_one(&mut self) {
        match &mut self.side {
            Side::Sessions(server, session) => {
                if session.is_none() {
                    *session = within("a session", server.accept()).await;
                }
                let session = session.as_mut().unwrap();
                assert!(within("a frame", session.recv()).await.is_some());
            }
            Side::Ticks(events) => {
                let is_frame = |event: Event<'_>| matches!(event, Event::Frame { .. });
                until("a frame", || events.drain().any(is_frame)).await;
            }
        }
    }

    /// The game takes what is left. Returns how many frames that was.
    async fn takes_the_rest(&mut self) -> u64 {
        let mut frames = 0;
        match &mut self.side {
            Side::Sessions(server, session) => {
                if session.is_none() {
                    *session = within("a session", server.accept()).await;
                }
                let session = session.as_mut().unwrap();
                while within("a frame", session.recv()).await.is_some() {
                    frames += 1;
                }
            }
            Side::Ticks(events) => {
                let mut left = false;
                for event in events.drain() {
                    assert!(!left, "nothing follows the end: {event:?}");
                    frames += u64::from(matches!(event, Event::Frame { .. }));
                    left = matches!(event, Event::Left(_));
                }
                assert!(left);
            }
        }
        frames
    }
}

/// One place, and an end that waits for the game as long as the test does.
fn patient() -> Config {
    let mut config = config();
    config.admission.connections_max = 1;
    config.timeouts.delivery_ms = 600_000;
    config.timeouts.linger_ms = 600_000;
    config
}

#[tokio::test]
async fn a_client_that_left_before_the_game_took_a_frame_frees_its_place_at_once() {
    for shape in Shape::ALL {
        for (way, cause) in Way::ALL {
            for frames in [0, 3] {
                let (mut game, mut raw) = Game::start(shape, patient()).await;
                game.hears(&mut raw, frames).await;
                way.leave(raw).await;
                let departure = game.collector.departure().await;
                assert_eq!(departure.cause, cause.into(), "{shape:?}");
                assert_eq!(departure.undelivered_frames, frames, "{shape:?} {way:?}");
                let end = game.collector.end().await;
                assert_eq!(end.undelivered_frames, frames, "{shape:?} {way:?}");
                assert_eq!(game.takes_the_rest().await, frames, "{shape:?} {way:?}");
                Raw::join(game.handle.local_addr(), "newcomer").await;
                assert!(game.handle.stats().laws_hold());
            }
        }
    }
}

#[tokio::test]
async fn a_handler_is_told_at_once() {
    let mut collector = EndCollector::default();
    let builder = collector.builder(patient());
    let handle = builder.serve(|_: &Player| Echo).await.unwrap();
    for (way, cause) in Way::ALL {
        let mut raw = Raw::join(handle.local_addr(), "ann").await;
        raw.echo(b"frame").await;
        way.leave(raw).await;
        let departure = collector.departure().await;
        assert_eq!(
            (departure.cause, departure.undelivered_frames),
            (cause.into(), 0)
        );
    }
}

#[tokio::test]
async fn a_game_that_took_a_frame_and_does_not_come_back_is_waited_for_the_linger_time() {
    let mut config = patient();
    config.timeouts.linger_ms = 300;
    for shape in Shape::ALL {
        for (way, cause) in Way::ALL {
            let (mut game, mut raw) = Game::start(shape, config.clone()).await;
            game.hears(&mut raw, 1).await;
            game.takes_one().await;
            game.hears(&mut raw, 2).await;
            way.leave(raw).await;
            let departure = game.collector.departure().await;
            assert_eq!(departure.cause, cause.into(), "{shape:?}");
            assert_eq!(departure.undelivered_frames, 2, "{shape:?} {way:?}");
            assert_eq!(game.takes_the_rest().await, 2, "{shape:?} {way:?}");
            Raw::join(game.handle.local_addr(), "newcomer").await;
        }
    }
}

#[tokio::test]
async fn a_kick_or_a_close_ends_the_wait_for_a_game_that_does_not_come_back() {
    for shape in Shape::ALL {
        for (way, cause) in [(Way::Fin, Cause::PeerFin), (Way::Reset, Cause::PeerReset)] {
            for kicks in [true, false] {
                let (mut game, mut raw) = Game::start(shape, patient()).await;
                game.hears(&mut raw, 1).await;
                game.takes_one().await;
                game.hears(&mut raw, 2).await;
                way.leave(raw).await;
                // The server has one thread: when it answers a newcomer, it has noticed the end.
                Raw::connect(game.handle.local_addr())
                    .await
                    .goodbye_code()
                    .await;
                assert_eq!(game.handle.stats().sessions_open, 1, "the end waits");
                let ended = match kicks {
                    true => game.handle.kick(game.id, Kick::because("away")),
                    false => game.handle.close(game.id, Kick::default()),
                };
                ended.unwrap();
                let departure = game.collector.departure().await;
                assert_eq!(departure.cause, cause.into(), "{shape:?}: no cause of ours");
                assert_eq!(game.takes_the_rest().await, 2, "{shape:?} {way:?}");
            }
        }
    }
}

/// The client stays, so the record is written after the game took one more frame.
#[tokio::test]
async fn the_record_counts_what_the_game_has_not_taken_until_it_is_written() {
    for shape in Shape::ALL {
        let (mut game, mut raw) = Game::start(shape, patient()).await;
        game.hears(&mut raw, 3).await;
        game.handle.kick(game.id, Kick::default()).unwrap();
        assert_eq!(game.collector.departure().await.undelivered_frames, 3);
        game.takes_one().await;
        let left = match shape {
            Shape::NotAccepted | Shape::Accepted => 2,
            // A tick takes all that waits.
            Shape::Ticks => 0,
        };
        drop(raw);
        let end = game.collector.end().await;
        assert_eq!(end.cause(), Cause::Kicked, "{shape:?}");
        assert_eq!(end.undelivered_frames, left, "{shape:?}");
    }
}

/// The runtime has one thread, so the game has not begun to read when the FIN comes.
#[tokio::test]
async fn a_client_that_shuts_behind_its_first_frame_gets_its_answer() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(patient()).bind().await.unwrap();
    let addr = server.local_addr();
    tokio::spawn(async move {
        while let Some(mut session) = server.accept().await {
            tokio::spawn(async move {
                while let Some(frame) = session.recv().await {
                    session.send(frame).unwrap();
                }
            });
        }
    });
    one_shot(addr, &mut collector).await;

    let mut collector = EndCollector::default();
    let (mut events, handle) = collector.builder(patient()).bind_events().await.unwrap();
    let addr = handle.local_addr();
    std::thread::spawn(move || {
        while !events.is_over() {
            events.wait(Duration::from_millis(20));
            for event in events.drain() {
                if let Event::Frame { session, payload } = event {
                    handle.send(session, payload).unwrap();
                }
            }
        }
    });
    one_shot(addr, &mut collector).await;
}

async fn one_shot(addr: SocketAddr, collector: &mut EndCollector) {
    let mut raw = Raw::join(addr, "ann").await;
    // At once: the server reads both before the game runs.
    raw.stream.try_write(&data(b"only")).unwrap();
    SockRef::from(&raw.stream)
        .shutdown(Shutdown::Write)
        .unwrap();
    let answer = raw.frame().await.expect("an answer");
    assert_eq!(answer, (kind::DATA, b"only".to_vec()));
    assert_eq!(raw.goodbye_code().await, None);
    let departure = collector.departure().await;
    assert_eq!(departure.cause, Cause::PeerFin.into());
    assert_eq!(departure.undelivered_frames, 0);
}
