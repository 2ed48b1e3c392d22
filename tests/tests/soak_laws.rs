//! Thousands of sessions come and go in every way at once: the books balance at every moment, each cause is
//! what its client did, and nothing is left behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "helpers of a test: a failure here is the test's failure"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use lastword_server::{Cause, Context, Handler, Kick, Phase, Player, ServerHandle, Session};
use lastword_tests::{
    Raw, Stage, config, crowd, data, frame, goodbye, hello, home, kind, resident, until,
};

/// How a client makes its connection end, and what that is to be called.
struct Way {
    joins: bool,
    says: Vec<u8>,
    leaves: Leaves,
    truth: (Cause, Phase),
}

#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// Closes at once.
    Close,
    /// Closes at once, with a reset.
    Reset,
    /// Reads to the end.
    Read,
}

/// Where the game's code runs.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Handler,
    Session,
}

impl Way {
    /// Every way there is to this shape.
    fn all(shape: Shape) -> Vec<Self> {
        use Leaves::{Close, Read, Reset};
        let half = data(&[7; 1000])[..500].to_vec();
        // A task that panics drops its session, which is all that is seen of it.
        let panic = match shape {
            Shape::Handler => Cause::HandlerPanicked,
            Shape::Session => Cause::ClosedByGame,
        };
        vec![
            Self::joined(goodbye(), Read, Cause::PeerGoodbye),
            Self::joined(goodbye(), Close, Cause::PeerGoodbye),
            Self::joined(vec![], Close, Cause::PeerFin),
            Self::joined(half.clone(), Close, Cause::PeerFinMidFrame),
            Self::joined(vec![], Reset, Cause::PeerReset),
            Self::joined(half, Reset, Cause::PeerResetMidFrame),
            Self::joined(frame(kind::PING, b"?"), Read, Cause::FrameMalformed),
            Self::joined(frame(kind::WELCOME, b""), Read, Cause::ProtocolViolation),
            Self::joined(vec![0xff, 0xff, 0xff, 0], Read, Cause::FrameTooLarge),
            Self::joined(data(KICK), Read, Cause::Kicked),
            Self::joined(data(CLOSE), Read, Cause::ClosedByGame),
            Self::joined(data(PANIC), Read, panic),
            Self::early(vec![], Close, Cause::PeerProbe, Phase::Hello),
            Self::early(vec![], Reset, Cause::PeerProbe, Phase::Hello),
            Self::early(
                hello(b"ann")[..20].to_vec(),
                Close,
                Cause::PeerFinMidFrame,
                Phase::Hello,
            ),
            Self::early(
                b"GET / HTTP/1.1\r\n\r\n".to_vec(),
                Read,
                Cause::WrongProtocol,
                Phase::Hello,
            ),
            Self::early(hello(&[b'a'; 65]), Read, Cause::AuthRejected, Phase::Auth),
        ]
    }

    fn joined(says: Vec<u8>, leaves: Leaves, cause: Cause) -> Self {
        Self {
            joins: true,
            says,
            leaves,
            truth: (cause, Phase::Live),
        }
    }

    fn early(says: Vec<u8>, leaves: Leaves, cause: Cause, phase: Phase) -> Self {
        Self {
            joins: false,
            says,
            leaves,
            truth: (cause, phase),
        }
    }

    /// The way of client `n`.
    fn of(ways: &[Self], n: u32) -> &Self {
        &ways[n as usize % ways.len()]
    }

