//! Numbered and hashed frames in both directions, between real clients and a real server, over paths that are cut at random.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lastword_client::{
    Connector, ReconnectEvent, Reconnecting, ReconnectingClient, SendError, Trust,
};
use lastword_server::{
    Certificates, Context, Departure, Event, Handler, Player as Named, Server, ServerHandle,
    Session, SessionEvent, SessionId,
};
use lastword_tests::within;
use tokio::task::JoinSet;

use crate::game::{SHAPES, Shape};
use crate::relay::{Cut, Relay};
use crate::{LONG, with_window};

/// One frame: its number and a hash of the session and of the number, with a random tail.
pub(crate) fn frame(seed: u64, direction: u8, n: u64) -> Vec<u8> {
    let mut hasher = DefaultHasher::new();
    (seed, direction, n).hash(&mut hasher);
    let hash = hasher.finish();
    let mut payload = n.to_le_bytes().to_vec();
    payload.extend_from_slice(&hash.to_le_bytes());
    payload.resize(
        16 + usize::try_from(hash % 120).unwrap_or(0),
        n.to_le_bytes()[0],
    );
    payload
}

pub(crate) const UP: u8 = 0;
pub(crate) const DOWN: u8 = 1;

/// The server's end of one session: it checks each frame, and answers with one of its own numbers.
struct Checks {
    seed: u64,
    next: u64,
}

impl Checks {
    fn new(player: Option<&str>) -> Self {
        let seed = player.and_then(|player| player.parse().ok());
        Self {
            seed: seed.expect("the player's name is a number"),
            next: 0,
        }
    }

    fn answer(&mut self, payload: &[u8]) -> Vec<u8> {
        assert_eq!(
            payload,
            frame(self.seed, UP, self.next),
            "frame {}",
            self.next
        );
        let answer = frame(self.seed, DOWN, self.next);
        self.next += 1;
        answer
    }
}

/// What the games of all sessions heard.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) joined: AtomicU64,
    pub(crate) left: AtomicU64,
    pub(crate) wrong: AtomicU64,
}

struct InPlace {
    checks: Checks,
    counts: Arc<Counts>,
}

impl Handler for InPlace {
    fn joined(&mut self, _: &mut Context<'_, '_>) {
        self.counts.joined.fetch_add(1, Ordering::Relaxed);
    }

    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        context
            .send(&self.checks.answer(payload))
            .expect("there is room");
    }

    fn left(self, departure: &Departure) {
        self.counts.left.fetch_add(1, Ordering::Relaxed);
        let is_meant = departure.cause.label() == "peer_goodbye";
        self.counts
            .wrong
            .fetch_add(u64::from(!is_meant), Ordering::Relaxed);
    }
}

async fn plays(mut session: Session, counts: Arc<Counts>) {
    counts.joined.fetch_add(1, Ordering::Relaxed);
    let mut checks = Checks::new(session.player());
    while let Some(event) = session.next_event().await {
        if let SessionEvent::Frame(payload) = event {
            session
                .send(checks.answer(&payload))
                .expect("there is room");
        }
    }
    counts.left.fetch_add(1, Ordering::Relaxed);
    let is_meant = session.close().await.cause.label() == "peer_goodbye";
    counts
        .wrong
        .fetch_add(u64::from(!is_meant), Ordering::Relaxed);
}

fn ticks(
    server: &ServerHandle,
    games: &mut HashMap<SessionId, Checks>,
    counts: &Counts,
    event: &Event<'_>,
) {
    match event {
        Event::Joined {
            session, player, ..
        } => {
            counts.joined.fetch_add(1, Ordering::Relaxed);
            games.insert(*session, Checks::new(player.id.as_deref()));
        }
        Event::Frame { session, payload } => {
            let checks = games.get_mut(session).expect("it has joined");
            server
                .send(*session, &checks.answer(payload))
                .expect("there is room");
        }
        Event::Left(departure) => {
            counts.left.fetch_add(1, Ordering::Relaxed);
            let is_meant = departure.cause.label() == "peer_goodbye";
            counts
                .wrong
                .fetch_add(u64::from(!is_meant), Ordering::Relaxed);
            games.remove(&departure.session);
        }
        Event::Link { .. } | Event::Draining { .. } | _ => {}
    }
}

