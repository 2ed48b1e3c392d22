//! A server whose ends and departures can be awaited.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use lastword_server::{
    Anonymous, Authenticator, Builder, Cause, Config, Context, Credentials, Departure, Disconnect,
    Handler, Observer, PeerTold, Phase, Player, ProfileConfig, Refusal, Server, ServerHandle,
};
use tokio::sync::mpsc;

use crate::within;

/// Sends every frame back.
#[derive(Debug)]
pub struct Echo;

impl Handler for Echo {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        // A full queue has its own cause; nothing to add here.
        let _full = context.send(payload);
    }
}

/// Collects the ends of a server.
#[derive(Debug)]
pub struct EndCollector {
    ends: mpsc::Receiver<Disconnect>,
    left: mpsc::Receiver<Departure>,
    told: mpsc::Receiver<PeerTold>,
    observer: Option<CollectingObserver>,
}

#[derive(Debug, Clone)]
struct CollectingObserver {
    ends: mpsc::Sender<Disconnect>,
    left: mpsc::Sender<Departure>,
    told: mpsc::Sender<PeerTold>,
}

impl Observer for CollectingObserver {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        self.ends
            .try_send(Disconnect::clone(disconnect))
            .expect("the test reads its ends");
    }

    fn left(&self, departure: &Departure) {
        self.left
            .try_send(departure.clone())
            .expect("the test reads its departures");
    }

    fn peer_told(&self, peer_told: &PeerTold) {
        self.told
            .try_send(peer_told.clone())
            .expect("the test reads its accounts");
    }
}

impl Default for EndCollector {
    fn default() -> Self {
        let (ends_in, ends) = mpsc::channel(ENDS_MAX);
        let (left_in, left) = mpsc::channel(ENDS_MAX);
        let (told_in, told) = mpsc::channel(ENDS_MAX);
        Self {
            ends,
            left,
            told,
            observer: Some(CollectingObserver {
                ends: ends_in,
                left: left_in,
                told: told_in,
            }),
        }
    }
}

impl EndCollector {
    /// Returns a builder on a free loopback port, with its ends recorded.
    pub fn builder(&mut self, config: Config) -> Builder {
        self.observe(Server::builder().config(config).listen("127.0.0.1:0"))
    }

    /// Records the ends of a builder's server.
    pub fn observe(&mut self, builder: Builder) -> Builder {
        builder.observer(self.observer.take().expect("a collector serves one server"))
    }

    /// Returns the next end.
    pub async fn end(&mut self) -> Disconnect {
        within("an end", self.ends.recv())
            .await
            .expect("the server is there")
    }

    /// Returns the next departure.
    pub async fn departure(&mut self) -> Departure {
        within("a departure", self.left.recv())
            .await
            .expect("the server is there")
    }

    /// Returns the next account of a client about the end of its connection.
    pub async fn told(&mut self) -> PeerTold {
        within("an account", self.told.recv())
            .await
            .expect("the server is there")
    }

    /// Takes the further accounts, and returns their number.
    pub fn more_told(&mut self) -> usize {
        std::iter::from_fn(|| self.told.try_recv().ok()).count()
    }

    /// Takes the further ends recorded so far, and returns their number.
    pub fn more(&mut self) -> usize {
        std::iter::from_fn(|| self.ends.try_recv().ok()).count()
    }
}

/// A server of echo handlers, and its ends.
#[derive(Debug)]
pub struct Fixture {
    /// The server.
    pub server: ServerHandle,
    /// Its ends.
    pub collector: EndCollector,
}

impl Fixture {
    /// Starts with the test configuration.
    pub async fn start() -> Self {
        Self::with(config(), Anonymous).await
    }

    /// Starts with this configuration and authenticator.
    pub async fn with(config: Config, authenticator: impl Authenticator) -> Self {
        let mut collector = EndCollector::default();
        let builder = collector.builder(config).authenticator(authenticator);
        let server = builder
            .serve(|_: &Player| Echo)
            .await
            .expect("the server starts");
        Self { server, collector }
    }

    /// Returns the server's address.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Waits for the next end and checks its cause and phase. Other sessions may be open.
    pub async fn ends_as_ever(&mut self, cause: Cause, phase: Phase) -> Disconnect {
        let end = self.collector.end().await;
        assert_eq!(
            (end.cause(), end.ending.verdict.phase),
            (cause, phase),
            "{end} {end:#?}"
        );
        assert!(self.server.stats().laws_hold());
        end
    }

    /// Waits for the next end and checks its cause and phase. It must be counted once, without other ends, and both
    /// laws must hold.
    pub async fn ends_as(&mut self, cause: Cause, phase: Phase) -> Disconnect {
        let end = self.collector.end().await;
        assert_eq!(
            (end.cause(), end.ending.verdict.phase),
            (cause, phase),
            "{end} {end:#?}"
        );
        let stats = self.server.stats();
        assert!(stats.laws_hold(), "{stats:?}");
        assert_eq!(stats.disconnects, [(cause, phase, 1)]);
        assert_eq!(self.collector.more(), 0, "one end, counted once");
        let left = stats.departures.iter().map(|(_, count)| count).sum::<u64>();
        assert_eq!(
            left,
            u64::from(phase == Phase::Live),
            "a session departs once: {stats:?}"
        );
        end
    }
}

/// The configuration of the tests: the defaults.
#[must_use]
pub fn config() -> Config {
    Config::default()
}

/// A profile that gives up after 2.8 s of silence, the shortest allowed.
#[must_use]
pub fn quick(mut config: Config) -> Config {
    let profile = ProfileConfig {
        heartbeat_ms: Some(200),
        suspect_ms: Some(300),
        dead_ms: Some(2_800),
        ..ProfileConfig::default()
    };
    config.liveness.profiles.insert("quick".to_owned(), profile);
    config.liveness.profile = "quick".to_owned();
    config
}

/// An authenticator made of a function.
pub struct Ask<F>(pub F);

impl<F, R> Authenticator for Ask<F>
where
    F: Fn(Credentials) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Player, Refusal>> + Send,
{
    async fn authenticate(&self, credentials: Credentials) -> Result<Player, Refusal> {
        (self.0)(credentials).await
    }
}

/// A shared list of events.
pub type Log<T> = Arc<Mutex<Vec<T>>>;

const ENDS_MAX: usize = 200_000;
