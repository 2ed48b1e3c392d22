//! The metrics of a server and all their properties. This is the one source for `# HELP`, for `docs/metrics.md`, and
//! for the metrics that rules and dashboards may use.

use super::metric::MetricKind::{Counter, Gauge, Histogram};
use super::metric::MetricLabel::{
    AcceptError, BothEnds, Cause, Class, Cohort, DepartureCause, Diagnosis, Direction, GameCause,
    GameCode, Initiator, NameKind, Phase, Profile, QueuePolicy, ResumeOutcome, SilentCause,
    Version,
};
use super::metric::MetricUnit::{Bytes, Count, Flag, Seconds};
use super::metric::{Metric, MetricKind, MetricLabel, MetricUnit};

impl Metric {
    /// Every metric, in the order of the documentation.
    pub const ALL: &'static [Self] = CATALOGUE;
}

/// Describes every metric to the current recorder.
pub(super) fn describe() {
    for metric in CATALOGUE {
        match metric.kind {
            Counter => metrics::describe_counter!(metric.name, metric.help),
            Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Histogram { .. } => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

const fn row(
    name: &'static str,
    kind: MetricKind,
    unit: MetricUnit,
    labels: &'static [MetricLabel],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        unit,
        labels,
        help,
    }
}

const CATALOGUE: &[Metric] = &[
    row(
        "lastword_connections_opened_total",
        Counter,
        Count,
        &[],
        "Connections accepted.",
    ),
    row(
        "lastword_connections_open",
        Gauge,
        Count,
        &[],
        "Connections open, counted in at accept and out at their verdict.",
    ),
    row(
        "lastword_connections_limit",
        Gauge,
        Count,
        &[],
        "The most connections that may be open; further peers are refused as server_full.",
    ),
    row(
        "lastword_disconnects_total",
        Counter,
        Count,
        &[Cause, Class, Initiator, Phase, Cohort],
        "Connections ended, by their one cause.",
    ),
    row(
        "lastword_accept_errors_total",
        Counter,
        Count,
        &[AcceptError],
        "Failures of accept, by kind.",
    ),
    row(
        "lastword_game_closes_total",
        Counter,
        Count,
        &[GameCause, GameCode],
        "Ends that the game asked for, by cause and by the game's code, if the code is declared.",
    ),
    row(
        "lastword_unknown_names_total",
        Counter,
        Count,
        &[NameKind],
        "Players whom the authenticator gave a cohort or a profile that the configuration does not have.",
    ),
    row(
        "lastword_sessions_joined_total",
        Counter,
        Count,
        &[],
        "Sessions joined.",
    ),
    row(
        "lastword_sessions_open",
        Gauge,
        Count,
        &[],
        "Sessions with a live connection.",
    ),
    row(
        "lastword_sessions_suspended",
        Gauge,
        Count,
        &[],
        "Sessions without a connection, within their resume window.",
    ),
    row(
        "lastword_resumes_total",
        Counter,
        Count,
        &[ResumeOutcome],
        "Attempts to come back to a session, by outcome: back (`resumed`, or `superseded` if the older connection looked \
         alive), or refused.",
    ),
    row(
        "lastword_resume_away_seconds",
        Histogram {
            buckets: AWAY_SECONDS,
        },
        Seconds,
        &[],
        "Time from the loss of a session's connection to the return of its player.",
    ),
    row(
        "lastword_departures_total",
        Counter,
        Count,
        &[DepartureCause, Class, Cohort],
        "Sessions departed, by their last cause. A player that came back has not departed.",
    ),
    row(
        "lastword_session_duration_seconds",
        Histogram {
            buckets: SESSION_SECONDS,
        },
        Seconds,
        &[],
        "Time from the join to the end of a session.",
    ),
    row(
        "lastword_brief_sessions_total",
        Counter,
        Count,
        &[Cause, Class],
        "Sessions that ended less than a second after they joined, such as status pings, by cause.",
    ),
    row(
        "lastword_peer_told_total",
        Counter,
        Count,
        &[Class, BothEnds],
        "Lost connections whose client told its side when it came back, by the class of the server's cause and by the \
         comparison of both sides.",
    ),
    row(
        "lastword_auth_duration_seconds",
        Histogram {
            buckets: LATENCY_SECONDS,
        },
        Seconds,
        &[],
        "Time from the credentials to the authenticator's answer.",
    ),
    row(
        "lastword_suspects_total",
        Counter,
        Count,
        &[Diagnosis],
        "Suspicions of silent peers, by diagnosis; a changed diagnosis counts again.",
    ),
    row(
        "lastword_sessions_suspect",
        Gauge,
        Count,
        &[Diagnosis],
        "Sessions whose peer is suspect, by the present diagnosis of its silence.",
    ),
    row(
        "lastword_disconnect_detection_seconds",
        Histogram {
            buckets: DETECTION_SECONDS,
        },
        Seconds,
        &[SilentCause, Profile],
        "Time from the last sign of life to the verdict, for silent causes.",
    ),
    row(
        "lastword_detection_bound_seconds",
        Gauge,
        Seconds,
        &[SilentCause, Profile],
        "The bound of a silent cause's detection, from the configuration.",
    ),
    row(
        "lastword_heartbeat_rtt_seconds",
        Histogram {
            buckets: LATENCY_SECONDS,
        },
        Seconds,
        &[],
        "Time from a ping of the server to its pong, once in eight heartbeats of each session.",
    ),
    row(
        "lastword_frames_total",
        Counter,
        Count,
        &[Direction],
        "Data frames.",
    ),
    row(
        "lastword_bytes_total",
        Counter,
        Bytes,
        &[Direction],
        "Raw bytes on the sockets.",
    ),
    row(
        "lastword_drained_bytes_total",
        Counter,
        Bytes,
        &[],
        "Bytes read after an end had been noticed.",
    ),
    row(
        "lastword_undelivered_frames_total",
        Counter,
        Count,
        &[Direction],
        "Data frames that did not reach the game (in) or the wire (out).",
    ),
    row(
        "lastword_undelivered_bytes_total",
        Counter,
        Bytes,
        &[Direction],
        "Bytes that did not reach the game (in), or that the peer's kernel never acknowledged (out).",
    ),
    row(
        "lastword_frames_dropped_total",
        Counter,
        Count,
        &[QueuePolicy],
        "Queued frames that were not written for a slow peer: at the end of their session (close), as the oldest ones \
         (drop_oldest), or because a newer one replaced them (latest).",
    ),
    row(
        "lastword_sessions_congested",
        Gauge,
        Count,
        &[],
        "Sessions whose peer reads more slowly than the game sends: over half of a limit of the outbound queue.",
    ),
    row(
        "lastword_inbound_paused_sessions",
        Gauge,
        Count,
        &[],
        "Sessions whose reading is paused because the game does not take their frames.",
    ),
    row(
        "lastword_rate_limited_sessions",
        Gauge,
        Count,
        &[],
        "Sessions whose peer is over its rate, so that its frames wait.",
    ),
    row(
        "lastword_rate_limits_total",
        Counter,
        Count,
        &[],
        "How often a peer went over its rate, so that its frames had to wait.",
    ),
    row(
        "lastword_event_queue_length",
        Gauge,
        Count,
        &[],
        "Events that wait for the game's next tick.",
    ),
    row(
        "lastword_local_stall_seconds_total",
        Counter,
        Seconds,
        &[],
        "Whole seconds in which this process was late itself (starved, stopped, its machine paused), in which no \
            silence of a peer is judged.",
    ),
    row(
        "lastword_runtime_lag_seconds",
        Gauge,
        Seconds,
        &[],
        "The greatest lateness in the last 30 to 60 s of the sweep that is due every 0.1 s; 1 to 3 ms is usual.",
    ),
    row(
        "lastword_open_fds",
        Gauge,
        Count,
        &[],
        "Open descriptors of this process. Before Linux 6.2 counting is slow where many are open; the number may then \
         be a minute old.",
    ),
    row(
        "lastword_max_fds",
        Gauge,
        Count,
        &[],
        "Descriptors that this process may open.",
    ),
    row(
        "lastword_draining",
        Gauge,
        Flag,
        &[],
        "1 while the server drains.",
    ),
    row(
        "lastword_config_last_reload_successful",
        Gauge,
        Flag,
        &[],
        "1 if the last reload of the configuration succeeded, or there was none. 0 also while changed files of certificates \
         cannot be used.",
    ),
    row(
        "lastword_certificate_expiry_timestamp_seconds",
        Gauge,
        Seconds,
        &[],
        "Unix time at which the first of the certificates that new connections get expires; +Inf without TLS.",
    ),
    row(
        "lastword_build_info",
        Gauge,
        Flag,
        &[Version],
        "Always 1; its label is the version.",
    ),
];

/// From a second to a day.
const SESSION_SECONDS: &[f64] = &[
    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0,
];

/// From a lost connection that is noticed at once to the windows of the built-in profiles.
const AWAY_SECONDS: &[f64] = &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0];

/// Just above the bounds of the built-in profiles. From a second on, each bucket is at most 1.5 times the one before.
/// So for every bound, a quantile of ends within the bound is at most 1.5 times the bound.
const DETECTION_SECONDS: &[f64] = &[
    0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.5, 8.2, 10.5, 15.3, 20.3, 30.0, 42.0, 60.3, 90.0, 121.3,
];

/// For round trips and authentications.
const LATENCY_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice_and_names_say_kind_and_unit() {
        for (index, metric) in CATALOGUE.iter().enumerate() {
            let name = metric.name;
            let before = CATALOGUE.iter().take(index);
            assert!(before.clone().all(|other| other.name != name), "{name}");
            assert_eq!(metric.kind == Counter, name.ends_with("_total"), "{name}");
            assert_eq!(metric.unit == Seconds, name.contains("_seconds"), "{name}");
            assert_eq!(metric.unit == Bytes, name.contains("_bytes"), "{name}");
        }
    }

    #[test]
    fn a_quantile_of_ends_in_time_is_at_most_one_and_a_half_bounds() {
        let from_a_second = DETECTION_SECONDS.iter().filter(|bound| **bound >= 1.0);
        for (bound, next) in from_a_second.clone().zip(from_a_second.skip(1)) {
            assert!(bound < next && *next <= 1.5 * bound, "{bound} {next}");
        }
    }
}
