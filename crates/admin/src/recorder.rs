//! The recorder of one server, with buckets for every histogram: without them it would be a summary, which cannot be
//! added up over servers.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

/// Makes a recorder that is nobody else's.
pub(crate) fn new() -> PrometheusRecorder {
    let builder = PrometheusBuilder::new();
    // Only an empty list is refused.
    let builder = builder.set_buckets(&LATENCY_SECONDS).unwrap_or_default();
    let with_own = [
        ("lastword_session_duration_seconds", &SESSION_SECONDS[..]),
        (
            "lastword_disconnect_detection_seconds",
            &DETECTION_SECONDS[..],
        ),
    ];
    with_own
        .into_iter()
        .fold(builder, |builder, (name, buckets)| {
            let name = Matcher::Full(name.to_owned());
            builder
                .set_buckets_for_metric(name, buckets)
                .unwrap_or_default()
        })
        .build_recorder()
}

/// From a second to a day.
const SESSION_SECONDS: [f64; 9] = [
    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0,
];

/// Around the bounds of the profiles.
const DETECTION_SECONDS: [f64; 11] = [0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Round trips, authentications, and whatever has no buckets of its own.
const LATENCY_SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];
