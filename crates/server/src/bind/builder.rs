//! Puts a server together: its parts, and one way to bind it for each shape.

use std::any::TypeId;
use std::sync::Arc;

use lastword_session::Framing;
use lastword_transport::Caps;
use metrics::Recorder;

use super::error::BindError;
use super::events::Events;
use super::extension::Extension;
use super::server::Server;
use crate::config::{Config, SecondLogin};
use crate::core::{Group, Groups, MayResume, Observer, ReadConfig};
use crate::handle::ServerHandle;
use crate::player::{Anonymous, Authenticator, DynAuthenticator, Player, Returning};
use crate::shape::events::{EventShape, Queue};
use crate::shape::{Arrivals, Handler, HandlerShape, SessionShape};
#[cfg(feature = "tls")]
use crate::tls::Certificates;
use crate::tls::Tls;

/// Collects the parts of a server. A part that is not set has its default.
pub struct Builder {
    pub(super) config: Config,
    /// Whether the game set the configuration.
    pub(super) is_configured: bool,
    pub(super) listen: Option<String>,
    pub(super) framing: Framing,
    pub(super) authenticator: Arc<dyn DynAuthenticator>,
    /// What a second login does if the configuration leaves it to the game.
    pub(super) second_login: SecondLogin,
    /// Whether the players' names are those of the game's own authenticator, and not the clients' word.
    pub(super) has_authenticator: bool,
    pub(super) may_resume: Option<Arc<MayResume>>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) extensions: Vec<Box<dyn Extension>>,
    pub(super) recorder: Option<Box<dyn Recorder + Send + Sync>>,
    pub(super) name: Option<String>,
    pub(super) strict_names: bool,
    pub(super) groups: Groups,
    pub(super) reload_from: Option<ReadConfig>,
    /// TLS that the game gave, for every listener.
    pub(super) tls: Option<Tls>,
}

impl Server {
    /// Returns a builder for a server.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            is_configured: false,
            listen: None,
            framing: Framing::Native,
            authenticator: Arc::new(Anonymous),
            second_login: SecondLogin::Auto,
            has_authenticator: false,
            may_resume: None,
            observer: None,
            extensions: Vec::new(),
            recorder: None,
            name: None,
            strict_names: false,
            groups: Groups::default(),
            reload_from: None,
            tls: None,
        }
    }
}

