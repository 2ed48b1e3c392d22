//! What `# HELP` says of each metric.

/// Describes every metric to the recorder that is current.
pub(super) fn describe() {
    for (kind, name, text) in CATALOGUE {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *text),
            Kind::Gauge => metrics::describe_gauge!(*name, *text),
            Kind::Histogram => metrics::describe_histogram!(*name, *text),
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

const CATALOGUE: &[(Kind, &str, &str)] = &[
    (
        Kind::Counter,
        "lastword_connections_opened_total",
        "Connections accepted.",
    ),
    (
        Kind::Gauge,
        "lastword_connections_open",
        "Connections open, counted in at accept and out at their verdict.",
    ),
    (
        Kind::Gauge,
        "lastword_connections_limit",
        "Connections that may be open; beyond it peers are refused as server_full.",
    ),
    (
        Kind::Counter,
        "lastword_disconnects_total",
        "Connections ended, by their one cause.",
    ),
    (
        Kind::Counter,
        "lastword_departures_total",
        "Sessions departed, by their last cause.",
    ),
    (
        Kind::Counter,
        "lastword_accept_errors_total",
        "Failures of accept, by kind.",
    ),
    (
        Kind::Counter,
        "lastword_game_closes_total",
        "Ends that the game asked for, by cause and by the code it sent, if that was declared.",
    ),
    (
        Kind::Counter,
        "lastword_sessions_joined_total",
        "Sessions joined.",
    ),
    (
        Kind::Gauge,
        "lastword_sessions_open",
        "Sessions with a live connection.",
    ),
    (
        Kind::Gauge,
        "lastword_sessions_suspended",
        "Sessions without a connection, within their resume window.",
    ),
    (Kind::Counter, "lastword_frames_total", "Data frames."),
    (
        Kind::Counter,
        "lastword_bytes_total",
        "Raw bytes on the sockets.",
    ),
    (
        Kind::Counter,
        "lastword_drained_bytes_total",
        "Bytes read after an end had been noticed.",
    ),
    (
        Kind::Counter,
        "lastword_undelivered_frames_total",
        "Data frames that did not reach the game (in) or the wire (out).",
    ),
    (
        Kind::Counter,
        "lastword_undelivered_bytes_total",
        "Bytes that did not reach the game (in), or that the peer's kernel never acknowledged (out).",
    ),
    (
        Kind::Counter,
        "lastword_suspects_total",
        "Peers that became suspect, by what their silence looked like, and again when it looked like something else.",
    ),
    (
        Kind::Gauge,
        "lastword_sessions_suspect",
        "Sessions whose peer is suspect, by what its silence looks like now.",
    ),
    (
        Kind::Gauge,
        "lastword_inbound_paused_sessions",
        "Sessions whose reading is paused, since the game takes no more of their frames.",
    ),
    (
        Kind::Gauge,
        "lastword_event_queue_length",
        "Events that wait for the game to tick.",
    ),
    (
        Kind::Counter,
        "lastword_frames_dropped_total",
        "Queued frames dropped by a queue policy.",
    ),
    (
        Kind::Counter,
        "lastword_local_stall_seconds_total",
        "Whole seconds in which this process was late itself (starved, stopped, its machine paused), for which no peer's \
         silence is judged.",
    ),
    (
        Kind::Gauge,
        "lastword_runtime_lag_seconds",
        "The greatest lateness in the last 30 to 60 s of the sweep that is due every 0.1 s; 1 to 3 ms is usual.",
    ),
    (
        Kind::Gauge,
        "lastword_draining",
        "1 while the server drains.",
    ),
    (
        Kind::Gauge,
        "lastword_open_fds",
        "Open descriptors of this process.",
    ),
    (
        Kind::Gauge,
        "lastword_max_fds",
        "Descriptors that this process may open.",
    ),
    (
        Kind::Histogram,
        "lastword_disconnect_detection_seconds",
        "From the last sign of life to the verdict, for silent causes.",
    ),
    (
        Kind::Gauge,
        "lastword_detection_bound_seconds",
        "The bound of a silent cause's detection, from the configuration.",
    ),
    (
        Kind::Histogram,
        "lastword_session_duration_seconds",
        "From joined to the end.",
    ),
    (
        Kind::Histogram,
        "lastword_auth_duration_seconds",
        "From the credentials to the authenticator's answer.",
    ),
    (
        Kind::Histogram,
        "lastword_heartbeat_rtt_seconds",
        "From a ping of the server's to its pong, once in eight heartbeats of each session.",
    ),
    (Kind::Gauge, "lastword_build_info", "1, with the version."),
];
