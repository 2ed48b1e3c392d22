//! The recorder of one server, with the catalogue's buckets for every histogram. Without buckets a histogram would
//! become a summary, and summaries cannot be added up over servers.

use lastword_server::{Metric, MetricKind};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

/// Makes a recorder for one server alone.
pub(crate) fn new() -> PrometheusRecorder {
    // It only refuses an empty list.
    let builder = PrometheusBuilder::new()
        .set_buckets(&GAME_SECONDS)
        .unwrap_or_default();
    Metric::ALL
        .iter()
        .fold(builder, |builder, metric| match metric.kind {
            MetricKind::Counter | MetricKind::Gauge => builder,
            MetricKind::Histogram { buckets } => builder
                .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
                .unwrap_or_default(),
        })
        .build_recorder()
}

/// The buckets of the game's own histograms.
const GAME_SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];