/// Starts a game in this shape, with TLS where there are certificates.
pub(crate) async fn start(
    shape: Shape,
    certificates: Option<Certificates>,
    counts: &Arc<Counts>,
) -> ServerHandle {
    let mut config = with_window(LONG);
    config.admission.handshakes_max = 2_000;
    let mut builder = Server::builder().config(config).listen("127.0.0.1:0");
    if let Some(certificates) = certificates {
        builder = builder.tls(certificates);
    }
    let counts = Arc::clone(counts);
    match shape {
        Shape::Handler => {
            let make = move |player: &Named| InPlace {
                checks: Checks::new(player.id.as_deref()),
                counts: Arc::clone(&counts),
            };
            builder.serve(make).await.unwrap()
        }
        Shape::Session => {
            let mut server = builder.bind().await.unwrap();
            let handle = server.handle().clone();
            tokio::spawn(async move {
                while let Some(session) = server.accept().await {
                    tokio::spawn(plays(session, Arc::clone(&counts)));
                }
            });
            handle
        }
        Shape::Tick => {
            let (mut events, handle) = builder.bind_events().await.unwrap();
            let sends = handle.clone();
            std::thread::spawn(move || {
                let mut games = HashMap::new();
                while !events.is_over() {
                    events.wait(Duration::from_millis(20));
                    for event in events.drain() {
                        ticks(&sends, &mut games, &counts, &event);
                    }
                }
            });
            handle
        }
    }
}

/// A small generator: the same seed gives the same session.
struct Random(u64);

