//! Starting a server: everything is checked before anything is bound.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lastword_session::{Token, TokenKey};
use lastword_transport::{ListenOptions, ListenerSocket};
use metrics::Recorder;
use tokio::net::TcpListener;

use super::builder::Builder;
use super::error::BindError;
use super::extension::Started;
use crate::books::{Books, Metrics, Names, with_recorder};
use crate::config::{Config, KernelAbilities, SecondLogin, Settings};
use crate::core::{
    Admission, Authentication, Core, Doors, Listeners, Logins, Mailboxes, Observers, Reloads,
    Rules, Shedding, Shutdown, Tombstones, drain, publisher, renewals, shedding,
    warn_of_certificates,
};
use crate::guard::logged;
use crate::handle::ServerHandle;
use crate::listen::accept::{accept_by_all, accept_loop};
use crate::listen::app::Front;
use crate::shape::Shape;
use crate::shape::events::{Caps, Queue};
use crate::tls::Tls;

impl Builder {
    /// Starts everything except the accept loop. `events` is the queue of a game that ticks.
    pub(super) async fn start(
        mut self,
        events: Option<Arc<Queue>>,
    ) -> Result<(ServerHandle, Vec<TcpListener>), BindError> {
        needs_timers()?;
        let listen_at = self.listen_at()?;
        if let Some(addr) = listen_at {
            self.config.listen_at(addr);
        }
        self.config.validate().map_err(BindError::Config)?;
        self.check_name()?;
        for extension in &mut self.extensions {
            extension.configure(&self.config);
        }
        self.check_admin()?;
        warn_of(&self.config, KernelAbilities::probe());
        let stamps = self.tls.is_none().then(|| self.config.certificate_stamps());
        let tls = self.tls_of_listeners()?;
        warn_of_certificates(&self.config, &tls);
        let (addrs, listeners) = self.listeners()?;
        let read = self.reload_from.take();
        let reloads = Reloads::new(read, self.config.clone(), listen_at, stamps);
        let key = random_key().map_err(BindError::NoRandomness)?;
        let core = Arc::new(self.core(addrs, events, reloads, (tls, key)));
        self.groups.bind(&core.mailboxes);
        core.runtime.spawn(drain::watch(Arc::clone(&core)));
        core.runtime.spawn(shedding::watch(Arc::clone(&core)));
        core.runtime.spawn(renewals::watch(Arc::clone(&core)));
        let handle = ServerHandle {
            core: Arc::clone(&core),
        };
        for extension in self.extensions {
            let started = extension.start(handle.clone()).await;
            match started {
                Ok(Started { admin, metrics }) => {
                    let known = &core.listeners;
                    let known = [(admin, &known.admin), (metrics, &known.metrics)];
                    for (addr, place) in known {
                        addr.map(|addr| place.get_or_init(|| addr));
                    }
                }
                Err(error) => {
                    core.shutdown.ended.set();
                    return Err(BindError::Extension(error));
                }
            }
        }
        if core.publishes_itself {
            core.runtime.spawn(publisher::run(Arc::clone(&core)));
        }
        tell_second_login(core.settings.second_login);
        tell_resume_window(&core.settings);
        Ok((handle, listeners))
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
            logged(|| {
                tracing::info!(
                    "there is no admin port: call `admin_from_config` on the builder to serve it on {addr}, the \
                     default of admin.listen"
                );
            });
        }
        Ok(())
    }

    /// The address that replaces the addresses of the configuration.
    fn listen_at(&self) -> Result<Option<SocketAddr>, BindError> {
        let addr = self.listen.as_ref().map(|addr| {
            let parsed = addr.parse();
            parsed.map_err(|_| BindError::Address { addr: addr.clone() })
        });
        addr.transpose()
    }

    /// Binds every listener. Returns also the addresses that were bound.
    fn listeners(&self) -> Result<(Vec<SocketAddr>, Vec<TcpListener>), BindError> {
        let knobs = self.config.knobs(&self.config.default_profile());
        let each = self.config.listen.iter().map(|listen| {
            let failed = |source| BindError::Listen {
                addr: listen.addr,
                source,
            };
            let backlog = i32::try_from(listen.backlog).unwrap_or(i32::MAX);
            let options = ListenOptions { backlog, knobs };
            let listener = options.listen(listen.addr).map_err(failed)?;
            let addr = listener.local_addr().map_err(failed)?;
            Ok((addr, needs_io(listener)?.map_err(failed)?))
        });
        let bound = each.collect::<Result<Vec<_>, BindError>>()?;
        Ok(bound.into_iter().unzip())
    }

    pub(super) fn caps(&self) -> Caps {
        let limits = &self.config.limits;
        let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        Caps {
            session_bytes: size(limits.inbox_bytes_max),
            session_frames: size(limits.inbox_frames_max),
            bytes: size(limits.events_bytes_max),
            frames: size(limits.events_frames_max),
            // Every open connection may leave, and as many new ones may come and go before the next
            // tick.
            reserved: size(self.config.admission.connections_max).saturating_mul(2),
        }
    }

    fn observers(&self) -> Observers {
        let of_extensions = self.extensions.iter().filter_map(|each| each.observer());
        Observers(of_extensions.chain(self.observer.clone()).collect())
    }

    /// Makes the handles with the chosen recorder. Also returns whether only the server publishes them.
    fn metrics(&self, settings: &Settings) -> (Metrics, bool) {
        let own = self.recorder.as_ref().map(|own| own as &dyn Recorder);
        let mut extensions = self.extensions.iter();
        let of_extension = extensions.find_map(|each| each.recorder());
        let recorder = own.or(of_extension.map(|shown| shown as &dyn Recorder));
        let make = || Metrics::new(&self.config.metrics, settings);
        let metrics = with_recorder(recorder, self.name.as_deref(), make);
        (metrics, own.is_some() || of_extension.is_none())
    }

    /// TLS of each listener: with the builder's certificates, or else with those of the configuration.
    fn tls_of_listeners(&self) -> Result<Vec<Tls>, BindError> {
        match &self.tls {
            Some(given) => Ok(vec![given.clone(); self.config.listen.len()]),
            None => self.config.read_certificates().map_err(BindError::Config),
        }
    }

    /// The policy of a configuration that has `auto`.
    fn what_auto_is(&self) -> SecondLogin {
        let by_authenticator = match self.has_authenticator {
            true => SecondLogin::Replace,
            false => SecondLogin::Allow,
        };
        self.second_login.or_auto_is(by_authenticator)
    }

    fn core(
        &self,
        addrs: Vec<SocketAddr>,
        events: Option<Arc<Queue>>,
        reloads: Reloads,
        (tls, key): (Vec<Tls>, TokenKey),
    ) -> Core {
        let config = &self.config;
        let wire = (self.framing.clone(), key);
        let settings = Settings::new(config, wire, tls, self.what_auto_is());
        let (metrics, publishes_itself) = self.metrics(&settings);
        let cohorts = Names::of_cohorts(&config.metrics.cohorts, self.strict_names);
        let profiles = Names::of_profiles(&settings.profiles, self.strict_names);
        let live_sessions = Arc::default();
        let mailboxes = Arc::new(Mailboxes::new(&live_sessions));
        let listeners = Listeners::new(addrs);
        let checks_max = config.admission.authentications_max;
        Core {
            clock: mailboxes.table.clock().clone(),
            logins: Logins::new(settings.second_login, &mailboxes),
            mailboxes,
            settings,
            doors: Doors::default(),
            may_resume: self.may_resume.clone(),
            tombstones: Tombstones::default(),
            groups: self.groups.clone(),
            books: Books::open(
                config,
                metrics,
                [cohorts, profiles],
                live_sessions,
                listeners.first(),
            ),
            admission: Mutex::new(Admission::new(Rules::new(config))),
            shedding: Shedding::default(),
            reloads,
            authentication: Authentication::new(Arc::clone(&self.authenticator), checks_max),
            observers: self.observers(),
            listeners,
            runtime: tokio::runtime::Handle::current(),
            events,
            publishes_itself,
            publishing: Mutex::default(),
            shutdown: Shutdown::default(),
        }
    }
}

