//! What a game says of its admin port: where it is, who may ask it, and which recorder the metrics go to.

use std::net::SocketAddr;
use std::path::PathBuf;

use lastword_server::{AdminConfig, Builder};

use crate::port::Port;
use crate::secret::Secret;

/// Gives a server's builder an admin port.
pub trait AdminExt {
    /// Serves the live page, `/api`, `/metrics`, `/healthz` and `/readyz` on this address of loopback, `IP:PORT`; port 0
    /// takes a free one, which [`ServerHandle::admin_addr`](lastword_server::ServerHandle::admin_addr) tells. It overrides
    /// `admin.listen` of the configuration, whose other keys hold. The server's metrics go to this port, not to the process's
    /// recorder; a second port serves the rest.
    #[must_use]
    fn admin(self, addr: impl Into<String>) -> Self;

    /// The same as the section `admin` of the server's configuration says, whether that is given before or after this call:
    /// by default on `127.0.0.1:9464`. A section that is off serves nothing.
    #[must_use]
    fn admin_from_config(self) -> Self;

    /// The same, with a choice of who may ask it and of the recorder.
    #[must_use]
    fn admin_with(self, admin: Admin) -> Self;
}

impl AdminExt for Builder {
    fn admin(self, addr: impl Into<String>) -> Self {
        self.admin_with(Admin::new(addr))
    }

    fn admin_from_config(self) -> Self {
        self.admin_with(Admin::from_config())
    }

    fn admin_with(self, admin: Admin) -> Self {
        self.extension(Box::new(Port::new(admin)))
    }
}

/// An admin port: where it is, who may ask it, and which recorder the metrics go to. Addresses and token that are not set
/// here are those of the section `admin` of the server's configuration.
#[derive(Clone, Debug)]
pub struct Admin {
    pub(crate) addr: Option<String>,
    pub(crate) metrics_addr: Option<String>,
    pub(crate) secret: Secret,
    pub(crate) mode: RecorderMode,
}

impl Admin {
    /// An admin port on this address, `IP:PORT`, with a recorder of its own. Without a token the address has to be one
    /// of loopback.
    #[must_use]
    pub fn new(addr: impl Into<String>) -> Self {
        Self {
            addr: Some(addr.into()),
            metrics_addr: None,
            secret: Secret::None,
            mode: RecorderMode::default(),
        }
    }

    /// An admin port as the server's configuration says, with a recorder of its own; none where its section `admin` is off.
    #[must_use]
    pub fn from_config() -> Self {
        Self {
            addr: None,
            metrics_addr: None,
            secret: Secret::None,
            mode: RecorderMode::default(),
        }
    }

    /// Takes from the configuration what the game did not set.
    pub(crate) fn configure(&mut self, config: &AdminConfig) {
        let text = |addr: SocketAddr| addr.to_string();
        self.addr = self.addr.take().or(config.listen.map(text));
        let metrics_addr = self.metrics_addr.take();
        self.metrics_addr = metrics_addr.or(config.metrics_listen.map(text));
        if let Secret::None = self.secret {
            self.secret = Secret::of(config);
        }
    }

    /// Whether it listens anywhere.
    pub(crate) fn is_on(&self) -> bool {
        self.addr.is_some() || self.metrics_addr.is_some()
    }

    /// Serves `/metrics`, `/healthz` and `/readyz` on this address, too, `IP:PORT`, to whoever asks, without a token: for
    /// scrapers and probes. [`ServerHandle::metrics_addr`](lastword_server::ServerHandle::metrics_addr) tells it.
    #[must_use]
    pub fn metrics_listen(mut self, addr: impl Into<String>) -> Self {
        self.metrics_addr = Some(addr.into());
        self
    }

    /// Sets what whoever asks for anything but `/healthz` and `/readyz` has to show, as `Authorization: Bearer TOKEN`:
    /// 16 to 256 visible characters of ASCII. It is checked when the server starts. Without one there is no kicking and
    /// draining on the port.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.secret = Secret::Given(token.into());
        self
    }

    /// The same from a file, which is read when the server starts.
    #[must_use]
    pub fn token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.secret = Secret::File(path.into());
        self
    }

    /// Sets which recorder the metrics go to. Default [`RecorderMode::Private`].
    #[must_use]
    pub fn recorder(mut self, mode: RecorderMode) -> Self {
        self.mode = mode;
        self
    }
}

/// Which recorder a server's metrics go to, unless [`Builder::recorder`] gives it one: then they go there, whatever
/// stands here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecorderMode {
    /// A recorder of the port's own: `/metrics` shows this server and nothing else, and both laws hold at every scrape.
    #[default]
    Private,
    /// The port's recorder, installed for the whole process: `/metrics` shows what the game measures with the macros of
    /// `metrics`, too. It stays installed when the server ends. A process can have one: where there is one already, the
    /// server does not start.
    Install,
    /// The process's recorder, which the game installs before it binds the server: `/metrics` is not served here. The
    /// server publishes every second, and once more when it has ended.
    Emit,
}
