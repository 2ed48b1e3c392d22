//! The admin port as an extension of the server, and how a builder gets it: it is bound and ended with the server.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use lastword_server::{
    Builder, Config, Disconnect, Extension, Observer, PeerTold, ServerHandle, Started, Starting,
};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};

use crate::access::Access;
use crate::closes::Closes;
use crate::live::{Counted, Live};
use crate::restarted::restarted;
use crate::routes::{self, Page, Shown};
use crate::{Admin, RecorderMode, listener, recorder, serve};

/// Adds an admin port to a server's builder.
pub trait AdminExt {
    /// Serves the live page, `/api`, `/metrics`, `/healthz` and `/readyz` on this loopback address, `IP:PORT`. Port 0
    /// takes a free port, which [`ServerHandle::admin_addr`](lastword_server::ServerHandle::admin_addr) returns. The
    /// address overrides `admin.listen` of the configuration; the section's other keys still apply. The server's
    /// metrics go to this port, not to the process's recorder; a second admin port of the same server serves everything
    /// except the metrics.
    #[must_use]
    fn admin(self, addr: impl Into<String>) -> Self;

    /// Serves the port with the section `admin` of the server's configuration, which may be set before or after this
    /// call: by default on `127.0.0.1:9464`. A section that is off serves nothing.
    #[must_use]
    fn admin_from_config(self) -> Self;

    /// Serves the port with these settings: the address, the access rules, and the recorder for the metrics.
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

pub(crate) struct Port {
    admin: Admin,
    recorder: Arc<PrometheusRecorder>,
    /// Whether the server asked for the recorder. It does so if neither the game nor an earlier extension has a
    /// recorder.
    has_the_server: AtomicBool,
    end_observer: Arc<EndObserver>,
}

/// The records and counts of ends.
#[derive(Debug, Default)]
struct EndObserver {
    closes: Arc<Closes>,
    counted: Arc<Counted>,
}

impl Observer for EndObserver {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        self.counted.disconnected(disconnect);
        self.closes.disconnected(disconnect);
    }

    fn peer_told(&self, peer_told: &PeerTold) {
        self.closes.peer_told(peer_told);
    }
}

impl Port {
    fn new(admin: Admin) -> Self {
        Self {
            admin,
            recorder: Arc::new(recorder::new()),
            has_the_server: AtomicBool::new(false),
            end_observer: Arc::default(),
        }
    }

    fn page(&self, server: &ServerHandle) -> Page {
        let has_the_server = self.has_the_server.load(Ordering::Relaxed);
        let shows_the_server = has_the_server && !server.publishes_itself();
        match self.admin.mode {
            RecorderMode::Private if shows_the_server => Page::Shown(self.recorder.handle()),
            RecorderMode::Install => Page::Shown(self.recorder.handle()),
            RecorderMode::Private | RecorderMode::Emit => Page::Elsewhere,
        }
    }

    fn install(&self) -> io::Result<()> {
        if self.admin.mode != RecorderMode::Install {
            return Ok(());
        }
        metrics::set_global_recorder(Arc::clone(&self.recorder)).map_err(|_| {
            let words = "cannot install the metrics recorder: this process has one already; use RecorderMode::Emit to \
                 write to that one, or RecorderMode::Private for a page of its own";
            io::Error::new(io::ErrorKind::AlreadyExists, words)
        })
    }
}

impl Extension for Port {
    fn configure(&mut self, config: &Config) {
        self.admin.configure(&config.admin);
    }

    fn serves_admin(&self) -> bool {
        true
    }

    fn recorder(&self) -> Option<&(dyn metrics::Recorder + Sync)> {
        if !self.admin.is_on() {
            return None;
        }
        match self.admin.mode {
            RecorderMode::Private | RecorderMode::Install => {
                self.has_the_server.store(true, Ordering::Relaxed);
                Some(&self.recorder)
            }
            RecorderMode::Emit => None,
        }
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        let end_observer: Arc<dyn Observer> = Arc::<EndObserver>::clone(&self.end_observer);
        self.admin.is_on().then_some(end_observer)
    }

    fn start(self: Box<Self>, server: ServerHandle) -> Starting {
        Box::pin(async move {
            if !self.admin.is_on() {
                return Ok(Started::default());
            }
            let token = self.admin.secret.read()?;
            let admin = self.admin.addr.as_deref();
            let admin = admin.map(|addr| listener::bind(addr, token.is_some()));
            let admin = admin.transpose()?;
            let metrics = self.admin.metrics_addr.as_deref();
            let metrics = metrics.map(|addr| listener::bind(addr, true)).transpose()?;
            let addr = |listener: &Option<TcpListener>| {
                listener.as_ref().map(TcpListener::local_addr).transpose()
            };
            let started = Started {
                admin: addr(&admin)?,
                metrics: addr(&metrics)?,
            };
            // This comes last, because it cannot be undone.
            self.install()?;
            let page = self.page(&server);
            let end_observer = Arc::clone(&self.end_observer);
            tokio::spawn(run(
                [admin, metrics],
                page,
                end_observer,
                Access::new(token),
                server,
            ));
            Ok(started)
        })
    }
}

/// Serves until the server has ended and the last answers had their time.
async fn run(
    [admin, metrics]: [Option<TcpListener>; 2],
    page: Page,
    end_observer: Arc<EndObserver>,
    access: Access,
    server: ServerHandle,
) {
    let closes = Arc::clone(&end_observer.closes);
    let live = Live::new(
        server.clone(),
        Arc::clone(&closes),
        Arc::clone(&end_observer.counted),
    );
    let live = Arc::new(live);
    let shown = Shown {
        server: server.clone(),
        closes,
        live: Arc::clone(&live),
    };
    let for_operators = routes::router(page.clone(), shown, access);
    let for_scrapers = routes::metrics_router(page.clone(), server.clone());
    let served = async {
        tokio::join!(
            serve(admin, for_operators, &server),
            serve(metrics, for_scrapers, &server),
            restarted("the live page", || live.run()),
        )
    };
    tokio::select! {
        biased;
        _ = served => tracing::debug!("the admin port is closed"),
        () = restarted("the upkeep of the metrics", || upkeep(&page)) => {}
    }
}

async fn serve(listener: Option<TcpListener>, router: Router, server: &ServerHandle) {
    if let Some(listener) = listener {
        serve::serve(listener, router, server.closed()).await;
    }
}

/// Without scrapes, the values of histograms would pile up, so this collects them.
async fn upkeep(page: &Page) {
    let Page::Shown(prometheus) = page else {
        return std::future::pending().await;
    };
    let mut ticks = interval(UPKEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let prometheus: PrometheusHandle = prometheus.clone();
        let collected = tokio::task::spawn_blocking(move || prometheus.run_upkeep());
        match collected.await {
            Ok(()) => {}
            // A runtime that is shutting down refuses work.
            Err(error) if error.is_cancelled() => return,
            Err(error) => tracing::error!(%error, "the upkeep of the metrics failed"),
        }
    }
}

const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
