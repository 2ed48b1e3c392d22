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
use lastword_tests::{Raw, Stage, config, crowd, data, frame, goodbye, hello, home, kind, until};

/// How a client makes its connection end.
#[derive(Clone, Copy, Debug)]
enum Way {
    Goodbye,
    GoodbyeUnread,
    Fin,
    FinMidFrame,
    FinMidHello,
    Reset,
    ResetMidFrame,
    Probe,
    ProbeReset,
    Malformed,
    Violation,
    TooLarge,
    WrongProtocol,
    LongName,
    Kicked,
    ClosedByGame,
    Panic,
}

const WAYS: [Way; 17] = [
    Way::Goodbye,
    Way::GoodbyeUnread,
    Way::Fin,
    Way::FinMidFrame,
    Way::FinMidHello,
    Way::Reset,
    Way::ResetMidFrame,
    Way::Probe,
    Way::ProbeReset,
    Way::Malformed,
    Way::Violation,
    Way::TooLarge,
    Way::WrongProtocol,
    Way::LongName,
    Way::Kicked,
    Way::ClosedByGame,
    Way::Panic,
];

/// Where the game's code runs.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Handler,
    Session,
}

impl Way {
    fn of(n: u32) -> Self {
        WAYS[n as usize % WAYS.len()]
    }

    /// What this way is to be called.
    fn truth(self, shape: Shape) -> (Cause, Phase) {
        match self {
            Self::Goodbye | Self::GoodbyeUnread => (Cause::PeerGoodbye, Phase::Live),
            Self::Fin => (Cause::PeerFin, Phase::Live),
            Self::FinMidFrame => (Cause::PeerFinMidFrame, Phase::Live),
            Self::FinMidHello => (Cause::PeerFinMidFrame, Phase::Hello),
            Self::Reset => (Cause::PeerReset, Phase::Live),
            Self::ResetMidFrame => (Cause::PeerResetMidFrame, Phase::Live),
            Self::Probe | Self::ProbeReset => (Cause::PeerProbe, Phase::Hello),
            Self::Malformed => (Cause::FrameMalformed, Phase::Live),
            Self::Violation => (Cause::ProtocolViolation, Phase::Live),
            Self::TooLarge => (Cause::FrameTooLarge, Phase::Live),
            Self::WrongProtocol => (Cause::WrongProtocol, Phase::Hello),
            Self::LongName => (Cause::AuthRejected, Phase::Auth),
            Self::Kicked => (Cause::Kicked, Phase::Live),
            Self::ClosedByGame => (Cause::ClosedByGame, Phase::Live),
            // A task that panics drops its session, which is all that a session sees of it.
            Self::Panic => match shape {
                Shape::Handler => (Cause::HandlerPanicked, Phase::Live),
                Shape::Session => (Cause::ClosedByGame, Phase::Live),
            },
        }
    }

    /// Comes and goes.
    async fn live(self, addr: SocketAddr, n: u32) {
        let mut raw = Raw::connect_from(home(n), addr).await;
        match self {
            Self::Probe => return,
            Self::ProbeReset => return raw.reset(),
            Self::FinMidHello => return raw.write(&hello(b"ann")[..20]).await,
            Self::WrongProtocol => raw.write(b"GET / HTTP/1.1\r\n\r\n").await,
            Self::LongName => raw.write(&hello(&[b'a'; 65])).await,
            _ => {
                raw.enter("ann").await;
                raw.echo(b"hi").await;
            }
        }
        let half = &data(&[7; 1000])[..500];
        match self {
            Self::Fin => return,
            Self::Reset => return raw.reset(),
            Self::FinMidFrame => return raw.write(half).await,
            Self::ResetMidFrame => {
                raw.write(half).await;
                return raw.reset();
            }
            Self::GoodbyeUnread => {
                raw.write(&data(b"hi")).await;
                raw.until_readable().await;
                return raw.write(&goodbye()).await;
            }
            Self::Goodbye => raw.write(&goodbye()).await,
            Self::Malformed => raw.write(&frame(kind::PING, b"?")).await,
            Self::Violation => raw.write(&frame(kind::WELCOME, b"")).await,
            Self::TooLarge => raw.write(&[0xff, 0xff, 0xff, kind::DATA]).await,
            Self::Kicked => raw.write(&data(KICK)).await,
            Self::ClosedByGame => raw.write(&data(CLOSE)).await,
            Self::Panic => raw.write(&data(PANIC)).await,
            _ => {}
        }
        raw.goodbye_code().await;
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

    let addrs = [with_handlers.local_addr(), with_sessions.local_addr()];
    crowd(2 * COUNT, AT_ONCE, move |n| {
        Way::of(n / 2).live(addrs[n as usize % 2], n / 2)
    })
    .await;
    ended_as_they_should(&mut handlers, Shape::Handler).await;
    ended_as_they_should(&mut sessions, Shape::Session).await;
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
async fn ended_as_they_should(stage: &mut Stage, shape: Shape) {
    let mut seen = vec![false; COUNT as usize];
    let (mut wrong, mut joined) = (Vec::new(), 0);
    for _ in 0..COUNT {
        let end = stage.end().await;
        let n = number_of(end.remote);
        assert!(
            !std::mem::replace(&mut seen[n as usize], true),
            "one end for each: {end:#?}"
        );
        joined += u32::from(end.session.is_some());
        if (end.cause(), end.ending.verdict.phase) != Way::of(n).truth(shape) {
            wrong.push(format!("{:?}: {end} {:#?}", Way::of(n), end.ending));
        }
    }
    assert_eq!(stage.more(), 0, "one end for each");
    for _ in 0..joined {
        let departure = stage.departure().await;
        assert_eq!(departure.cause, departure.disconnect.cause().into());
    }
    assert!(
        wrong.is_empty(),
        "{} wrong in {shape:?}: {}",
        wrong.len(),
        wrong.join("\n")
    );
    eprintln!("{shape:?}: {COUNT} causes, 0 wrong");
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

fn number_of(remote: SocketAddr) -> u32 {
    (0..COUNT).find(|n| home(*n) == remote.ip()).unwrap()
}

const KICK: &[u8] = b"kick";
const CLOSE: &[u8] = b"close";
const PANIC: &[u8] = b"panic";
const COUNT: u32 = 2000;
const AT_ONCE: usize = 200;
