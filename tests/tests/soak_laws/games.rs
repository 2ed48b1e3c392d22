//! The same game in each shape: an echo that obeys commands.

use std::thread::JoinHandle;
use std::time::Duration;

use lastword_admin::AdminExt;
use lastword_server::{
    Context, Event, Handler, Kick, Player, ServerHandle, Session, SessionId, Standalone,
};
use lastword_tests::{Stage, config, within};

use crate::DRAIN;

/// The thread or task in which the game's code runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    Handler,
    Session,
    /// On a thread of its own, without a runtime.
    Tick,
}

impl Shape {
    pub(crate) const ALL: [Self; 3] = [Self::Handler, Self::Session, Self::Tick];
}

/// A game with an admin port of its own.
pub(crate) struct Running {
    pub(crate) shape: Shape,
    pub(crate) server: ServerHandle,
    pub(crate) stage: Stage,
    ticks: Option<JoinHandle<(u64, u64)>>,
}

impl Running {
    pub(crate) async fn start(shape: Shape) -> Self {
        let mut stage = Stage::default();
        let builder = stage.builder(config()).admin("127.0.0.1:0");
        let mut ticks = None;
        let server = match shape {
            Shape::Handler => builder.serve(|_: &Player| Game).await.unwrap(),
            Shape::Session => {
                let mut server = builder.bind().await.unwrap();
                let handle = server.handle().clone();
                tokio::spawn(async move {
                    while let Some(session) = server.accept().await {
                        tokio::spawn(play(session));
                    }
                });
                handle
            }
            Shape::Tick => {
                let (handle, server) = tokio::sync::oneshot::channel();
                let builder = builder.own_runtime(1);
                ticks = Some(std::thread::spawn(|| tick(builder, handle)));
                within("a server", server).await.unwrap()
            }
        };
        Self {
            shape,
            server,
            stage,
            ticks,
        }
    }

    /// Ends the server, and checks that a tick loop was told of every session.
    pub(crate) async fn end(self) {
        self.server.drain(DRAIN).await;
        let Some(ticks) = self.ticks else { return };
        let told = tokio::task::spawn_blocking(move || ticks.join());
        let (joined, left) = within("the ticks", told).await.unwrap().unwrap();
        let stats = self.server.stats();
        assert_eq!(
            (joined, left),
            (stats.sessions_joined, stats.sessions_joined)
        );
    }
}

/// Ticks until the server has ended. Returns how many joined and left.
fn tick(builder: Standalone, handle: tokio::sync::oneshot::Sender<ServerHandle>) -> (u64, u64) {
    let (mut events, players) = builder.bind_events_blocking().unwrap();
    handle.send(players.clone()).unwrap();
    let (mut joined, mut left) = (0, 0);
    while !events.is_over() {
        events.wait(Duration::from_millis(10));
        for event in events.drain() {
            match event {
                Event::Joined { .. } => joined += 1,
                Event::Frame { session, payload } => obey(&players, session, payload),
                Event::Left(_) => left += 1,
                Event::Link { .. } | Event::Draining { .. } | _ => {}
            }
        }
    }
    (joined, left)
}

fn obey(players: &ServerHandle, session: SessionId, payload: &[u8]) {
    match payload {
        KICK | PANIC => players
            .kick(session, Kick::because("asked for it"))
            .unwrap(),
        CLOSE => players.close(session, Kick::default()).unwrap(),
        payload => players.send(session, payload).unwrap(),
    }
}

async fn play(mut session: Session) {
    while let Some(frame) = session.recv().await {
        match &frame[..] {
            KICK => return drop(session.kick(Kick::because("asked for it")).await),
            CLOSE => return drop(session.close().await),
            PANIC => panic_quietly(),
            frame => session.send(frame).unwrap(),
        }
    }
}

struct Game;

impl Handler for Game {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        match payload {
            KICK => context.kick(Kick::because("asked for it")),
            CLOSE => context.close(),
            PANIC => panic_quietly(),
            payload => context.send(payload).unwrap(),
        }
    }
}

/// A panic whose message is not printed.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
}

pub(crate) const KICK: &[u8] = b"kick";
pub(crate) const CLOSE: &[u8] = b"close";
pub(crate) const PANIC: &[u8] = b"panic";
