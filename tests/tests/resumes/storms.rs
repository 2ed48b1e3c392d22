//! Many sessions that lose their connections in the same moment.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lastword_client::{Connector, ReconnectEvent, ReconnectingClient};
use lastword_server::{Cause, ServerHandle};
use lastword_tests::{until, within};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::SockRef;
use tokio::task::JoinSet;

use crate::chaos::{Counts, DOWN, UP, frame, number, start};
use crate::game::Shape;

/// One player. Its client reconnects by itself.
struct Player {
    seed: u64,
    client: ReconnectingClient,
    said: u64,
    heard: u64,
    resumes: u64,
}

impl Player {
    async fn join(seed: u64, server: SocketAddr) -> Self {
        let Ok(client) = Connector::start().reconnecting(server);
        let client = client.credentials(seed.to_string()).connect().await;
        Self {
            seed,
            client: client.expect("the server lets it in"),
            said: 0,
            heard: 0,
            resumes: 0,
        }
    }

    fn says(&mut self, frames: u64) {
        for _ in 0..frames {
            let sent = self.client.send(frame(self.seed, UP, self.said));
            sent.expect("there is room");
            self.said += 1;
        }
    }

    /// Hears all answers to what it said, and this many returns.
    async fn hears_all(&mut self, resumes: u64) {
        while self.heard < self.said || self.resumes < resumes {
            let event = within("an event", self.client.next_event()).await;
            match event.expect("there is more to come") {
                ReconnectEvent::Frame(payload) => {
                    assert_eq!(payload, frame(self.seed, DOWN, self.heard));
                    self.heard += 1;
                }
                ReconnectEvent::Resumed { .. } => self.resumes += 1,
                ReconnectEvent::Ended(end) => panic!("{end}"),
                ReconnectEvent::Lost(_) | ReconnectEvent::Retrying { .. } | _ => {}
            }
        }
    }
}

/// Lets every player do this, at the same time.
async fn all<F>(players: Vec<Player>, does: impl Fn(Player) -> F) -> Vec<Player>
where
    F: Future<Output = Player> + Send + 'static,
{
    players
        .into_iter()
        .map(does)
        .collect::<JoinSet<_>>()
        .join_all()
        .await
}

/// Resets each connection of this process to the server. Returns how many there were.
fn reset_all(server: SocketAddr) -> u64 {
    let own = pidfd_open(getpid(), PidfdFlags::empty()).expect("this process is there");
    let numbers: Vec<i32> = fs::read_dir("/proc/self/fd")
        .expect("there is /proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    let mut reset = 0;
    for number in numbers {
        // A number that another test has closed since.
        let Ok(fd) = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) else {
            continue;
        };
        let peer = SockRef::from(&fd).peer_addr();
        if peer.is_ok_and(|peer| peer.as_socket() == Some(server)) {
            // connect(2): this address ends the connection, with a reset.
            rustix::net::connect_unspec(&fd).expect("it is connected");
            reset += 1;
        }
    }
    reset
}

/// Until the last loss has its record, and until the last player is back.
struct Times {
    named: Duration,
    back: Duration,
}

/// Resets all sessions at once. No frame is lost, and none comes twice.
async fn storm(sessions: u64) -> Times {
    let counts = Arc::<Counts>::default();
    let server = start(Shape::Handler, None, &counts).await;
    let addr = server.local_addr();
    let mut players = Vec::new();
    while let left @ 1.. = sessions - u64::try_from(players.len()).unwrap() {
        let first = sessions - left;
        let joins = (first..sessions.min(first + 200)).map(|seed| Player::join(seed, addr));
        players.extend(joins.collect::<JoinSet<_>>().join_all().await);
    }
    let players = all(players, |mut player| async {
        player.says(5);
        player.hears_all(0).await;
        // On their way when the connection is reset.
        player.says(5);
        player
    })
    .await;
    let begun = Instant::now();
    assert_eq!(reset_all(addr), sessions);
    let named = tokio::spawn(named(server.clone(), sessions, begun));
    let players = all(players, |mut player| async {
        player.says(5);
        player.hears_all(1).await;
        player
    })
    .await;
    let back = begun.elapsed();
    let named = named.await.unwrap();
    let goodbyes = players.into_iter().map(|player| async move {
        within("the goodbye", player.client.goodbye()).await;
    });
    goodbyes.collect::<JoinSet<_>>().join_all().await;
    until("all have left", || {
        counts.left.load(Ordering::Relaxed) == sessions
    })
    .await;
    assert_eq!(counts.joined.load(Ordering::Relaxed), sessions);
    assert_eq!(counts.wrong.load(Ordering::Relaxed), 0);
    let stats = server.stats();
    assert!(stats.laws_hold(), "{stats:?}");
    Times { named, back }
}

/// Waits until each lost connection has its cause: a reset.
async fn named(server: ServerHandle, sessions: u64, begun: Instant) -> Duration {
    let resets = || {
        let disconnects = server.stats().disconnects;
        let resets = disconnects
            .iter()
            .filter(|(cause, ..)| *cause == Cause::PeerReset);
        resets.map(|(.., count)| count).sum::<u64>()
    };
    until("each has its cause", || resets() == sessions).await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_reset_at_once_lose_nothing() {
    storm(50).await;
}

/// 5,000 sessions, or as many as SESSIONS says. Each needs two descriptors.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it judges times, and needs 10,000 descriptors"]
async fn five_thousand_sessions_that_are_reset_at_once_are_named_and_back_in_time() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let sessions = number("SESSIONS", 5_000);
    let Times { named, back } = storm(sessions).await;
    println!(
        "{sessions} sessions reset at once: all named after {named:.2?}, all back after {back:.2?}, nothing lost"
    );
    assert!(named <= Duration::from_secs(1), "named after {named:?}");
    assert!(back <= Duration::from_secs(10), "back after {back:?}");
}
