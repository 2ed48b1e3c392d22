//! A game in each shape. It logs what it hears of its sessions, and sends every frame back.

use std::sync::Arc;
use std::time::Duration;

use lastword_server::{
    Cause, Config, Context, Departure, Event, Handler, Link, Player, ServerHandle, Session,
    SessionEvent, SessionId,
};
use lastword_tests::{EndCollector, Log};

use crate::with_window;

/// What the game heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Joined,
    Frame(Vec<u8>),
    Lost(Cause),
    Back(u32),
    Left(&'static str),
}

/// One of the three ways in which a game hears of its sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Handler,
    Session,
    Tick,
}

pub(crate) const SHAPES: [Shape; 3] = [Shape::Handler, Shape::Session, Shape::Tick];

/// A server with its game, its records, and what the game heard, with the session.
pub(crate) struct Game {
    pub(crate) server: ServerHandle,
    pub(crate) ends: EndCollector,
    pub(crate) log: Log<(SessionId, Heard)>,
}

impl Game {
    /// Starts a game whose sessions wait so long for their players.
    pub(crate) async fn start(shape: Shape, window: Duration) -> Self {
        Self::with(shape, with_window(window)).await
    }

    pub(crate) async fn with(shape: Shape, config: Config) -> Self {
        let mut ends = EndCollector::default();
        let log = Log::<(SessionId, Heard)>::default();
        let builder = ends.builder(config);
        let heard = Arc::clone(&log);
        let server = match shape {
            Shape::Handler => {
                let make = move |_: &Player| Watch {
                    session: None,
                    log: Arc::clone(&heard),
                };
                builder.serve(make).await.unwrap()
            }
            Shape::Session => {
                let mut server = builder.bind().await.unwrap();
                let handle = server.handle().clone();
                tokio::spawn(async move {
                    while let Some(session) = server.accept().await {
                        tokio::spawn(plays(session, Arc::clone(&heard)));
                    }
                });
                handle
            }
            Shape::Tick => {
                let (mut events, handle) = builder.bind_events().await.unwrap();
                let sends = handle.clone();
                std::thread::spawn(move || {
                    while !events.is_over() {
                        events.wait(Duration::from_millis(100));
                        for event in events.drain() {
                            ticks(&sends, &heard, &event);
                        }
                    }
                });
                handle
            }
        };
        Self { server, ends, log }
    }

    /// What the game heard so far, of its one session.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        let log = self.log.lock().unwrap();
        log.iter().map(|(_, heard)| heard.clone()).collect()
    }

    /// Waits until the last thing that the game heard is this.
    pub(crate) async fn hears(&self, last: &Heard) {
        let what = format!("the game hears {last:?}");
        lastword_tests::until(&what, || self.heard().last() == Some(last)).await;
    }
}

/// The name of a change of the link, if it is about the player's absence.
fn of_link(link: &Link) -> Option<Heard> {
    if let Link::Back(back) = link {
        return Some(Heard::Back(back.connection));
    }
    if let Link::Lost(ending) = link {
        return Some(Heard::Lost(ending.verdict.cause));
    }
    None
}

struct Watch {
    session: Option<SessionId>,
    log: Log<(SessionId, Heard)>,
}

impl Watch {
    fn log(&self, session: SessionId, heard: Heard) {
        self.log.lock().unwrap().push((session, heard));
    }
}

impl Handler for Watch {
    fn joined(&mut self, context: &mut Context<'_, '_>) {
        self.session = Some(context.session());
        self.log(context.session(), Heard::Joined);
    }

    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        self.log(context.session(), Heard::Frame(payload.to_vec()));
        let _full = context.send(payload);
    }

    fn link(&mut self, context: &mut Context<'_, '_>, link: Link) {
        if let Some(heard) = of_link(&link) {
            self.log(context.session(), heard);
        }
    }

    fn left(self, departure: &Departure) {
        self.log(departure.session, Heard::Left(departure.cause.label()));
    }
}

async fn plays(mut session: Session, log: Log<(SessionId, Heard)>) {
    let id = session.id();
    let log = |heard| log.lock().unwrap().push((id, heard));
    log(Heard::Joined);
    while let Some(event) = session.next_event().await {
        match event {
            SessionEvent::Frame(payload) => {
                log(Heard::Frame(payload.to_vec()));
                let _gone = session.send(payload);
            }
            SessionEvent::Link(link) => {
                if let Some(heard) = of_link(&link) {
                    log(heard);
                }
            }
            _ => {}
        }
    }
    log(Heard::Left(session.close().await.cause.label()));
}

fn ticks(server: &ServerHandle, log: &Log<(SessionId, Heard)>, event: &Event<'_>) {
    let log = |session, heard| log.lock().unwrap().push((session, heard));
    match event {
        Event::Joined { session, .. } => log(*session, Heard::Joined),
        Event::Frame { session, payload } => {
            log(*session, Heard::Frame(payload.to_vec()));
            let _gone = server.send(*session, payload);
        }
        Event::Link { session, link } => {
            if let Some(heard) = of_link(link) {
                log(*session, heard);
            }
        }
        Event::Left(departure) => {
            log(departure.session, Heard::Left(departure.cause.label()));
        }
        Event::Draining { .. } | _ => {}
    }
}
