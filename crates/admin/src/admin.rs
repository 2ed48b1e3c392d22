//! The admin port as an extension of the server: bound with it, ended with it.

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_server::{Builder, Extension, ServerHandle, Starting};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};

use crate::{listener, recorder, routes};

/// Gives a server's builder an admin port.
pub trait AdminExt {
    /// Serves `/metrics`, `/healthz` and `/readyz` on this address, `IP:PORT`; port 0 takes a free one, which
    /// [`ServerHandle::admin_addr`] tells. The server's metrics go to this port, not to the process's recorder.
    #[must_use]
    fn admin(self, addr: impl Into<String>) -> Self;
}

impl AdminExt for Builder {
    fn admin(self, addr: impl Into<String>) -> Self {
        self.extension(Box::new(Admin {
            addr: addr.into(),
            recorder: recorder::new(),
        }))
    }
}

struct Admin {
    addr: String,
    recorder: PrometheusRecorder,
}

impl Extension for Admin {
    fn recorder(&self) -> Option<&(dyn metrics::Recorder + Sync)> {
        Some(&self.recorder)
    }

    fn start(self: Box<Self>, server: ServerHandle) -> Starting {
        Box::pin(async move {
            let listener = listener::bind(&self.addr)?;
            let addr: SocketAddr = listener.local_addr()?;
            tokio::spawn(run(listener, self.recorder.handle(), server));
            Ok(Some(addr))
        })
    }
}

/// Serves until the server has ended and the last answer is out.
async fn run(listener: TcpListener, prometheus: PrometheusHandle, server: ServerHandle) {
    let router = routes::router(prometheus.clone(), server.clone());
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(async move { server.closed().await })
        .into_future();
    tokio::select! {
        biased;
        served = serving => report(served),
        () = upkeep(prometheus) => {}
    }
}

/// Without scrapes, what histograms take would pile up.
async fn upkeep(prometheus: PrometheusHandle) {
    let mut ticks = interval(UPKEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let prometheus = prometheus.clone();
        let done = tokio::task::spawn_blocking(move || prometheus.run_upkeep()).await;
        if let Err(error) = done {
            tracing::error!(%error, "the upkeep of the metrics failed");
        }
    }
}

fn report(served: io::Result<()>) {
    match served {
        Ok(()) => tracing::debug!("the admin port is closed"),
        Err(error) => tracing::error!(%error, "the admin port failed"),
    }
}

const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