impl Random {
    /// Below this.
    fn below(&mut self, n: u64) -> u64 {
        // Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// One player, its path, and how far it is.
struct Life {
    seed: u64,
    random: Random,
    relay: Relay,
    trust: Option<Trust>,
    client: ReconnectingClient,
    said: u64,
    heard: u64,
    resumes: u64,
}

impl Life {
    fn dial(seed: u64, relay: &Relay, trust: Option<&Trust>) -> Reconnecting {
        let mut connector = Connector::start();
        if let Some(trust) = trust {
            connector = connector.tls(trust.clone());
        }
        let Ok(client) = connector.reconnecting(relay.addr);
        client.credentials(seed.to_string())
    }

    async fn begin(seed: u64, server: &ServerHandle, trust: Option<Trust>) -> Self {
        let relay = Relay::start(server.local_addr()).await;
        let client = Self::dial(seed, &relay, trust.as_ref())
            .connect()
            .await
            .unwrap();
        Self {
            seed,
            random: Random(seed),
            relay,
            trust,
            client,
            said: 0,
            heard: 0,
            resumes: 0,
        }
    }

    /// Says and hears up to these numbers, whatever happens to the connection.
    async fn until(&mut self, said: u64, heard: u64) {
        while self.said < said || self.heard < heard {
            let burst = self.random.below(30) + 1;
            for _ in 0..burst.min(said.saturating_sub(self.said)) {
                match self.client.send(frame(self.seed, UP, self.said)) {
                    Ok(()) => self.said += 1,
                    Err(SendError::QueueFull) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            while self.heard < heard.min(self.said) {
                // So several bursts are on their way, and their answers.
                if self.said < said && self.random.below(8) == 0 {
                    break;
                }
                self.hears().await;
            }
        }
    }

    async fn hears(&mut self) {
        let event = within("an event", self.client.next_event()).await;
        match event.expect("there is more to come") {
            ReconnectEvent::Frame(payload) => {
                assert_eq!(
                    payload,
                    frame(self.seed, DOWN, self.heard),
                    "frame {}",
                    self.heard
                );
                self.heard += 1;
            }
            ReconnectEvent::Resumed { .. } => self.resumes += 1,
            ReconnectEvent::Ended(end) => panic!("{end}"),
            ReconnectEvent::Lost(_) | ReconnectEvent::Retrying { .. } | _ => {}
        }
    }

    /// Cuts the connection, or ends the client's process after it has exported its session.
    async fn is_cut(&mut self) {
        let kind = self.random.below(6);
        if let Some(cut) = Cut::ALL.get(usize::try_from(kind).unwrap()) {
            self.relay.cut(*cut);
            if cut.is_unseen() {
                self.client.probe();
            }
        } else {
            self.client.pause();
            while let Some(event) = within("the pause", self.client.next_event()).await {
                if let ReconnectEvent::Frame(payload) = event {
                    assert_eq!(payload, frame(self.seed, DOWN, self.heard));
                    self.heard += 1;
                }
            }
            let exported = self.client.export().expect("it is paused");
            let next = Self::dial(self.seed, &self.relay, self.trust.as_ref());
            self.client = next.import(&exported).expect("it is sound").start();
        }
        let before = self.resumes;
        while self.resumes == before {
            self.hears().await;
        }
    }
}

/// The size of a run.
#[derive(Clone, Copy, Debug)]
struct Size {
    sessions: u64,
    at_once: u64,
    resumes: u64,
    /// In each direction, between two resumes.
    frames: u64,
}

/// Plays one session to its end. Returns its resumes and its frames in both directions.
async fn one_life(seed: u64, server: ServerHandle, trust: Option<Trust>, size: Size) -> (u64, u64) {
    let mut life = Life::begin(seed, &server, trust).await;
    for round in 1..=size.resumes {
        let end = round * size.frames;
        // Some frames are on their way in each direction when the path is cut.
        let heard = (end - size.frames) + life.random.below(size.frames);
        // A first connection that the client has not confirmed ends its session. An answer comes behind that.
        life.until(end, heard.max(life.heard).max(1)).await;
        life.is_cut().await;
    }
    let end = (size.resumes + 1) * size.frames;
    life.until(end, end).await;
    let (resumes, frames) = (life.resumes, life.said + life.heard);
    within("the goodbye", life.client.goodbye()).await;
    (resumes, frames)
}

/// Plays sessions in this shape. Returns their resumes and frames.
async fn all_lives(shape: Shape, with_tls: bool, size: Size) -> (u64, u64) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let certificates = with_tls.then(|| Certificates::from_pem([(&certificate, &key)]).unwrap());
    let trust = with_tls.then(|| Trust::pinned(certificate.as_bytes()).unwrap());
    let counts = Arc::<Counts>::default();
    let server = start(shape, certificates, &counts).await;
    let mut lives = JoinSet::new();
    let (mut resumes, mut frames) = (0, 0);
    let base = (shape as u64 * 2 + u64::from(with_tls)) << 32;
    for n in 0..size.sessions {
        if n >= size.at_once {
            let (more, of_frames) = lives.join_next().await.unwrap().unwrap();
            (resumes, frames) = (resumes + more, frames + of_frames);
        }
        lives.spawn(one_life(base + n, server.clone(), trust.clone(), size));
    }
    for (more, of_frames) in lives.join_all().await {
        (resumes, frames) = (resumes + more, frames + of_frames);
    }
    let left = || counts.left.load(Ordering::Relaxed) == size.sessions;
    lastword_tests::until("all have left", left).await;
    assert_eq!(counts.joined.load(Ordering::Relaxed), size.sessions);
    assert_eq!(
        counts.wrong.load(Ordering::Relaxed),
        0,
        "each left by its goodbye"
    );
    let stats = server.stats();
    assert!(stats.laws_hold(), "{stats:?}");
    assert_eq!((stats.sessions_open, stats.sessions_suspended), (0, 0));
    (resumes, frames)
}

/// All shapes at the same time, in clear and with TLS.
async fn in_each_shape(size: Size) {
    let mut runs = JoinSet::new();
    for shape in SHAPES {
        for with_tls in [false, true] {
            runs.spawn(async move {
                let start = Instant::now();
                let (resumes, frames) = all_lives(shape, with_tls, size).await;
                println!(
                    "{shape:?}, {}: {resumes} resumes of {} sessions, {frames} frames: none lost, none twice, in order; {:.0?}",
                    if with_tls { "TLS" } else { "clear" },
                    size.sessions,
                    start.elapsed()
                );
            });
        }
    }
    runs.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_frame_is_lost_and_none_comes_twice_on_paths_that_are_cut_at_random() {
    in_each_shape(Size {
        sessions: 3,
        at_once: 3,
        resumes: 4,
        frames: 60,
    })
    .await;
}

pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// 100,000 resumes over 10,000,000 frames: SESSIONS in each shape, in clear and with TLS, AT_ONCE of them at a time, each with
/// RESUMES, and FRAMES in each direction between two of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes some minutes"]
async fn a_hundred_thousand_resumes_over_ten_million_frames() {
    in_each_shape(Size {
        sessions: number("SESSIONS", 1_400),
        at_once: number("AT_ONCE", 50),
        resumes: number("RESUMES", 12),
        frames: number("FRAMES", 47),
    })
    .await;
}
