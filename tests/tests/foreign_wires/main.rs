//! The wires of other projects, sent byte for byte by raw clients: they log in, play, idle, and leave in every way.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is the test's failure"
)]

mod games;
mod table;
mod wires;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lastword_netlab::{Host, run};
use lastword_server::{
    Builder, Cause, Context, Credentials, Departure, Framing, Handler, Kick, Link, Phase, Player,
    Refusal, ServerHandle,
};
use lastword_session::Detector;
use lastword_tests::{
    Ask, EndCollector, Fixture, Raw, config, in_server_host, outage, quick, until, within,
};
use tokio::io::AsyncReadExt as _;
use tokio::time::{MissedTickBehavior, interval};

use games::Game;
use table::{Idle, Leave, Step, Wire, wires};

/// The game of a session. It counts its calls.
struct CountingGame {
    game: Game,
    first: Option<Vec<u8>>,
    counts: Arc<CallCounts>,
}

#[derive(Debug, Default)]
struct CallCounts {
    frames: AtomicU64,
    answers: AtomicU64,
    links: AtomicU64,
    left: AtomicU64,
}

impl Handler for CountingGame {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        self.counts.frames.fetch_add(1, Ordering::Relaxed);
        let first = self.first.get_or_insert_with(|| payload.to_vec());
        for answer in (self.game)(first, payload) {
            self.counts.answers.fetch_add(1, Ordering::Relaxed);
            context
                .send(&answer)
                .expect("the peer's end refuses no send");
        }
    }

    fn link(&mut self, _context: &mut Context<'_, '_>, link: Link) {
        eprintln!("a link changed: {link:?}");
        self.counts.links.fetch_add(1, Ordering::Relaxed);
    }

    fn left(self, _departure: &Departure) {
        self.counts.left.fetch_add(1, Ordering::Relaxed);
    }
}

/// A client without a name, let in by its first frame, and the counts of its session's game.
struct WireFixture {
    fixture: Fixture,
    counts: Arc<CallCounts>,
}

impl WireFixture {
    async fn of(wire: &Wire, builder: Builder, collector: EndCollector) -> Self {
        let (counts, game) = (Arc::new(CallCounts::default()), wire.game);
        let shared = Arc::clone(&counts);
        let server = builder
            .framing(Framing::Dialect(Arc::clone(&wire.dialect)))
            .serve(move |_: &Player| CountingGame {
                game,
                first: None,
                counts: Arc::clone(&shared),
            })
            .await
            .unwrap();
        Self {
            fixture: Fixture { server, collector },
            counts,
        }
    }

    fn server(&self) -> &ServerHandle {
        &self.fixture.server
    }