/// A secret of this process: its tokens are worth nothing to another one.
fn random_key() -> Result<TokenKey, getrandom::Error> {
    let mut secret = [0; Token::LEN];
    getrandom::fill(&mut secret)?;
    Ok(TokenKey::new(secret))
}

/// Says which sessions of a player may be live.
fn tell_second_login(policy: SecondLogin) {
    logged(|| tracing::info!("second logins: {policy} (sessions.second_login)"));
}

/// Says how long players may come back.
fn tell_resume_window(settings: &Settings) {
    let window = settings.resume_window(0);
    let is_on = settings.live().listener(0).session.resume.is_some() && !window.is_zero();
    match settings.profile_name(0).filter(|_| is_on) {
        Some(profile) => logged(|| {
            tracing::info!(
                "a player whose connection is lost may come back for {window:?} \
                 (liveness.profiles.{profile}.resume_window_ms)"
            );
        }),
        None => logged(|| tracing::info!("a session ends with its connection")),
    }
}

/// Warns where this host does not fit the configuration, and where Linux does not show the evidence that the causes
/// need. Other systems never show it.
fn warn_of(config: &Config, kernel: KernelAbilities) {
    for warning in config.host_warnings(kernel) {
        logged(|| tracing::warn!("{warning}"));
    }
    if kernel.is_linux && !kernel.is_complete() {
        let evidence = kernel.evidence();
        logged(|| tracing::warn!("TCP_INFO {evidence}; `lastword check-config` lists the causes"));
    }
}

/// Checks that the runtime has timers. tokio panics if it has none.
fn needs_timers() -> Result<(), BindError> {
    if tokio::runtime::Handle::try_current().is_err() {
        let lack = "this thread is in no tokio runtime";
        return Err(BindError::RuntimeLacks { lack });
    }
    catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).map_err(|_| {
        let lack = "tokio's timers are not enabled";
        BindError::RuntimeLacks { lack }
    })
}

/// Gives a listener to the runtime. tokio panics if the runtime has no IO.
fn needs_io(listener: ListenerSocket) -> Result<io::Result<TcpListener>, BindError> {
    let given = AssertUnwindSafe(|| TcpListener::from_std(listener));
    catch_unwind(given).map_err(|_| {
        let lack = "tokio's IO is not enabled";
        BindError::RuntimeLacks { lack }
    })
}

impl ServerHandle {
    /// Starts the accept loop of each listener.
    pub(super) fn start<S: Shape>(&self, shape: S, listeners: Vec<TcpListener>) {
        let core = Arc::clone(&self.core);
        let front = Arc::new(Front { core, shape });
        let given = self.core.listeners.take();
        for (listener, n) in listeners.into_iter().zip(0..) {
            let accepting = accept_loop(Arc::clone(&front), listener, n);
            self.core.runtime.spawn(accepting);
        }
        if let Some(given) = given {
            self.core.runtime.spawn(accept_by_all(front, given));
        }
    }
}

const NAME_LEN_MAX: usize = 32;
