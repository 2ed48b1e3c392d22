//! Putting a server together: everything is checked before anything is bound.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use lastword_session::Framing;
use lastword_transport::{Clock, ListenOptions, ListenerSocket, Table};
use metrics::Recorder;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::accept::accept_loop;
use crate::app::Front;
use crate::bound::BoundShape;
use crate::cohorts::Cohorts;
use crate::core::Core;
use crate::events::Caps;
use crate::extension::Extension;
use crate::flag::Flag;
use crate::handler::{Handler, HandlerShape};
use crate::ledger::Ledger;
use crate::metrics::{Catalogue, Metrics, with_recorder};
use crate::observer::Observer;
use crate::player::DynAuthenticator;
use crate::runtime::Standalone;
use crate::session::{Arrivals, SessionShape};
use crate::shape::Shape;
use crate::traffic::TrafficTotals;
use crate::{
    Anonymous, Authenticator, Config, ConfigError, KernelAbilities, Player, Server, ServerHandle,
    drain, publisher,
};

/// What a server is made of. Unset, each part is its default.
pub struct Builder {
    config: Config,
    listen: Option<String>,
    framing: Framing,
    authenticator: Arc<dyn DynAuthenticator>,
    observer: Option<Arc<dyn Observer>>,
    extensions: Vec<Box<dyn Extension>>,
    recorder: Option<Box<dyn Recorder + Send + Sync>>,
    name: Option<String>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The configuration breaks rules: every one of them is named.
    #[error("the configuration is not valid: {}", list(.0))]
    Config(Vec<ConfigError>),
    /// The address to listen on is not an address.
    #[error("{addr:?} is not an address to listen on: write IP:PORT, as 0.0.0.0:7000 or [::]:7000")]
    Address {
        /// What was given.
        addr: String,
    },
    /// The system does not let us listen there.
    #[error("cannot listen on {addr}: {}", why(.source))]
    Listen {
        /// Where.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no threads for a runtime of our own.
    #[error("cannot start a runtime: {0}")]
    Runtime(io::Error),
    /// The server's name cannot be a label.
    #[error(
        "{name:?} is not a name of a server: it becomes a label of metrics, write 1 to 32 characters of a to z, 0 to 9, _ and -"
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// Something that runs beside the server did not start.
    #[error("{0}")]
    Extension(io::Error),
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            listen: None,
            framing: Framing::Native,
            authenticator: Arc::new(Anonymous),
            observer: None,
            extensions: Vec::new(),
            recorder: None,
            name: None,
        }
    }
}

impl Builder {
    /// Sets the whole configuration. Default: [`Config::default`].
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
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

    /// Adds something that runs beside the server. The first one that has a recorder takes the metrics.
    #[must_use]
    pub fn extension(mut self, extension: Box<dyn Extension>) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Brings a runtime of the server's own, with this many threads, one at least: for engines that have none.
    #[must_use]
    pub fn own_runtime(self, threads: usize) -> Standalone {
        Standalone::new(self, threads)
    }

