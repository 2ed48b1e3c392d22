//! What the admin port answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lastword_server::ServerHandle;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Mutex;

use crate::closes::{self, Closes};

/// Where the metrics of the server are shown.
#[derive(Clone)]
pub(crate) enum Page {
    /// Here.
    Shown(PrometheusHandle),
    /// Wherever the game shows the recorder that it chose.
    Elsewhere,
}

/// The routes of one server.
pub(crate) fn router(page: Page, closes: Arc<Closes>, server: ServerHandle) -> Router {
    let metrics = match page {
        Page::Shown(prometheus) => get(render).with_state(Metrics {
            prometheus,
            server: server.clone(),
            turn: Arc::default(),
        }),
        Page::Elsewhere => get(async || (StatusCode::NOT_FOUND, ELSEWHERE)),
    };
    Router::new()
        .route("/metrics", metrics)
        .route("/api/closes", get(closes::answer).with_state(closes))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readiness).with_state(server))
}

#[derive(Clone)]
struct Metrics {
    prometheus: PrometheusHandle,
    server: ServerHandle,
    /// One scrape at a time: more would only wait for each other, on a thread each.
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

/// Tells balancers and orchestrators whether to send players here.
async fn readiness(State(server): State<ServerHandle>) -> Response {
    if server.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response()
    } else {
        "ready\n".into_response()
    }
}

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4";
const ELSEWHERE: &str = "the metrics of this server are not here: they are in the recorder that the game gave it or \
    installed for the process, or on the first of its admin ports; scrape the port that shows them\n";
