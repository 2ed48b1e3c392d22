//! The connection's task, polled by hand: the inputs that one turn must check, even if the runtime does not know of
//! them yet.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::io::{Read, Write};
use std::net::TcpStream as Peer;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use lastword_session::wire::{Notice, Ping, Pong};
use lastword_session::{
    Admission, Cause, Close, Config, Connection, Ending, Limits, Time, Timing, Traffic,
};
use lastword_tests::{data, goodbye, hello, kind, within};
use lastword_transport::{App, Clock, Driver, Mailbox, Outbox, Room, Table};
use tokio::net::TcpListener;

/// After our own stall, deadlines are found before the runtime has passed on the kernel's data. In this test the
/// runtime has no turn at all between the peer's bytes and the deadline.
#[tokio::test]
async fn bytes_that_the_runtime_does_not_know_of_cancel_a_verdict() {
    for (timing, cause) in [(LONG, Cause::HelloTimeout), (SHORT, Cause::PeerFrozen)] {
        let (mut rig, bytes) = if cause == Cause::PeerFrozen {
            let mut rig = Rig::new(Limits::default(), timing, |_| ()).await;
            rig.join().await;
            (rig, data(b"here"))
        } else {
            (
                waits_for_hello(Duration::from_millis(20)).await,
                hello(b"ann"),
            )
        };
        rig.peer.write_all(&bytes).unwrap();
        let begun = Clock::real();
        while Clock::real().since(begun) <= Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        rig.turn().await;
        assert!(
            rig.mailbox.session().is_some(),
            "{cause} of a peer that spoke"
        );
        assert!(rig.ended().is_none());
    }
}

/// A connection that has looked for its first bytes in time, also on a busy machine.
async fn waits_for_hello(hello_timeout: Duration) -> Rig {
    loop {
        let begun = Clock::real();
        let limits = Limits {
            hello_timeout,
            ..Limits::default()
        };
        let mut rig = Rig::new(limits, LONG, |_| ()).await;
        rig.turn().await;
        if Clock::real().since(begun) < hello_timeout {
            return rig;
        }
    }
}

/// Written bytes make room for the next frame, turn by turn.
#[tokio::test]
async fn each_turn_makes_room_for_the_next_frame() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let limits = Limits {
        outbound_bytes_max: 8_000,
        ..Limits::default()
    };
    // Simulates another thread: one frame in each turn, which is a quarter of the limit.
    let meanwhile = move |mailbox: &Mailbox| {
        if mailbox.session().is_some() {
            seen.lock()
                .unwrap()
                .push(mailbox.send(&Clock::default(), None, &[7; 2_000]));
        }
    };
    let mut rig = Rig::new(limits, LONG, meanwhile).await;
    rig.join().await;
    // Eight frames are twice the limit.
    for _ in 0..8 {
        rig.turn().await;
    }
    let sent = sent.lock().unwrap();
    assert!(sent.len() >= 8, "too few turns to prove anything: {sent:?}");
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
}

/// The asking end compares the answer's clock with its own. The start of a turn that began before the ping was sent
/// would be a wrong receive time.
#[tokio::test]
async fn a_ping_that_comes_while_a_turn_lasts_is_stamped_when_it_is_read() {
    let asking: Arc<Mutex<Option<Peer>>> = Arc::default();
    let asker = Arc::clone(&asking);
    // Runs between the start of a turn and its read of the socket.
    let meanwhile = move |_: &Mailbox| {
        if let Some(mut peer) = asker.lock().unwrap().as_ref() {
            let begun = Clock::real();
            while Clock::real().since(begun) <= Duration::from_micros(200) {
                std::hint::spin_loop();
            }
            let mut ping = Vec::new();
            Ping {
                clock_us: Clock::real().as_micros(),
                received: 0,
            }
            .encode(&mut ping);
            peer.write_all(&ping).unwrap();
        }
    };
    let mut rig = Rig::new(Limits::default(), LONG, meanwhile).await;
    rig.join().await;
    rig.peer.set_nodelay(true).unwrap();
    *asking.lock().unwrap() = Some(rig.peer.try_clone().unwrap());
    let pongs = within("answers", rig.pongs(10)).await;
    let early = |pong: &&Pong| pong.clock_us < pong.ping_clock_us;
    assert_eq!(pongs.iter().find(early), None);
}