    /// Comes and goes.
    async fn live(&self, addr: SocketAddr, n: u32) {
        let mut raw = Raw::connect_from(home(n), addr).await;
        if self.joins {
            raw.enter("ann").await;
            raw.echo(b"hi").await;
        }
        raw.write(&self.says).await;
        match self.leaves {
            Leaves::Close => {}
            Leaves::Reset => raw.reset(),
            Leaves::Read => {
                raw.goodbye_code().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_sessions_in_each_shape_end_as_their_clients_ended_them_and_leave_nothing() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let start = (lastword_sys::open_fds(), tasks());
    let (mut handlers, mut sessions) = (Stage::default(), Stage::default());
    let with_handlers = handlers
        .builder(config())
        .serve(|_: &Player| Game)
        .await
        .unwrap();
    let with_sessions = serve_sessions(&mut sessions).await;
    let auditor = Auditor::start([with_handlers.clone(), with_sessions.clone()]);

    let ways = [Shape::Handler, Shape::Session].map(|shape| Arc::new(Way::all(shape)));
    let addrs = [with_handlers.local_addr(), with_sessions.local_addr()];
    crowd(2 * COUNT, AT_ONCE, |client| {
        let (server, n) = (client as usize % 2, client / 2);
        let (ways, addr) = (Arc::clone(&ways[server]), addrs[server]);
        async move { Way::of(&ways, n).live(addr, n).await }
    })
    .await;
    ended_as_they_should(&mut handlers, &ways[0]).await;
    ended_as_they_should(&mut sessions, &ways[1]).await;
    for server in [&with_handlers, &with_sessions] {
        balances(server);
    }
    eprintln!("{} snapshots, both laws in each", auditor.stop());

    for server in [with_handlers, with_sessions] {
        server.drain(Duration::ZERO).await;
    }
    until("nothing is left", || {
        (lastword_sys::open_fds(), tasks()) == start
    })
    .await;
}

/// Joins what the server says with what the client did, by the address that was this client's alone.
async fn ended_as_they_should(stage: &mut Stage, ways: &[Way]) {
    let mut seen = vec![false; COUNT as usize];
    let (mut wrong, mut joined) = (Vec::new(), 0);
    for _ in 0..COUNT {
        let end = stage.end().await;
        let n = resident(end.remote.ip());
        assert!(
            !std::mem::replace(&mut seen[n as usize], true),
            "one end for each: {end:#?}"
        );
        joined += u32::from(end.session.is_some());
        let truth = Way::of(ways, n).truth;
        if (end.cause(), end.ending.verdict.phase) != truth {
            wrong.push(format!("{truth:?}: {end} {:#?}", end.ending));
        }
    }
    assert_eq!(stage.more(), 0, "one end for each");
    for _ in 0..joined {
        let departure = stage.departure().await;
        assert_eq!(departure.cause, departure.disconnect.cause().into());
    }
    assert!(
        wrong.is_empty(),
        "{} wrong: {}",
        wrong.len(),
        wrong.join("\n")
    );
    eprintln!("{COUNT} causes, 0 wrong");
}

fn balances(server: &ServerHandle) {
    let stats = server.stats();
    let ended: u64 = stats.disconnects.iter().map(|(.., count)| count).sum();
    assert_eq!(
        (stats.connections_opened, ended),
        (u64::from(COUNT), u64::from(COUNT)),
        "{stats:?}"
    );
    assert_eq!(
        (stats.connections_open, stats.sessions_open),
        (0, 0),
        "{stats:?}"
    );
    let live = stats
        .disconnects
        .iter()
        .filter(|(_, phase, _)| *phase == Phase::Live);
    assert_eq!(
        stats.sessions_joined,
        live.map(|(.., count)| count).sum::<u64>()
    );
    assert!(stats.laws_hold(), "{stats:?}");
}

/// Takes one snapshot after the other on a thread of its own, and holds the laws in each.
struct Auditor {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Auditor {
    fn start(servers: [ServerHandle; 2]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let audit = move || {
            let mut snapshots = 0;
            while !stopped.load(Ordering::Relaxed) {
                for server in &servers {
                    let stats = server.stats();
                    assert!(stats.laws_hold(), "{stats:?}");
                    snapshots += 1;
                }
                std::thread::yield_now();
            }
            snapshots
        };
        Self {
            stop,
            thread: std::thread::spawn(audit),
        }
    }

    /// Returns how many snapshots there were.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .expect("both laws hold in every snapshot")
    }
}

async fn serve_sessions(stage: &mut Stage) -> ServerHandle {
    let mut server = stage.builder(config()).bind().await.unwrap();
    let handle = server.handle().clone();
    tokio::spawn(async move {
        while let Some(session) = server.accept().await {
            tokio::spawn(play(session));
        }
    });
    handle
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

/// An echo that does as it is told.
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

/// A panic that nobody needs to read about.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
}

const KICK: &[u8] = b"kick";
const CLOSE: &[u8] = b"close";
const PANIC: &[u8] = b"panic";
const COUNT: u32 = 2000;
const AT_ONCE: usize = 200;