impl Builder {
    /// Sets the whole configuration. Default: [`Config::default`].
    ///
    /// Its section `admin` needs the admin port on the builder: `admin_from_config` of `lastword::AdminExt` serves it
    /// with these settings. Without the port, a section with other values than the defaults is
    /// [`BindError::NoAdminPort`]. [`AdminConfig::off`](crate::AdminConfig::off) asks for no port.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self.is_configured = true;
        self
    }

    /// Sets the address to listen on, `IP:PORT`; port 0 takes a free port. Overrides all addresses of the
    /// configuration: the server has one listener. Its other keys come from the configuration's first listener.
    #[must_use]
    pub fn listen(mut self, addr: impl Into<String>) -> Self {
        self.listen = Some(addr.into());
        self
    }

    /// Sets the source from which [`ServerHandle::reload`] reads the configuration. `read` reads it again, or returns
    /// one line for each mistake. Default: no source, so that nothing can be reloaded.
    #[must_use]
    pub fn reload_from(
        mut self,
        read: impl Fn() -> Result<Config, Vec<String>> + Send + Sync + 'static,
    ) -> Self {
        self.reload_from = Some(Box::new(read));
        self
    }

    /// Sets the authenticator, which decides which players are let in. Default: [`Anonymous`].
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.has_authenticator = is_own(&authenticator);
        self.authenticator = Arc::new(authenticator);
        self
    }

    /// Sets the game's word on players that come back to their sessions, for bans: `false` refuses the player, as if its token
    /// were wrong, and its session waits on. No authenticator is asked at a return. It is called on the connection's task,
    /// so it must not block. A panic counts as `false`. Default: everybody with a valid token may.
    #[must_use]
    pub fn may_resume(
        mut self,
        may_resume: impl Fn(&Returning<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.may_resume = Some(Arc::new(may_resume));
        self
    }

    /// Sets what a login does while its player has another session, for a configuration that has `auto`. Another value
    /// of `sessions.second_login` is the operator's choice, and holds. Default: [`SecondLogin::Auto`], which is
    /// `replace` with an authenticator of the game, and `allow` with [`Anonymous`]. An authenticator that takes a
    /// client's word for a name needs `allow`: otherwise any client can end any session.
    #[must_use]
    pub fn second_login(mut self, policy: SecondLogin) -> Self {
        self.second_login = policy;
        self
    }

    /// Sets how the stream is cut into frames. Default: the native wire.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Sets the certificates of every listener: each connection must speak TLS. Default: those of the configuration's
    /// `listen.tls`, or no TLS. [`ServerHandle::set_certificates`] replaces them while the server runs; a reload of the
    /// configuration does not.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, certificates: Certificates) -> Self {
        self.tls = Some(Tls::from(certificates));
        self
    }

    /// Sets the observer, which is called at every end.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Sets the recorder that takes the metrics, even if an extension has a recorder. Default: the first extension's
    /// recorder. If no extension has a recorder, the process's recorder, which must be installed before the server is
    /// bound.
    ///
    /// The server then publishes the counts every second, and once more when it has ended. Both laws hold once the
    /// counts stop changing. The server keeps only the handles, and drops the recorder: pass an `Arc` to keep using
    /// it.
    #[must_use]
    pub fn recorder(mut self, recorder: impl Recorder + Send + Sync + 'static) -> Self {
        self.recorder = Some(Box::new(recorder));
        self
    }

    /// Sets the server's name, which becomes the label `server` of all its series. It has 1 to 32 characters of `a` to
    /// `z`, `0` to `9`, `_` and `-`. Default: no name and no such label. Servers that share a recorder each need a
    /// name, or their counts are mixed.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets whether a player with an unknown cohort or profile is refused as `auth_unavailable`: for the tests of a
    /// game. The record and the client's goodbye then give the unknown name and the known ones. Default false: the
    /// player counts as `none`, or has the listener's profile. With both settings, the log gives each unknown name
    /// once, up to 64 names. Each such player is counted: [`Stats::unknown_cohorts`](crate::Stats::unknown_cohorts),
    /// `lastword_unknown_names_total`.
    #[must_use]
    pub fn strict_names(mut self, strict: bool) -> Self {
        self.strict_names = strict;
        self
    }

    /// Adds an extension, which runs next to the server. The first extension that has a recorder takes the metrics.
    #[must_use]
    pub fn extension(mut self, extension: Box<dyn Extension>) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Makes an empty group before the server is bound, so that the game's handlers, authenticator and observer can own
    /// it from the start. Sessions can join the group once they are live. Until the server is bound, a broadcast
    /// reaches no session.
    #[must_use]
    pub fn group(&self) -> Group {
        self.groups.group()
    }

    /// Binds and serves. The game takes one [`crate::Session`] per player from [`Server::accept`].
    ///
    /// # Errors
    /// [`BindError`], also outside a tokio runtime; nothing is left bound.
    pub async fn bind(self) -> Result<Server, BindError> {
        let caps = self.caps();
        let (handle, listeners) = self.start(None).await?;
        let arrivals = Arc::new(Arrivals::new(caps.reserved));
        let shape = SessionShape {
            arrivals: Arc::clone(&arrivals),
            clock: handle.core.clock.clone(),
            inbox: Caps::new(caps.session_bytes, caps.session_frames),
        };
        handle.start(shape, listeners);
        Ok(Server::new(handle, arrivals))
    }

    /// Binds and serves, with the events of all sessions in one queue, for a game that ticks, on any thread. The game
    /// controls the sessions through the handle.
    ///
    /// # Errors
    /// [`BindError`], also outside a tokio runtime. [`Builder::own_runtime`] gives the server its own runtime.
    /// Nothing is left bound.
    pub async fn bind_events(self) -> Result<(Events, ServerHandle), BindError> {
        let queue = Arc::new(Queue::new(self.caps()));
        let (handle, listeners) = self.start(Some(Arc::clone(&queue))).await?;
        let shape = EventShape {
            queue: Arc::clone(&queue),
        };
        handle.start(shape, listeners);
        let events = Events::new(Arc::clone(&handle.core), queue);
        Ok((events, handle))
    }

    /// Binds and serves, with one handler per player, made by `make` and called directly on the
    /// connection's task.
    ///
    /// # Errors
    /// [`BindError`], also outside a tokio runtime; nothing is left bound.
    pub async fn serve<H: Handler + Unpin>(
        self,
        make: impl Fn(&Player) -> H + Send + Sync + 'static,
    ) -> Result<ServerHandle, BindError> {
        let (handle, listeners) = self.start(None).await?;
        handle.start(HandlerShape(make), listeners);
        Ok(handle)
    }
}

/// Whether an authenticator is the game's own. [`Anonymous`] takes the client's word.
fn is_own<A: Authenticator>(_authenticator: &A) -> bool {
    TypeId::of::<A>() != TypeId::of::<Anonymous>()
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
