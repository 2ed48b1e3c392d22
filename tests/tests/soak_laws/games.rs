//! The same game in each shape: it obeys the commands of a storm's clients.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use lastword_admin::AdminExt;
use lastword_load::{Action, ObeyingGame};
use lastword_server::{
    Anonymous, Authenticator as _, Context, Credentials, Event, GameCode, Handler, Kick, Player,
    Refusal, Server, ServerHandle, Session, SessionId, Standalone,
};
use lastword_tests::{Ask, config, within};

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
    ticks: Option<JoinHandle<(u64, u64)>>,
}

impl Running {
    pub(crate) async fn start(shape: Shape) -> Self {
        let builder = Server::builder()
            .config(config())
            .listen("127.0.0.1:0")
            .authenticator(Ask(admit))
            .admin("127.0.0.1:0");
        let game = Arc::new(ObeyingGame::default());
        let mut ticks = None;
        let server = match shape {
            Shape::Handler => {
                let make = move |_: &Player| Game(Arc::clone(&game));
                builder.serve(make).await.unwrap()
            }
            Shape::Session => {
                let mut server = builder.bind().await.unwrap();
                let handle = server.handle().clone();
                tokio::spawn(async move {
                    let mut panics = false;
                    while let Some(session) = server.accept().await {
                        panics = !panics;
                        tokio::spawn(play(session, Arc::clone(&game), panics));
                    }
                });
                handle
            }
            Shape::Tick => {
                let (handle, server) = tokio::sync::oneshot::channel();
                let builder = builder.own_runtime(1);
                ticks = Some(std::thread::spawn(move || tick(builder, handle, &game)));
                within("a server", server).await.unwrap()
            }
        };
        Self {
            shape,
            server,
            ticks,
        }
    }

    /// Ends the server, and checks that a tick loop was told of every session.
    pub(crate) async fn end(self) {
        self.server.drain(Duration::ZERO).await;
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

/// Accepts every player, except those whose credentials ask for another answer.
async fn admit(credentials: Credentials) -> Result<Player, Refusal> {
    match credentials.bytes.as_ref() {
        asked if asked == ObeyingGame::AUTH_NEVER.as_bytes() => std::future::pending().await,
        asked if asked == ObeyingGame::AUTH_DOWN.as_bytes() => {
            Err(Refusal::unavailable("asked for"))
        }
        _ => Anonymous.authenticate(credentials).await,
    }
}

/// Ticks until the server has ended. Returns how many joined and left.
fn tick(
    builder: Standalone,
    handle: tokio::sync::oneshot::Sender<ServerHandle>,
    game: &ObeyingGame,
) -> (u64, u64) {
    let (mut events, players) = builder.bind_events_blocking().unwrap();
    handle.send(players.clone()).unwrap();
    let (mut joined, mut left) = (0, 0);
    while !events.is_over() {
        events.wait(Duration::from_millis(10));
        for event in events.drain() {
            match event {
                Event::Joined { .. } => joined += 1,
                Event::Frame { session, payload } => obey(&players, session, game.action(payload)),
                Event::Left(_) => left += 1,
                Event::Link { .. } | Event::Draining { .. } | _ => {}
            }
        }
    }
    (joined, left)
}

/// A call fails where the session has left meanwhile.
fn obey(players: &ServerHandle, session: SessionId, action: Action<'_>) {
    match action {
        Action::Answer(payload) => drop(players.send(session, &payload)),
        Action::Kick(code, reason) => drop(players.kick(session, kick(code, reason))),
        Action::Close => drop(players.close(session, Kick::default())),
        Action::Flood => while players.send(session, &[0; FLOOD_BYTES]).is_ok() {},
        Action::Panic => unreachable!("it would end the game for all"),
    }
}

/// Half of the sessions close by a panic: it drops the session, and the server sees only that.
async fn play(mut session: Session, game: Arc<ObeyingGame>, panics: bool) {
    while let Some(frame) = session.recv().await {
        match game.action(&frame) {
            // A send fails where the peer has left. The peer's last frames still have to be taken.
            Action::Answer(payload) => drop(session.send(payload)),
            Action::Kick(code, reason) => return drop(session.kick(kick(code, reason)).await),
            Action::Close if panics => panic_quietly(),
            Action::Close => return drop(session.close().await),
            Action::Flood => while session.send([0; FLOOD_BYTES]).is_ok() {},
            Action::Panic => unreachable!("its cause would be that of a close"),
        }
    }
}

struct Game(Arc<ObeyingGame>);

impl Handler for Game {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        match self.0.action(payload) {
            Action::Answer(payload) => drop(context.send(&payload)),
            Action::Kick(code, reason) => context.kick(kick(code, reason)),
            Action::Close => context.close(),
            Action::Flood => while context.send(&[0; FLOOD_BYTES]).is_ok() {},
            Action::Panic => panic_quietly(),
        }
    }
}

fn kick(code: u16, reason: &str) -> Kick {
    Kick::because(reason).with_code(GameCode::new(code).unwrap())
}

/// A panic whose message is not printed.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
}

const FLOOD_BYTES: usize = 1_024;