    /// Checks that the session ended with this cause, that the game got every frame, and that nothing was lost or
    /// suspected.
    async fn ends(&mut self, wire: &Wire, said: u64, cause: Cause) {
        let name = wire.name;
        let end = self.fixture.ends_as(cause, Phase::Live).await;
        let evidence = &end.ending.evidence;
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let counts = &self.counts;
        // The authenticator also got the first frame, which is not in the session's count.
        let frames = (count(&counts.frames), evidence.frames_in + 1);
        assert_eq!(frames, (said, said), "{name}, {cause}");
        let lost = (end.undelivered_frames, evidence.frames_unsent);
        assert_eq!(lost, (0, 0), "{name}, {cause}");
        assert_eq!(
            evidence.frames_out,
            count(&counts.answers),
            "{name}, {cause}"
        );
        assert_eq!(
            (count(&counts.links), count(&counts.left)),
            (0, 1),
            "{name}"
        );
        assert_eq!((end.player, end.connection), (None, 1), "{name}, {cause}");
        let stats = self.server().stats();
        assert_eq!(
            (stats.suspects, stats.suspected),
            (vec![], vec![]),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_client_of_redis_is_known_by_its_end() {
    plays("redis").await;
}

#[tokio::test]
async fn a_client_of_mqtt_is_known_by_its_end() {
    plays("mqtt").await;
}

#[tokio::test]
async fn a_client_of_minecraft_is_known_by_its_end() {
    plays("minecraft").await;
}

#[tokio::test]
async fn a_server_list_of_minecraft_is_known_by_its_end() {
    plays("minecraft status").await;
}

#[tokio::test]
async fn a_client_of_telepathy_is_known_by_its_end() {
    plays("telepathy").await;
}

#[tokio::test]
async fn a_client_of_pitaya_is_known_by_its_end() {
    plays("pitaya").await;
}

/// All ways to leave on one wire; the first client idles before it leaves.
async fn plays(name: &str) {
    let wire = find(name);
    for (n, (leave, cause)) in wire.leaves.iter().enumerate() {
        let mut collector = EndCollector::default();
        let builder = collector.builder(quick(config()));
        let mut case = WireFixture::of(&wire, builder, collector).await;
        let mut raw = Raw::connect(case.fixture.addr()).await;
        let mut said = 0;
        for step in wire.login.iter().chain(&wire.plays) {
            said += takes(&mut raw, step).await;
        }
        if n == 0 {
            idles(&mut raw, &wire.idles).await;
            for step in &wire.plays {
                said += takes(&mut raw, step).await;
            }
        }
        said += goes(raw, leave, case.server()).await;
        case.ends(&wire, said, *cause).await;
    }
}

/// On every wire, and with every way to leave, the client ends in `auth` and the game is not called.
#[tokio::test]
async fn a_client_that_leaves_while_it_is_checked_is_gone_in_auth() {
    for wire in wires() {
        for (leave, live) in &wire.leaves {
            let (resets, cause) = match (leave, live) {
                (Leave::Kicked(_), _) => continue,
                (Leave::Reset, cause) => (true, *cause),
                (Leave::Fin | Leave::MidFrame(_) | Leave::Goodbye(..), cause) => (false, *cause),
            };
            let (asked, mut asks) = tokio::sync::mpsc::channel(1);
            let never = move |_: Credentials| {
                let asked = asked.clone();
                async move {
                    asked.send(()).await.ok();
                    pending::<Result<Player, Refusal>>().await
                }
            };
            let mut collector = EndCollector::default();
            let builder = collector.builder(config()).authenticator(Ask(never));
            let mut case = WireFixture::of(&wire, builder, collector).await;
            let mut raw = Raw::connect(case.fixture.addr()).await;
            let steps = wire.login.iter().chain(&wire.plays);
            let mut says: Vec<_> = steps.flat_map(|step| step.says.concat()).collect();
            match leave {
                Leave::MidFrame(begun) => says.extend_from_slice(begun),
                Leave::Goodbye(step, goodbye) => {
                    says.extend(step.says.concat());
                    says.extend_from_slice(goodbye);
                }
                Leave::Fin | Leave::Reset | Leave::Kicked(_) => {}
            }
            raw.write(&says).await;
            within("the question", asks.recv()).await.unwrap();
            if resets {
                raw.reset();
            } else {
                drop(raw);
            }
            case.fixture.ends_as(cause, Phase::Auth).await;
            assert_eq!(
                case.counts.frames.load(Ordering::Relaxed),
                0,
                "{}",
                wire.name
            );
        }
    }
}

/// Everything in one write, followed by the end: the game gets every frame, and none of its sends fails.
#[tokio::test]
async fn frames_before_an_end_reach_the_game_and_its_answers_are_taken() {
    for wire in wires() {
        for resets in [false, true] {
            let mut collector = EndCollector::default();
            let builder = collector.builder(config());
            let mut case = WireFixture::of(&wire, builder, collector).await;
            let mut raw = Raw::connect(case.fixture.addr()).await;
            let steps = || wire.login.iter().chain(&wire.plays);
            let says: Vec<_> = steps().flat_map(|step| step.says.concat()).collect();
            let said: usize = steps().map(|step| step.says.len()).sum();
            raw.write(&says).await;
            if resets {
                raw.reset();
            } else {
                raw.fin().await;
                let hears: Vec<_> = steps().flat_map(|step| step.hears.clone()).collect();
                hears_to_the_end(&mut raw, &hears).await;
            }
            let end = case.fixture.collector.end().await;
            // A reset may arrive before the authenticator's answer: then no session joined.
            let joined = case.server().stats().sessions_joined;
            assert!(joined == 1 || resets, "{}", wire.name);
            let counts = case.counts.frames.load(Ordering::Relaxed);
            let expected = joined * u64::try_from(said).unwrap();
            assert_eq!(counts, expected, "{}, resets: {resets}", wire.name);
            let cause = if resets {
                Cause::PeerReset
            } else {
                Cause::PeerFin
            };
            assert_eq!(end.cause(), cause, "{}: {end:#?}", wire.name);
            assert!(case.server().stats().laws_hold());
        }
    }
}

/// Only our ping can show this: the game sends nothing, and the client sends only answers.
#[test]
fn an_idle_client_that_only_answers_shows_that_the_own_network_is_down() {
    run(|lab| {
        in_server_host(lab, || async {
            let wire = find("minecraft");
            let Idle::Answers { ping, pong } = &wire.idles else {
                panic!("it only answers");
            };
            let mut collector = EndCollector::default();
            let builder = collector.builder_in(lab, quick(config()));
            let mut case = WireFixture::of(&wire, builder, collector).await;
            let mut raw = Raw::connect_in(lab, case.fixture.addr())?;
            for step in &wire.login {
                takes(&mut raw, step).await;
            }
            for _ in 0..2 {
                answers(&mut raw, ping, pong).await;
            }
            lab.own_link_down(Host::Server)?;
            let fixture = &mut case.fixture;
            let end = fixture.ends_as(Cause::LocalNetworkDown, Phase::Live).await;
            assert_eq!(end.ending.evidence.detector, Some(Detector::Heartbeat));
            // No data of the game was on the way.
            assert_eq!(end.ending.evidence.frames_out, 1, "the welcome: {end:#?}");
            drop(raw);
            Ok(())
        })
    });
}

/// Sends the frames of a step in one segment and reads the answers. Returns the number of frames sent.
async fn takes(raw: &mut Raw, step: &Step) -> u64 {
    raw.write(&step.says.concat()).await;
    hears(raw, &step.hears).await;
    u64::try_from(step.says.len()).unwrap()
}

/// Reads exactly this.
async fn hears(raw: &mut Raw, expected: &[u8]) {
    let mut heard = vec![0; expected.len()];
    within("the answer", raw.stream.read_exact(&mut heard))
        .await
        .unwrap();
    assert_eq!(text(&heard), text(expected));
}

async fn hears_to_the_end(raw: &mut Raw, expected: &[u8]) {
    let mut heard = Vec::new();
    within("a FIN", raw.stream.read_to_end(&mut heard))
        .await
        .unwrap();
    assert_eq!(text(&heard), text(expected));
}

async fn answers(raw: &mut Raw, ping: &[u8], pong: &[u8]) {
    hears(raw, ping).await;
    raw.write(pong).await;
}

/// Idle for longer than the dead limit.
async fn idles(raw: &mut Raw, idle: &Idle) {
    match idle {
        Idle::Quiet => outage(IDLE).await,
        Idle::Answers { ping, pong } => {
            let since = tokio::time::Instant::now();
            while since.elapsed() < IDLE {
                answers(raw, ping, pong).await;
            }
        }
        Idle::Pings { ping, pong } => {
            let mut beats = interval(BEAT);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for _ in 0..IDLE.as_millis() / BEAT.as_millis() {
                beats.tick().await;
                raw.write(ping).await;
                hears(raw, pong).await;
            }
        }
    }
}

/// Leaves, and returns how many more frames were sent on the way out.
async fn goes(mut raw: Raw, leave: &Leave, server: &ServerHandle) -> u64 {
    match leave {
        Leave::Fin => drop(raw),
        Leave::Reset => raw.reset(),
        Leave::MidFrame(begun) => {
            raw.write(begun).await;
            drop(raw);
        }
        Leave::Goodbye(step, goodbye) => {
            raw.write(&[step.says.concat().as_slice(), goodbye].concat())
                .await;
            hears_to_the_end(&mut raw, &step.hears).await;
            return u64::try_from(step.says.len()).unwrap();
        }
        Leave::Kicked(hears) => {
            until("a session", || server.sessions().len() == 1).await;
            for session in server.sessions() {
                server
                    .kick(session.session, Kick::because("enough"))
                    .unwrap();
            }
            hears_to_the_end(&mut raw, hears).await;
        }
    }
    0
}

fn find(name: &str) -> Wire {
    let found = wires().into_iter().find(|wire| wire.name == name);
    found.expect("a wire of this name")
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Longer than ten suspect limits of the quick profile, and than its dead limit.
const IDLE: Duration = Duration::from_millis(3_200);
/// Half of a heartbeat of the quick profile.
const BEAT: Duration = Duration::from_millis(100);
