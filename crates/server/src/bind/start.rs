//! Starting a server: everything is checked before anything is bound.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use lastword_transport::{Clock, ListenOptions, ListenerSocket, Table};
use metrics::Recorder;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::builder::Builder;
use super::error::BindError;
use super::extension::Started;
use crate::books::{
    Catalogue, Ledger, Metrics, Names, Questions, Seats, TrafficTotals, log, with_recorder,
};
use crate::config::KernelAbilities;
use crate::core::doors::Doors;
use crate::core::flag::Flag;
use crate::core::observer::Observer;
use crate::core::{Core, drain, publisher};
use crate::handle::ServerHandle;
use crate::listen::{Front, accept_by_all, accept_loop};
use crate::shape::Shape;
use crate::shape::events::{Caps, Queue};

impl Builder {
    /// Starts everything except the accept loop. `events` is the queue of a game that ticks.
    pub(super) async fn start(
        mut self,
        events: Option<Arc<Queue>>,
    ) -> Result<(ServerHandle, TcpListener), BindError> {
        self.config.validate().map_err(BindError::Config)?;
        self.check_name()?;
        for extension in &mut self.extensions {
            extension.configure(&self.config);
        }
        self.check_admin()?;
        let listener = self.listen_socket()?;
        let listen = |source| BindError::Listen {
            addr: self.listen_addr().unwrap_or(NOWHERE),
            source,
        };
        let local_addr = listener.local_addr().map_err(listen)?;
        let listener = TcpListener::from_std(listener).map_err(listen)?;
        let core = Arc::new(self.core(local_addr, events));
        self.groups.bind(&core);
        core.runtime.spawn(drain::watch(Arc::clone(&core)));
        let handle = ServerHandle {
            core: Arc::clone(&core),
        };
        for extension in self.extensions {
            let started = extension.start(handle.clone()).await;
            match started {
                Ok(Started { admin, metrics }) => {
                    let known = [(admin, &core.admin_addr), (metrics, &core.metrics_addr)];
                    for (addr, place) in known {
                        addr.map(|addr| place.get_or_init(|| addr));
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

    /// Refuses a configuration whose admin section would have no effect.
    fn check_admin(&self) -> Result<(), BindError> {
        if self.extensions.iter().any(|each| each.serves_admin()) {
            return Ok(());
        }
        let keys = self.config.admin.keys_set();
        if !keys.is_empty() {
            return Err(BindError::NoAdminPort { keys });
        }
        // A file may set the default address explicitly. That gives the same configuration as a file without the key.
        if let Some(addr) = self.config.admin.listen.filter(|_| self.is_configured) {
            tracing::info!(
                "there is no admin port: call `admin_from_config` on the builder to serve it on {addr}, the default of \
                 admin.listen"
            );
        }
        Ok(())
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
            knobs: self.config.knobs(&self.config.default_profile()),
        };
        options
            .listen(addr)
            .map_err(|source| BindError::Listen { addr, source })
    }

    pub(super) fn caps(&self) -> Caps {
        let limits = &self.config.limits;
        let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        Caps {
            session_bytes: size(limits.inbox_bytes_max),
            session_frames: size(limits.inbox_frames_max),
            bytes: size(limits.events_bytes_max),
            frames: size(limits.events_frames_max),
            // Every open connection may leave, and as many again may come and go before the next tick.
            reserved: size(self.config.listen.connections_max).saturating_mul(2),
        }
    }

    fn observers(&self) -> Vec<Arc<dyn Observer>> {
        let of_extensions = self.extensions.iter().filter_map(|each| each.observer());
        of_extensions.chain(self.observer.clone()).collect()
    }

    /// Makes the handles with the chosen recorder. Also returns whether only the server publishes them.
    fn metrics(&self, catalogue: &Catalogue<'_>) -> (Metrics, bool) {
        let own = self.recorder.as_ref().map(|own| own as &dyn Recorder);
        let mut extensions = self.extensions.iter();
        let of_extension = extensions.find_map(|each| each.recorder());
        let recorder = own.or(of_extension.map(|shown| shown as &dyn Recorder));
        let make = || Metrics::new(catalogue);
        let metrics = with_recorder(recorder, self.name.as_deref(), make);
        (metrics, own.is_some() || of_extension.is_none())
    }

    fn core(&self, local_addr: SocketAddr, events: Option<Arc<Queue>>) -> Core {
        let limits = self.config.session_limits();
        let profiles = self.config.profiles();
        let cohorts = Names::of_cohorts(&self.config.metrics.cohorts, self.strict_names);
        let game_codes = self.config.metrics.game_codes.clone();
        let connections_max = u64::from(self.config.listen.connections_max);
        let kernel = KernelAbilities::probe();
        let (metrics, publishes_itself) = self.metrics(&Catalogue {
            cohorts: &self.config.metrics.cohorts,
            game_codes: &game_codes,
            profiles: &profiles,
            config: &self.config,
            kernel,
            connections_max,
        });
        let clock = Clock;
        let places = usize::try_from(self.config.listen.authentications_max).unwrap_or(usize::MAX);
        Core {
            clock,
            table: Table::start(clock),
            groups: self.groups.clone(),
            ledger: Ledger::new(cohorts.count(), game_codes),
            metrics,
            traffic: TrafficTotals::default(),
            log_limit: log::Limit::new(local_addr),
            seats: Seats::default(),
            questions: Questions::default(),
            bounds: self.config.bounds(kernel),
            session: Arc::new(lastword_session::Config {
                framing: self.framing.clone(),
                limits,
                behind_proxy: self.config.listen.behind_proxy,
            }),
            knobs: profiles
                .iter()
                .map(|each| self.config.knobs(each))
                .collect(),
            profile_names: Names::of_profiles(&profiles, self.strict_names),
            profiles,
            cohorts,
            connections_max,
            drain_timeout: self.config.drain_timeout(),
            authenticator: Arc::clone(&self.authenticator),
            authentications: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            observers: self.observers(),
            local_addr,
            doors: Doors::default(),
            admin_addr: OnceLock::new(),
            metrics_addr: OnceLock::new(),
            runtime: tokio::runtime::Handle::current(),
            events,
            publishes_itself,
            draining: AtomicBool::new(false),
            ended: Flag::default(),
            closed: Flag::default(),
        }
    }
}

impl ServerHandle {
    /// Starts the accept loop.
    pub(super) fn start<S: Shape>(&self, shape: S, listener: TcpListener) {
        let core = Arc::clone(&self.core);
        let front = Arc::new(Front { core, shape });
        let given = self.core.doors.take();
        self.core
            .runtime
            .spawn(accept_loop(Arc::clone(&front), listener, 0));
        if let Some(given) = given {
            self.core.runtime.spawn(accept_by_all(front, given));
        }
    }
}

const NAME_LEN_MAX: usize = 32;
const NOWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
