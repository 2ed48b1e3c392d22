//! A game's settings of its admin port: the address, the access rules, and the recorder for the metrics.

use std::net::SocketAddr;
use std::path::PathBuf;

use lastword_server::AdminConfig;

use crate::secret::Secret;

/// An admin port: the address, the access rules, and the recorder for the metrics. Addresses and a token that are not
/// set here come from the section `admin` of the server's configuration.
#[derive(Clone, Debug)]
pub struct Admin {
    pub(crate) addr: Option<String>,
    pub(crate) metrics_addr: Option<String>,
    pub(crate) secret: Secret,
    pub(crate) mode: RecorderMode,
}

impl Admin {
    /// Returns an admin port on this address, `IP:PORT`, with its own recorder. Without a token it must be a loopback
    /// address.
    #[must_use]
    pub fn new(addr: impl Into<String>) -> Self {
        Self {
            addr: Some(addr.into()),
            metrics_addr: None,
            secret: Secret::None,
            mode: RecorderMode::default(),
        }
    }

    /// Returns an admin port with the server's configuration and its own recorder; no port if the section `admin` is
    /// off.
    #[must_use]
    pub fn from_config() -> Self {
        Self {
            addr: None,
            metrics_addr: None,
            secret: Secret::None,
            mode: RecorderMode::default(),
        }
    }

    /// Takes from the configuration the settings that the game left out.
    pub(crate) fn configure(&mut self, config: &AdminConfig) {
        let text = |addr: SocketAddr| addr.to_string();
        self.addr = self.addr.take().or(config.listen.map(text));
        let metrics_addr = self.metrics_addr.take();
        self.metrics_addr = metrics_addr.or(config.metrics_listen.map(text));
        if let Secret::None = self.secret {
            self.secret = Secret::of(config);
        }
    }

    /// Whether it listens on any address.
    pub(crate) fn is_on(&self) -> bool {
        self.addr.is_some() || self.metrics_addr.is_some()
    }

    /// Also serves `/metrics`, `/healthz` and `/readyz` on this address, `IP:PORT`, to every client, without a token:
    /// for scrapers and probes. [`ServerHandle::metrics_addr`](lastword_server::ServerHandle::metrics_addr) returns it.
    #[must_use]
    pub fn metrics_listen(mut self, addr: impl Into<String>) -> Self {
        self.metrics_addr = Some(addr.into());
        self
    }

    /// Sets the token that clients must send as `Authorization: Bearer TOKEN`, except for `/healthz` and `/readyz`: 16
    /// to 256 visible ASCII characters. It is checked when the server starts. Without a token, the port offers no kick,
    /// no drain and no reload.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.secret = Secret::Given(token.into());
        self
    }

    /// Sets the token from a file, which is read when the server starts.
    #[must_use]
    pub fn token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.secret = Secret::File(path.into());
        self
    }

    /// Sets which recorder gets the metrics. Default [`RecorderMode::Private`].
    #[must_use]
    pub fn recorder(mut self, mode: RecorderMode) -> Self {
        self.mode = mode;
        self
    }
}

/// Selects the recorder for a server's metrics. If the game gave its own recorder
/// ([`Builder::recorder`](lastword_server::Builder::recorder)), the metrics go there, and this setting has no effect on
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecorderMode {
    /// The port's own recorder: `/metrics` shows only this server, and both laws hold at every scrape.
    #[default]
    Private,
    /// The port's recorder, installed for the whole process: `/metrics` also shows the metrics that the game makes with
    /// the macros of `metrics`. It stays installed when the server ends. A process can have only one such recorder. If
    /// it already has one, the server does not start.
    Install,
    /// The process's recorder, which the game installs before it binds the server. `/metrics` is not served here. The
    /// server publishes every second, and once more when it has ended.
    Emit,
}