/// The peer's frames lie in the kernel before the first turn, so only the limits of a turn end it.
#[tokio::test]
async fn one_turn_takes_a_share_of_what_a_peer_sent_and_lets_the_runtime_go_first() {
    const FRAMES: u64 = 10_000;
    let mut rig = Rig::new(Limits::default(), LONG, |_| ()).await;
    rig.join().await;
    rig.peer.write_all(&data(b"").repeat(10_000)).unwrap();
    let mut taken = 0;
    while taken < FRAMES {
        tokio::task::yield_now().await;
        let woken = Arc::<Woken>::default();
        let _over = rig
            .driver
            .as_mut()
            .poll(&mut Context::from_waker(&woken.clone().into()));
        let now = rig.counted.lock().unwrap().frames_in;
        assert!(now - taken <= 256, "{} frames in one turn", now - taken);
        if now > taken && now < FRAMES {
            assert!(!woken.0.load(Relaxed), "the runtime has its turn first");
            within("its turn", async {
                while !woken.0.load(Relaxed) {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
        taken = now;
    }
}

#[tokio::test]
async fn a_slow_handler_ends_the_turn_after_its_second_frame() {
    let spin = |_: &Mailbox| {
        let begun = Clock::real();
        while Clock::real().since(begun) <= Duration::from_micros(200) {
            std::hint::spin_loop();
        }
    };
    let mut rig = Rig::new(Limits::default(), LONG, spin).await;
    rig.join().await;
    rig.peer.write_all(&data(b"").repeat(20)).unwrap();
    let mut taken = 0;
    while taken < 20 {
        tokio::task::yield_now().await;
        rig.turn().await;
        let now = rig.counted.lock().unwrap().frames_in;
        assert!(now - taken <= 2, "{} frames in one turn", now - taken);
        taken = now;
    }
}

/// Two answers are more than may wait, and a turn handles two frames at least. The kernel has room for all of them.
#[tokio::test]
async fn the_answers_to_a_burst_are_written_as_they_pile_up() {
    let mut rig = Rig::new(small_queue(), LONG, |_| ()).await;
    rig.join().await;
    rig.answers.store(9_000, Relaxed);
    rig.peer.write_all(&data(b"").repeat(6)).unwrap();
    tokio::task::yield_now().await;
    while rig.counted.lock().unwrap().frames_in < 6 {
        assert!(rig.ended().is_none(), "an answer found no room");
        rig.turn().await;
    }
    rig.turn().await;
    assert_eq!(rig.counted.lock().unwrap().frames_out, 6);
}

/// The peer has read everything, and the runtime has had no turn since: its word on the socket is old.
#[tokio::test]
async fn the_kernel_itself_is_asked_before_a_full_queue_ends_a_session() {
    let mut rig = Rig::new(small_queue(), LONG, |_| ()).await;
    rig.join().await;
    while rig
        .mailbox
        .send(&Clock::default(), None, &[7; 2_000])
        .is_ok()
    {
        rig.turn().await;
    }
    rig.peer.set_nonblocking(true).unwrap();
    let mut read = Vec::new();
    let _would_block = rig.peer.read_to_end(&mut read);
    rig.turn().await;
    assert!(rig.mailbox.session().is_some(), "the peer reads");
    assert_eq!(rig.mailbox.send(&Clock::default(), None, b"more"), Ok(()));
}

fn small_queue() -> Limits {
    Limits {
        outbound_bytes_max: 8_000,
        ..Limits::default()
    }
}

/// Notes that it was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

#[tokio::test]
async fn the_driver_and_the_session_count_the_same() {
    let mut rig = Rig::new(Limits::default(), LONG, |_| ()).await;
    rig.join().await;
    for payload in [b"one".as_slice(), b"three", b"seventeen"] {
        rig.peer.write_all(&data(payload)).unwrap();
        rig.mailbox.send(&Clock::default(), None, payload).unwrap();
        rig.turn().await;
    }
    rig.peer.shutdown(std::net::Shutdown::Write).unwrap();
    within("the end", rig.end()).await;
    let ending = rig.ending.lock().unwrap();
    let evidence = &ending.as_ref().unwrap().evidence;
    let counted = *rig.counted.lock().unwrap();
    let session = Traffic {
        frames_in: evidence.frames_in,
        frames_out: evidence.frames_out,
        bytes_in: evidence.bytes_in,
        bytes_out: evidence.bytes_out,
        frames_dropped: evidence.frames_dropped,
        frames_replaced: evidence.frames_replaced,
    };
    assert_eq!(counted, session);
    assert_eq!((counted.frames_in, counted.frames_out), (3, 3));
}

/// The verdict is out, but the game still takes the frames from before it. The evidence stays that of the verdict, and
/// a frame that another thread sends meanwhile is unsent.
#[tokio::test]
async fn evidence_is_of_the_verdict_and_not_of_the_moment_at_which_the_game_is_told() {
    let mut rig = Rig::new(Limits::default(), LONG, |_| ()).await;
    rig.join().await;
    let begun = Clock::real();
    rig.leaves_a_busy_game().await;
    let verdict = rig.departure.lock().unwrap().asked.unwrap();
    while Clock::real().since(verdict) <= Duration::from_millis(100) {
        std::hint::spin_loop();
    }
    rig.turn().await;
    assert!(rig.ended().is_none());
    rig.departure.lock().unwrap().is_held = false;
    within("the end", rig.end()).await;
    let ending = rig.ending.lock().unwrap();
    let evidence = &ending.as_ref().unwrap().evidence;
    let late = rig.departure.lock().unwrap().sent_late;
    assert!(late > 0);
    assert_eq!(
        (evidence.frames_unsent, evidence.bytes_unsent),
        (late, late * 8)
    );
    let tick = Duration::from_millis(10);
    let ages = [evidence.last_ack_in, evidence.last_byte_in];
    assert!(
        ages.iter()
            .flatten()
            .all(|age| *age <= verdict.since(begun) + tick),
        "{ages:?}"
    );
}

#[tokio::test]
async fn a_verdict_is_reported_although_its_task_is_dropped_before_the_game_took_everything() {
    let mut rig = Rig::new(Limits::default(), LONG, |_| ()).await;
    rig.join().await;
    rig.leaves_a_busy_game().await;
    assert!(rig.ended().is_none());
    let Rig { driver, ending, .. } = rig;
    drop(driver);
    let ending = ending.lock().unwrap();
    let cause = ending.as_ref().map(|ending| ending.verdict.cause);
    assert_eq!(cause, Some(Cause::PeerGoodbye));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_task_that_is_dropped_without_a_verdict_bounds_what_it_leaves_in_the_kernel() {
    let mut rig = Rig::new(Limits::default(), LONG, |_| ()).await;
    rig.join().await;
    let socket = lastword_tests::server_end(rig.peer.local_addr().unwrap());
    assert_eq!(socket.tcp_user_timeout().unwrap(), None);
    drop(rig);
    let last = socket.tcp_user_timeout().unwrap();
    assert_eq!(last, Some(lastword_keepalive::USER_TIMEOUT_FINAL));
}

const LONG: Timing = Timing {
    heartbeat_ms: 60_000,
    suspect_ms: 60_000,
    dead_ms: 60_000,
};
const SHORT: Timing = Timing {
    heartbeat_ms: 5,
    suspect_ms: 10,
    dead_ms: 20,
};

/// A connection whose task has a turn only when the test says so.
struct Rig {
    driver: Pin<Box<Driver<Game>>>,
    mailbox: Arc<Mailbox>,
    peer: Peer,
    ending: Arc<Mutex<Option<Box<Ending>>>>,
    counted: Arc<Mutex<Traffic>>,
    departure: Arc<Mutex<Departure>>,
    /// The bytes with which each frame is answered; 0 for no answer.
    answers: Arc<AtomicUsize>,
    _table: Arc<Table>,
}

/// A game that is still busy with earlier frames when it is asked whether it took all of them.
#[derive(Default)]
struct Departure {
    is_held: bool,
    /// When the game was first asked.
    asked: Option<Time>,
    /// Frames that the game sent when it was asked.
    sent_late: u64,
}

impl Rig {
    async fn new(
        limits: Limits,
        timing: Timing,
        meanwhile: impl Fn(&Mailbox) + Send + Unpin + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = Peer::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let config = Arc::new(Config {
            limits,
            ..Config::default()
        });
        let table = Table::start();
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&config)));
        let slot = table.insert(Arc::clone(&mailbox));
        let (ending, counted) = (Arc::default(), Arc::default());
        let departure = Arc::<Mutex<Departure>>::default();
        let answers = Arc::<AtomicUsize>::default();
        let game = Game {
            timing,
            meanwhile: Box::new(meanwhile),
            mailbox: Arc::clone(&mailbox),
            ending: Arc::clone(&ending),
            counted: Arc::clone(&counted),
            departure: Arc::clone(&departure),
            answers: Arc::clone(&answers),
        };
        let connection = Connection::server(config, Clock::real());
        Self {
            driver: Box::pin(Driver::new(
                stream,
                connection,
                game,
                Arc::clone(&mailbox),
                slot,
            )),
            mailbox,
            peer,
            ending,
            counted,
            departure,
            answers,
            _table: table,
        }
    }

    /// Polls once, without the runtime.
    async fn turn(&mut self) {
        std::future::poll_fn(|cx| {
            let _over = self.driver.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
    }

    async fn join(&mut self) {
        self.peer.write_all(&hello(b"ann")).unwrap();
        let (driver, mailbox) = (&mut self.driver, &self.mailbox);
        let joined = std::future::poll_fn(|cx| {
            let _over = driver.as_mut().poll(cx);
            match mailbox.session() {
                Some(_) => Poll::Ready(()),
                None => Poll::Pending,
            }
        });
        within("the session", joined).await;
    }

    /// Gives turns until the peer has this many answers.
    async fn pongs(&mut self, count: usize) -> Vec<Pong> {
        self.peer.set_nonblocking(true).unwrap();
        let (mut bytes, mut pongs) = (Vec::new(), Vec::new());
        while pongs.len() < count {
            self.turn().await;
            tokio::task::yield_now().await;
            let _would_block = self.peer.read_to_end(&mut bytes);
            while let [0, high, low, kind, rest @ ..] = bytes.as_slice() {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                let Some((payload, _)) = rest.split_at_checked(len) else {
                    break;
                };
                pongs.extend((*kind == kind::PONG).then(|| Pong::decode(payload).unwrap()));
                bytes.drain(..4 + len);
            }
        }
        pongs
    }

    /// The peer says goodbye. When the game is asked for the first time, it is busy.
    async fn leaves_a_busy_game(&mut self) {
        self.departure.lock().unwrap().is_held = true;
        self.peer.write_all(&goodbye()).unwrap();
        self.peer.shutdown(std::net::Shutdown::Write).unwrap();
        let asked = async {
            while self.departure.lock().unwrap().asked.is_none() {
                self.turn().await;
                tokio::task::yield_now().await;
            }
        };
        within("the verdict", asked).await;
    }

    /// Gives turns until the connection has ended.
    async fn end(&mut self) {
        while self.ended().is_none() {
            self.turn().await;
            tokio::task::yield_now().await;
        }
    }

    fn ended(&self) -> Option<Cause> {
        let ending = self.ending.lock().unwrap();
        ending.as_ref().map(|ending| ending.verdict.cause)
    }
}

/// Lets every client in; `meanwhile` runs once per turn.
struct Game {
    timing: Timing,
    meanwhile: Box<dyn Fn(&Mailbox) + Send + Unpin>,
    mailbox: Arc<Mailbox>,
    ending: Arc<Mutex<Option<Box<Ending>>>>,
    counted: Arc<Mutex<Traffic>>,
    departure: Arc<Mutex<Departure>>,
    answers: Arc<AtomicUsize>,
}

impl App for Game {
    fn authenticate(&mut self, _credentials: &[u8]) {}

    fn poll_admission(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Admission, Close>> {
        Poll::Ready(Ok(Admission {
            session: [7; 16],
            timing: self.timing,
            resume_window: None,
        }))
    }

    fn joined(&mut self, _outbox: &mut Outbox<'_>, _admission: &Admission) {}

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        (self.meanwhile)(&self.mailbox);
        Poll::Ready(())
    }

    fn frame(&mut self, outbox: &mut Outbox<'_>, _payload: &[u8]) -> Room {
        match self.answers.load(Relaxed) {
            0 => {}
            bytes => outbox.send(None, &vec![7; bytes]).expect("there is room"),
        }
        Room::MustPoll
    }

    fn link(&mut self, _outbox: &mut Outbox<'_>, _link: lastword_session::Link) {}

    fn notice(&mut self, _notice: &Notice<'_>) {}

    fn poll_delivered(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        let mut departure = self.departure.lock().unwrap();
        if !departure.is_held {
            return Poll::Ready(());
        }
        departure.asked.get_or_insert_with(Clock::real);
        departure.sent_late +=
            u64::from(self.mailbox.send(&Clock::default(), None, b"late").is_ok());
        Poll::Pending
    }

    /// It took the frames, and is busy with the last.
    fn taken(&self) -> u64 {
        1
    }

    fn traffic(&mut self, traffic: Traffic) {
        let mut counted = self.counted.lock().unwrap();
        counted.frames_in += traffic.frames_in;
        counted.frames_out += traffic.frames_out;
        counted.bytes_in += traffic.bytes_in;
        counted.bytes_out += traffic.bytes_out;
    }

    fn panicked(&mut self) {}

    fn closed(&mut self, ending: Box<Ending>) {
        *self.ending.lock().unwrap() = Some(ending);
    }
}
