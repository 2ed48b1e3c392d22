//! The metrics: names, handles made once, and their publication from the books.

use lastword_keepalive::{Profile, detection_bound};
use lastword_session::{Cause, Ending, Limits, Phase};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::ledger::{AcceptError, Counts, GAME_CLOSES};
use crate::traffic::Totals;

/// Every handle of one server. Made while its recorder is the local one, bound to it for good.
pub(crate) struct Metrics {
    opened: Counter,
    open: Gauge,
    disconnects: Vec<(Cause, Phase, usize, Counter)>,
    departures: Vec<(Cause, usize, Counter)>,
    accept_errors: [Counter; AcceptError::ALL.len()],
    game_closes: [Counter; 3],
    joined: Counter,
    sessions_open: Gauge,
    frames: [Counter; 2],
    bytes: [Counter; 2],
    drained_bytes: Counter,
    undelivered_frames: [Counter; 2],
    undelivered_bytes: [Counter; 2],
    frames_dropped: Counter,
    draining: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    detection: Vec<(Cause, lastword_keepalive::ProfileName, Histogram)>,
    session_duration: Histogram,
    pub(crate) auth_duration: Histogram,
}

/// What the series are made for.
pub(crate) struct Catalogue<'a> {
    pub(crate) cohorts: &'a [String],
    pub(crate) profiles: &'a [Profile],
    pub(crate) limits: &'a Limits,
    pub(crate) connections_max: u64,
}