    /// Binds and serves, with one [`crate::Session`] per player, to be taken by [`Server::accept`], or with the
    /// events of all of them for a tick loop, by [`Server::into_events`].
    ///
    /// # Errors
    /// [`BindError`]; nothing is left bound.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn bind(self) -> Result<Server, BindError> {
        let (handle, listener) = self.start().await?;
        let core = Arc::clone(&handle.core);
        let arrivals = Arc::new(Arrivals::new(core.places()));
        let sessions = SessionShape {
            arrivals: Arc::clone(&arrivals),
            inbox_bytes_max: core.caps.session_bytes,
            inbox_frames_max: core.caps.session_frames,
        };
        handle.start(BoundShape { core, sessions }, listener);
        Ok(Server::new(handle, arrivals))
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
        let (handle, listener) = self.start().await?;
        handle.start(HandlerShape(make), listener);
        Ok(handle)
    }

    async fn start(self) -> Result<(ServerHandle, TcpListener), BindError> {
        self.config.validate().map_err(BindError::Config)?;
        self.check_name()?;
        let listener = self.listen_socket()?;
        let listen = |source| BindError::Listen {
            addr: self.listen_addr().unwrap_or(NOWHERE),
            source,
        };
        let local_addr = listener.local_addr().map_err(listen)?;
        let listener = TcpListener::from_std(listener).map_err(listen)?;
        let core = Arc::new(self.core(local_addr));
        core.runtime.spawn(drain::watch(Arc::clone(&core)));
        let handle = ServerHandle {
            core: Arc::clone(&core),
        };
        for extension in self.extensions {
            let started = extension.start(handle.clone()).await;
            match started {
                Ok(addr) => {
                    if let Some(addr) = addr {
                        core.admin_addr.get_or_init(|| addr);
                    }
                }
                Err(error) => {
                    core.end();
                    return Err(BindError::Extension(error));
                }
            }
        }
        if core.publishes_itself {
            core.runtime.spawn(publisher::run(Arc::clone(&core)));
        }
        Ok((handle, listener))
    }

    fn check_name(&self) -> Result<(), BindError> {
        let is_label = |name: &&String| {
            let mut bytes = name.bytes();
            (1..=NAME_LEN_MAX).contains(&name.len())
                && bytes.all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        };
        match self.name.as_ref().filter(|name| !is_label(name)) {
            None => Ok(()),
            Some(name) => Err(BindError::Name { name: name.clone() }),
        }
    }

    fn listen_addr(&self) -> Result<SocketAddr, BindError> {
        match &self.listen {
            None => Ok(self.config.listen.addr),
            Some(addr) => addr
                .parse()
                .map_err(|_| BindError::Address { addr: addr.clone() }),
        }
    }

    fn listen_socket(&self) -> Result<ListenerSocket, BindError> {
        let addr = self.listen_addr()?;
        let options = ListenOptions {
            backlog: i32::try_from(self.config.listen.backlog).unwrap_or(i32::MAX),
            knobs: self.config.default_profile().knobs(),
        };
        options
            .listen(addr)
            .map_err(|source| BindError::Listen { addr, source })
    }

    fn caps(&self) -> Caps {
        let limits = &self.config.limits;
        let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        Caps {
            session_bytes: size(limits.inbox_bytes_max),
            session_frames: size(limits.inbox_frames_max),
            bytes: size(limits.events_bytes_max),
            frames: size(limits.events_frames_max),
            // Who is here may leave, and as many may come and go.
            reserved: size(self.config.listen.connections_max).saturating_mul(2),
        }
    }

    fn observers(&self) -> Vec<Arc<dyn Observer>> {
        let of_extensions = self.extensions.iter().filter_map(|each| each.observer());
        of_extensions.chain(self.observer.clone()).collect()
    }

    /// Makes the handles with the recorder that takes them, and tells whether nobody publishes them but the server.
    fn metrics(&self, catalogue: &Catalogue<'_>) -> (Metrics, bool) {
        let own = self.recorder.as_ref().map(|own| own as &dyn Recorder);
        let mut extensions = self.extensions.iter();
        let of_extension = extensions.find_map(|each| each.recorder());
        let recorder = own.or(of_extension.map(|shown| shown as &dyn Recorder));
        let make = || Metrics::new(catalogue);
        let metrics = with_recorder(recorder, self.name.as_deref(), make);
        (metrics, own.is_some() || of_extension.is_none())
    }

    fn core(&self, local_addr: SocketAddr) -> Core {
        let limits = self.config.session_limits();
        let profiles = self.config.profiles();
        let cohorts = Cohorts::new(self.config.metrics.cohorts.clone());
        let game_codes = self.config.metrics.game_codes.clone();
        let connections_max = u64::from(self.config.listen.connections_max);
        let (metrics, publishes_itself) = self.metrics(&Catalogue {
            cohorts: &self.config.metrics.cohorts,
            game_codes: &game_codes,
            profiles: &profiles,
            config: &self.config,
            kernel: KernelAbilities::probe(),
            connections_max,
        });
        let clock = Clock;
        let places = usize::try_from(self.config.listen.authentications_max).unwrap_or(usize::MAX);
        Core {
            clock,
            table: Table::start(clock),
            memberships: Arc::default(),
            ledger: Ledger::new(cohorts.count(), game_codes),
            metrics,
            traffic: TrafficTotals::default(),
            session: Arc::new(lastword_session::Config {
                framing: self.framing.clone(),
                limits,
                behind_proxy: self.config.listen.behind_proxy,
            }),
            profiles,
            cohorts,
            connections_max,
            drain_timeout: self.config.drain_timeout(),
            authenticator: Arc::clone(&self.authenticator),
            authentications: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            observers: self.observers(),
            local_addr,
            admin_addr: OnceLock::new(),
            runtime: tokio::runtime::Handle::current(),
            caps: self.caps(),
            events: OnceLock::new(),
            drained_by: Mutex::default(),
            publishes_itself,
            draining: AtomicBool::new(false),
            ended: Flag::default(),
            closed: Flag::default(),
        }
    }
}

impl ServerHandle {
    /// Lets players in.
    fn start<S: Shape>(&self, shape: S, listener: TcpListener) {
        let core = Arc::clone(&self.core);
        let front = Arc::new(Front { core, shape });
        self.core.runtime.spawn(accept_loop(front, listener));
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

const NAME_LEN_MAX: usize = 32;
const NOWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

fn list(errors: &[ConfigError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// What the person who started it can do; what the system said is the error's source.
fn why(error: &io::Error) -> &'static str {
    let remedies = [
        (
            io::ErrorKind::AddrInUse,
            "the address is in use: stop who uses it, or choose another port",
        ),
        (
            io::ErrorKind::AddrNotAvailable,
            "this machine has no such address",
        ),
        (
            io::ErrorKind::PermissionDenied,
            "not permitted: choose a port from 1024 on, or give the privilege",
        ),
    ];
    let remedy = remedies.iter().find(|(kind, _)| *kind == error.kind());
    remedy.map_or("the system refused", |(_, remedy)| remedy)
}
