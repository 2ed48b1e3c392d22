//! Putting a server together: its parts, and one way to bind it for each shape.

mod error;
mod start;

use std::sync::Arc;

use lastword_session::Framing;
use lastword_transport::Caps;
use metrics::Recorder;

use crate::events::{EventShape, Queue};
use crate::extension::Extension;
use crate::group::Groups;
use crate::handler::{Handler, HandlerShape};
use crate::observer::Observer;
use crate::player::DynAuthenticator;
use crate::runtime::Standalone;
use crate::session::{Arrivals, SessionShape};
use crate::{Anonymous, Authenticator, Config, Events, Group, Player, Server, ServerHandle};

pub use error::BindError;

/// What a server is made of. Unset, each part is its default.
pub struct Builder {
    config: Config,
    /// The game gave it.
    is_configured: bool,
    listen: Option<String>,
    framing: Framing,
    authenticator: Arc<dyn DynAuthenticator>,
    observer: Option<Arc<dyn Observer>>,
    extensions: Vec<Box<dyn Extension>>,
    recorder: Option<Box<dyn Recorder + Send + Sync>>,
    name: Option<String>,
    strict_names: bool,
    groups: Groups,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            is_configured: false,
            listen: None,
            framing: Framing::Native,
            authenticator: Arc::new(Anonymous),
            observer: None,
            extensions: Vec::new(),
            recorder: None,
            name: None,
            strict_names: false,
            groups: Groups::default(),
        }
    }
}

impl Builder {
    /// Sets the whole configuration. Default: [`Config::default`].
    ///
    /// Its section `admin` needs the admin port on the builder: `admin_from_config` of `lastword::AdminExt` serves it as the
    /// section says. Without it a section that is not at its defaults is [`BindError::NoAdminPort`];
    /// [`AdminConfig::off`](crate::AdminConfig::off) asks for none.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self.is_configured = true;
        self
    }

    /// Sets the address to listen on, `IP:PORT`; port 0 takes a free one. Overrides the configuration's.
    #[must_use]
    pub fn listen(mut self, addr: impl Into<String>) -> Self {
        self.listen = Some(addr.into());
        self
    }

    /// Sets who decides who is let in. Default: [`Anonymous`].
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticator = Arc::new(authenticator);
        self
    }

    /// Sets how the stream is cut into frames. Default: the native wire.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Sets who sees every end.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Sets the recorder that takes the metrics, whatever extensions have one. Default: the first extension's; without
    /// any, the process's, which has to be installed before the server is bound.
    ///
    /// The counts are then published every second, and once more when the server has ended: the laws hold whenever
    /// nothing changes. The server keeps handles and not the recorder: give it an `Arc` to go on using it.
    #[must_use]
    pub fn recorder(mut self, recorder: impl Recorder + Send + Sync + 'static) -> Self {
        self.recorder = Some(Box::new(recorder));
        self
    }

    /// Sets the server's name, the label `server` of all its series: 1 to 32 characters of `a` to `z`, `0` to `9`, `_`
    /// and `-`. Default none, and no such label. Two servers that share a recorder need a name each, or their counts
    /// are mixed.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets whether a player with an unknown cohort or profile is refused, as `auth_unavailable`: for the tests of a game.
    /// The record and the client's goodbye name the unknown one and those there are. Default false: the player counts as
    /// `none`, or has the listener's profile. Either way the log names each unknown name once, up to 64 of them, and
    /// each such player is counted: [`Stats::unknown_cohorts`](crate::Stats::unknown_cohorts),
    /// `lastword_unknown_names_total`.
    #[must_use]
    pub fn strict_names(mut self, strict: bool) -> Self {
        self.strict_names = strict;
        self
    }

    /// Adds something that runs beside the server. The first one that has a recorder takes the metrics.
    #[must_use]
    pub fn extension(mut self, extension: Box<dyn Extension>) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Makes an empty group before the server is bound, so that the game's handlers, authenticator and observer can own it
    /// from the start. Its sessions join once they are live; until the server is bound a broadcast reaches none.
    #[must_use]
    pub fn group(&self) -> Group {
        self.groups.group()
    }

    /// Brings a runtime of the server's own, with this many threads, one at least: for engines that have none.
    #[must_use]
    pub fn own_runtime(self, threads: usize) -> Standalone {
        Standalone::new(self, threads)
    }

    /// Binds and serves, with one [`crate::Session`] per player, to be taken by [`Server::accept`].
    ///
    /// # Errors
    /// [`BindError`]; nothing is left bound.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn bind(self) -> Result<Server, BindError> {
        let caps = self.caps();
        let (handle, listener) = self.start(None).await?;
        let arrivals = Arc::new(Arrivals::new(handle.core.places()));
        let shape = SessionShape {
            arrivals: Arc::clone(&arrivals),
            inbox: Caps::new(caps.session_bytes, caps.session_frames),
        };
        handle.start(shape, listener);
        Ok(Server::new(handle, arrivals))
    }

    /// Binds and serves, with one queue of the events of all sessions, for a game that ticks, on any thread. The handle is
    /// the way to the sessions.
    ///
    /// # Errors
    /// [`BindError`]; nothing is left bound.
    ///
    /// # Panics
    /// Outside a tokio runtime: [`Builder::own_runtime`] brings one.
    pub async fn bind_events(self) -> Result<(Events, ServerHandle), BindError> {
        let queue = Arc::new(Queue::new(self.caps()));
        let (handle, listener) = self.start(Some(Arc::clone(&queue))).await?;
        let shape = EventShape {
            queue: Arc::clone(&queue),
        };
        handle.start(shape, listener);
        let events = Events::new(Arc::clone(&handle.core), queue);
        Ok((events, handle))
    }

    /// Binds and serves, with one handler per player, made by `make` and called in place.
    ///
    /// # Errors
    /// [`BindError`]; nothing is left bound.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn serve<H: Handler + Unpin>(
        self,
        make: impl Fn(&Player) -> H + Send + Sync + 'static,
    ) -> Result<ServerHandle, BindError> {
        let (handle, listener) = self.start(None).await?;
        handle.start(HandlerShape(make), listener);
        Ok(handle)
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