impl Metrics {
    /// Makes every handle with the recorder that is current: every reachable series exists at 0 from now on.
    pub(crate) fn new(catalogue: &Catalogue<'_>) -> Self {
        describe();
        counter!("lastword_build_info", "version" => env!("CARGO_PKG_VERSION")).absolute(1);
        gauge!("lastword_connections_limit").set(as_f64(catalogue.connections_max));
        gauge!("lastword_sessions_suspended").set(0.0);
        bounds(catalogue);
        let direction = |name: &'static str| {
            [
                counter!(name, "direction" => "in"),
                counter!(name, "direction" => "out"),
            ]
        };
        Self {
            opened: counter!("lastword_connections_opened_total"),
            open: gauge!("lastword_connections_open"),
            disconnects: disconnects(catalogue.cohorts),
            departures: departures(catalogue.cohorts),
            accept_errors: AcceptError::ALL
                .map(|error| counter!("lastword_accept_errors_total", "error" => error.label())),
            game_closes: GAME_CLOSES.map(|cause| {
                counter!("lastword_game_closes_total", "cause" => cause.label(), "code" => "undeclared")
            }),
            joined: counter!("lastword_sessions_joined_total"),
            sessions_open: gauge!("lastword_sessions_open"),
            frames: direction("lastword_frames_total"),
            bytes: direction("lastword_bytes_total"),
            drained_bytes: counter!("lastword_drained_bytes_total"),
            undelivered_frames: direction("lastword_undelivered_frames_total"),
            undelivered_bytes: direction("lastword_undelivered_bytes_total"),
            frames_dropped: counter!("lastword_frames_dropped_total", "policy" => "close"),
            draining: gauge!("lastword_draining"),
            open_fds: gauge!("lastword_open_fds"),
            max_fds: gauge!("lastword_max_fds"),
            detection: detection(catalogue.profiles),
            session_duration: histogram!("lastword_session_duration_seconds"),
            auth_duration: histogram!("lastword_auth_duration_seconds"),
        }
    }

    /// Publishes one snapshot of the books.
    pub(crate) fn publish(&self, counts: &Counts, totals: Totals, draining: bool) {
        self.opened.absolute(counts.opened);
        self.open.set(as_f64(counts.open));
        self.joined.absolute(counts.joined);
        self.sessions_open.set(as_f64(counts.sessions_open));
        for (cause, phase, cohort, counter) in &self.disconnects {
            counter.absolute(counts.disconnects(*cause, *phase, *cohort));
        }
        for (cause, cohort, counter) in &self.departures {
            counter.absolute(counts.departures(*cause, *cohort));
        }
        publish_all(&self.accept_errors, counts.accept_errors);
        publish_all(&self.game_closes, counts.game_closes);
        publish_all(&self.frames, totals.frames);
        publish_all(&self.bytes, totals.bytes);
        self.drained_bytes.absolute(counts.drained_bytes);
        publish_all(
            &self.undelivered_frames,
            [counts.undelivered_in.0, counts.undelivered_out.0],
        );
        publish_all(
            &self.undelivered_bytes,
            [counts.undelivered_in.1, counts.undelivered_out.1],
        );
        self.frames_dropped.absolute(counts.dropped_by_close);
        self.draining.set(if draining { 1.0 } else { 0.0 });
        self.open_fds
            .set(lastword_sys::open_fds().map_or(f64::NAN, as_f64));
        self.max_fds
            .set(lastword_sys::max_fds().map_or(f64::INFINITY, as_f64));
    }

    /// Records the durations of one end.
    pub(crate) fn ended(&self, ending: &Ending, profile: lastword_keepalive::ProfileName) {
        if ending.verdict.phase == Phase::Live {
            self.session_duration.record(ending.evidence.live_for);
        }
        let cause = ending.verdict.cause;
        let series = self
            .detection
            .iter()
            .find(|(of, name, _)| *of == cause && *name == profile);
        if let (Some((_, _, histogram)), Some(silent)) = (series, ending.evidence.silent_for) {
            histogram.record(silent);
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn disconnects(cohorts: &[String]) -> Vec<(Cause, Phase, usize, Counter)> {
    let mut all = Vec::new();
    for cause in Cause::ALL {
        for &phase in cause.phases() {
            // Nobody has a cohort before the authenticator gave one.
            let named = if phase == Phase::Live { cohorts } else { &[] };
            for (index, cohort) in std::iter::once("none")
                .chain(named.iter().map(String::as_str))
                .enumerate()
            {
                let counter = counter!("lastword_disconnects_total", "cause" => cause.label(),
                    "class" => cause.class().label(), "initiator" => cause.initiator().label(),
                    "phase" => phase.label(), "cohort" => cohort.to_owned());
                all.push((cause, phase, index, counter));
            }
        }
    }
    all
}

fn departures(cohorts: &[String]) -> Vec<(Cause, usize, Counter)> {
    let live = Cause::ALL
        .into_iter()
        .filter(|cause| cause.occurs_in(Phase::Live));
    live.flat_map(|cause| {
        let names = std::iter::once("none").chain(cohorts.iter().map(String::as_str));
        names.enumerate().map(move |(index, cohort)| {
            let counter = counter!("lastword_departures_total", "cause" => cause.label(),
                "class" => cause.class().label(), "cohort" => cohort.to_owned());
            (cause, index, counter)
        })
    })
    .collect()
}

fn detection(profiles: &[Profile]) -> Vec<(Cause, lastword_keepalive::ProfileName, Histogram)> {
    let silent = Cause::ALL.into_iter().filter(|cause| cause.is_silent());
    silent
        .flat_map(|cause| {
            profiles.iter().map(move |profile| {
                let histogram = histogram!("lastword_disconnect_detection_seconds",
                    "cause" => cause.label(), "profile" => profile.name.to_string());
                (cause, profile.name, histogram)
            })
        })
        .collect()
}

/// The bound of each silent cause that is built; never is `+Inf`.
fn bounds(catalogue: &Catalogue<'_>) {
    let sweep = lastword_keepalive::SWEEP;
    for profile in catalogue.profiles {
        let dead = detection_bound(profile, sweep);
        let idle = catalogue.limits.idle_timeout.map(|idle| idle + sweep);
        for (cause, bound) in [
            (Cause::PathDead, dead),
            (Cause::PeerSilent, dead),
            (Cause::Idle, idle),
        ] {
            gauge!("lastword_detection_bound_seconds", "cause" => cause.label(),
                "profile" => profile.name.to_string())
            .set(bound.map_or(f64::INFINITY, |bound| bound.as_secs_f64()));
        }
    }
}

fn publish_all<const N: usize>(counters: &[Counter; N], values: [u64; N]) {
    for (counter, value) in counters.iter().zip(values) {
        counter.absolute(value);
    }
}

/// A gauge is a float; counts beyond 2^53 do not occur in one.
fn as_f64(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

fn describe() {
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

/// What `# HELP` says of each metric.
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
        "Ends that the game asked for, by cause and declared code.",
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
        "lastword_frames_dropped_total",
        "Queued frames dropped by a queue policy.",
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
    (Kind::Gauge, "lastword_build_info", "1, with the version."),
];
