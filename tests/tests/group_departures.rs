//! Departures from groups: a departed session is out for good before the game is told.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of a test: a failure here is the test's failure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use lastword_server::{
    Cause, Context, Departure, Disconnect, Ending, Group, Handler, Kick, NoSuchSession, Observer,
    Player, Server, ServerHandle, SessionId, SessionInfo,
};
use lastword_tests::{Raw, client_ip, config, data, goodbye, run_clients, within};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

#[tokio::test]
async fn a_departed_session_is_out_before_handler_and_observer_are_told() {
    let mut fixture = WatchedServer::open().await;
    let _stays = Raw::join(fixture.server.local_addr(), "stays").await;
    let stays = fixture.joined().await;
    fixture.room.join(stays).unwrap();
    for (way, cause) in [
        (Way::Fin, Cause::PeerFin),
        (Way::Reset, Cause::PeerReset),
        (Way::Goodbye, Cause::PeerGoodbye),
        (Way::Kick, Cause::Kicked),
        (Way::Panic, Cause::HandlerPanicked),
    ] {
        let raw = Raw::join(fixture.server.local_addr(), "goes").await;
        let session = fixture.joined().await;
        fixture.room.join(session).unwrap();
        assert_eq!(fixture.room.len(), 2);
        way.leave(raw, &fixture.server, session).await;
        for who in ["handler", "observer", "disconnected"] {
            // A handler that panicked is gone.
            if (way, who) == (Way::Panic, "handler") {
                continue;
            }
            let told = fixture.told().await;
            assert_eq!((told.who, told.session), (who, session));
            assert_eq!(told.cause, cause);
            assert_eq!(told.members, [stays], "{way:?}: seen by {who}");
            assert_eq!(told.joins_again, Err(NoSuchSession), "{way:?}: {who}");
        }
    }
}

/// Three threads add all live sessions, over and over, until all have departed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn departures_that_race_joins_are_final() {
    let mut fixture = WatchedServer::open().await;
    let racers = [(); 3].map(|()| Racer::start(fixture.server.clone(), fixture.room.clone()));
    let addr = fixture.server.local_addr();
    run_clients(RACES, 50, move |n| async move {
        let mut raw = Raw::connect_from(client_ip(n), addr).await;
        raw.enter("ann").await;
        match n % 3 {
            0 => drop(raw),
            1 => raw.reset(),
            _ => raw.write(&goodbye()).await,
        }
    })
    .await;
    for _ in 0..RACES {
        for _ in ["handler", "observer", "disconnected"] {
            let told = fixture.told().await;
            assert!(!told.members.contains(&told.session), "{told:?}");
            assert_eq!(told.joins_again, Err(NoSuchSession), "{told:?}");
        }
    }
    let joins: usize = racers.into_iter().map(Racer::stop).sum();
    eprintln!("{joins} joins raced {RACES} departures");
    assert!(joins > 1_000, "hardly a race");
    assert_eq!(fixture.room.sessions(), []);
    for _ in 0..RACES {
        let session = fixture.joined().await;
        assert_eq!(fixture.room.join(session), Err(NoSuchSession));
    }
}

/// How a client leaves, or is forced to leave.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Fin,
    Reset,
    Goodbye,
    Kick,
    Panic,
}

impl Way {
    async fn leave(self, mut raw: Raw, server: &ServerHandle, session: SessionId) {
        match self {
            Self::Fin => raw.fin().await,
            Self::Reset => return raw.reset(),
            Self::Goodbye => raw.write(&goodbye()).await,
            Self::Kick => server.kick(session, Kick::because("out")).unwrap(),
            Self::Panic => raw.write(&data(PANIC)).await,
        }
        raw.goodbye_code().await;
    }
}

/// Adds every live session and removes every other one, until it is stopped.
struct Racer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Racer {
    fn start(server: ServerHandle, room: Group) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let race = move || {
            let mut joins = 0;
            while !stopped.load(Ordering::Relaxed) {
                for SessionInfo { session, .. } in server.sessions() {
                    joins += usize::from(room.join(session).is_ok());
                    if joins % 2 == 0 {
                        room.leave(session);
                    }
                }
                // A join that waits for the room's lock during this may find its session departed when it gets the
                // lock.
                room.broadcast(b"hi");
            }
            joins
        };
        Self {
            stop,
            thread: std::thread::spawn(race),
        }
    }

    /// Returns how often a session was added.
    fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// A server of handlers, and the members that handlers and observer see in a room when they are told of an end.
struct WatchedServer {
    server: ServerHandle,
    room: Group,
    joined: UnboundedReceiver<SessionId>,
    told: UnboundedReceiver<ToldOfEnd>,
}

impl WatchedServer {
    async fn open() -> Self {
        let (joined_in, joined) = unbounded_channel();
        let (told_in, told) = unbounded_channel();
        let builder = Server::builder().config(config()).listen("127.0.0.1:0");
        let room = builder.group();
        let witness = Witness {
            room: room.clone(),
            joined: joined_in,
            told: told_in,
        };
        let observer = witness.clone();
        let handler = witness.clone();
        let server = builder
            .observer(observer)
            .serve(move |_: &Player| handler.clone())
            .await
            .unwrap();
        Self {
            server,
            room,
            joined,
            told,
        }
    }

    async fn joined(&mut self) -> SessionId {
        within("a session", self.joined.recv()).await.unwrap()
    }

    async fn told(&mut self) -> ToldOfEnd {
        within("a departure", self.told.recv()).await.unwrap()
    }
}

/// Looks at the room whenever it is told of an end, and tries to add the departed session again.
#[derive(Clone)]
struct Witness {
    room: Group,
    joined: UnboundedSender<SessionId>,
    told: UnboundedSender<ToldOfEnd>,
}

#[derive(Debug)]
struct ToldOfEnd {
    who: &'static str,
    session: SessionId,
    cause: Cause,
    members: Vec<SessionId>,
    joins_again: Result<(), NoSuchSession>,
}

impl Witness {
    fn look(&self, who: &'static str, session: SessionId, ending: &Ending) {
        let room = &self.room;
        let told = ToldOfEnd {
            who,
            session,
            cause: ending.verdict.cause,
            members: room.sessions(),
            joins_again: room.join(session),
        };
        // Fails when the test is over, since it no longer receives.
        self.told.send(told).ok();
    }
}

impl Handler for Witness {
    fn joined(&mut self, context: &mut Context<'_, '_>) {
        self.joined.send(context.session()).unwrap();
    }

    fn frame(&mut self, _context: &mut Context<'_, '_>, payload: &[u8]) {
        assert_eq!(payload, PANIC);
        std::panic::resume_unwind(Box::new("on purpose"));
    }

    fn left(self, departure: &Departure) {
        self.look("handler", departure.session, &departure.ending);
    }
}

impl Observer for Witness {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        self.look(
            "disconnected",
            disconnect.session.unwrap(),
            &disconnect.ending,
        );
    }

    fn left(&self, departure: &Departure) {
        self.look("observer", departure.session, &departure.ending);
    }
}

const PANIC: &[u8] = b"panic";
const RACES: u32 = 3_000;
