//! The routes of the admin port.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use lastword_server::ServerHandle;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Mutex;

use crate::access::{self, Access};
use crate::closes::{self, Closes};
use crate::live::{self, Live};
use crate::{actions, assets, sessions};

/// Where the metrics of the server are shown.
#[derive(Clone)]
pub(crate) enum Page {
    /// On this port.
    Shown(PrometheusHandle),
    /// Elsewhere, by the game's own recorder.
    Elsewhere,
}

/// The routes for operators. All of them check access, except those without any secret.
pub(crate) fn router(page: Page, shown: Shown, access: Access) -> Router {
    let Shown {
        server,
        closes,
        live,
    } = shown;
    let reads = Router::new()
        .route("/metrics", metrics(page, server.clone()))
        .route(
            "/api/closes",
            get(closes::answer).with_state(Arc::clone(&closes)),
        )
        .route(
            "/api/sessions",
            get(sessions::list::answer).with_state(sessions::list::List::new(server.clone())),
        )
        .route("/api/live", get(live::answer).with_state(live))
        .route(
            "/api/sessions/{id}",
            get(sessions::answer).with_state((server.clone(), closes)),
        )
        .route_layer(from_fn_with_state(access.clone(), access::reading));
    let acts = Router::new()
        .route("/api/kick", post(actions::kick))
        .route("/api/drain", post(actions::drain))
        .route("/api/reload", post(actions::reload))
        .with_state(server.clone())
        .layer(DefaultBodyLimit::max(ACTION_BYTES_MAX))
        .route_layer(from_fn_with_state(access.clone(), access::acting));
    let open = assets::router().route_layer(from_fn_with_state(access, access::loading));
    reads.merge(acts).merge(open).merge(health(server))
}

/// The routes for scrapers and probes: they show no player, so they do not check access.
pub(crate) fn metrics_router(page: Page, server: ServerHandle) -> Router {
    Router::new()
        .route("/metrics", metrics(page, server.clone()))
        .merge(health(server))
}

/// The state that the routes show.
pub(crate) struct Shown {
    pub(crate) server: ServerHandle,
    pub(crate) closes: Arc<Closes>,
    pub(crate) live: Arc<Live>,
}

fn metrics(page: Page, server: ServerHandle) -> MethodRouter {
    match page {
        Page::Shown(prometheus) => get(render).with_state(Metrics {
            prometheus,
            server,
            turn: Arc::default(),
        }),
        Page::Elsewhere => get(async || (StatusCode::NOT_FOUND, ELSEWHERE)),
    }
}

fn health(server: ServerHandle) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readiness).with_state(server))
}

#[derive(Clone)]
struct Metrics {
    prometheus: PrometheusHandle,
    server: ServerHandle,
    /// Only one scrape runs at a time: parallel ones would only wait for each other, each on its own thread.
    turn: Arc<Mutex<()>>,
}

/// Renders one snapshot of the counts, in which every law holds.
async fn render(State(metrics): State<Metrics>) -> Response {
    let Metrics {
        prometheus,
        server,
        turn,
    } = metrics;
    let turn = turn.lock_owned().await;
    let rendered = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        server.publish(|| prometheus.render())
    });
    match rendered.await {
        Ok(text) => ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics were not rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Tells load balancers and orchestrators whether to send players here.
async fn readiness(State(server): State<ServerHandle>) -> Response {
    let why = match (server.is_draining(), server.is_calm()) {
        (true, _) => "draining\n",
        (false, false) => "overloaded\n",
        (false, true) => return "ready\n".into_response(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

const ACTION_BYTES_MAX: usize = 4_096;
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4";
const ELSEWHERE: &str = "the metrics of this server are not here: they are in the recorder that the game gave it or \
    installed for the process, or on the first of its admin ports; scrape the port that shows them\n";
