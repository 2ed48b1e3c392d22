//! The admin port as an extension of the server: bound with it, ended with it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lastword_server::{Builder, Extension, Observer, ServerHandle, Starting};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};

use crate::closes::Closes;
use crate::routes::{self, Page};
use crate::{listener, recorder, serve};

/// Gives a server's builder an admin port.
pub trait AdminExt {
    /// Serves `/metrics`, `/api/closes`, `/healthz` and `/readyz` on this address, `IP:PORT`; port 0 takes a free one,
    /// which [`ServerHandle::admin_addr`] tells. The server's metrics go to this port, not to the process's recorder; a
    /// second port serves the rest.
    #[must_use]
    fn admin(self, addr: impl Into<String>) -> Self;

    /// The same, with a choice of the recorder.
    #[must_use]
    fn admin_with(self, admin: Admin) -> Self;
}

impl AdminExt for Builder {
    fn admin(self, addr: impl Into<String>) -> Self {
        self.admin_with(Admin::new(addr))
    }

    fn admin_with(self, admin: Admin) -> Self {
        self.extension(Box::new(Port {
            addr: admin.addr,
            mode: admin.mode,
            recorder: Arc::new(recorder::new()),
            has_the_server: AtomicBool::new(false),
            closes: Arc::default(),
        }))
    }
}

/// An admin port: where it is, and which recorder the metrics go to.
#[derive(Clone, Debug)]
pub struct Admin {
    addr: String,
    mode: RecorderMode,
}

impl Admin {
    /// An admin port on this address, `IP:PORT`, with a recorder of its own.
    #[must_use]
    pub fn new(addr: impl Into<String>) -> Self {
        Self {
            addr: addr.into(),
            mode: RecorderMode::default(),
        }
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

struct Port {
    addr: String,
    mode: RecorderMode,
    recorder: Arc<PrometheusRecorder>,
    /// The server asked for the recorder, which it does where nobody before this port has one.
    has_the_server: AtomicBool,
    closes: Arc<Closes>,
}

impl Port {
    fn page(&self, server: &ServerHandle) -> Page {
        let has_the_server = self.has_the_server.load(Ordering::Relaxed);
        let shows_the_server = has_the_server && !server.publishes_itself();
        match self.mode {
            RecorderMode::Private if shows_the_server => Page::Shown(self.recorder.handle()),
            RecorderMode::Install => Page::Shown(self.recorder.handle()),
            RecorderMode::Private | RecorderMode::Emit => Page::Elsewhere,
        }
    }

    fn install(&self) -> io::Result<()> {
        if self.mode != RecorderMode::Install {
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
    fn recorder(&self) -> Option<&(dyn metrics::Recorder + Sync)> {
        match self.mode {
            RecorderMode::Private | RecorderMode::Install => {
                self.has_the_server.store(true, Ordering::Relaxed);
                Some(&self.recorder)
            }
            RecorderMode::Emit => None,
        }
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        let closes = Arc::clone(&self.closes);
        Some(closes)
    }

    fn start(self: Box<Self>, server: ServerHandle) -> Starting {
        Box::pin(async move {
            let listener = listener::bind(&self.addr)?;
            let addr: SocketAddr = listener.local_addr()?;
            // Last: it cannot be taken back.
            self.install()?;
            let page = self.page(&server);
            tokio::spawn(run(listener, page, self.closes, server));
            Ok(Some(addr))
        })
    }
}

/// Serves until the server has ended and the last answers had their time.
async fn run(listener: TcpListener, page: Page, closes: Arc<Closes>, server: ServerHandle) {
    let router = routes::router(page.clone(), closes, server.clone());
    tokio::select! {
        biased;
        () = serve::serve(listener, router, server.closed()) => tracing::debug!("the admin port is closed"),
        () = upkeep(page) => {}
    }
}

/// Without scrapes, what histograms take would pile up.
async fn upkeep(page: Page) {
    let Page::Shown(prometheus) = page else {
        return std::future::pending().await;
    };
    let mut ticks = interval(UPKEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let prometheus: PrometheusHandle = prometheus.clone();
        match tokio::task::spawn_blocking(move || prometheus.run_upkeep()).await {
            Ok(()) => {}
            // A runtime that ends takes no more work.
            Err(error) if error.is_cancelled() => return,
            Err(error) => tracing::error!(%error, "the upkeep of the metrics failed"),
        }
    }
}

const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
