//! One moment of a server, as the page gets it: the counts of one snapshot, in which both laws hold.

use std::time::Duration;

use lastword_server::{Bound, Cause, Diagnosis, Phase, ServerHandle, Stats};
use serde::Serialize;

use super::tally::{Silence, is_loss};

#[derive(Serialize)]
pub(super) struct Snapshot {
    run: u64,
    version: &'static str,
    /// When it was made, in seconds since 1970.
    second: u64,
    draining: bool,
    ended: bool,
    connections: Connections,
    sessions: Sessions,
    disconnects: Vec<Ends>,
    suspects: Vec<Suspects>,
    detection: Vec<Detection>,
    own: Own,
}

#[derive(Serialize)]
struct Connections {
    opened: u64,
    open: u64,
}

#[derive(Serialize)]
struct Sessions {
    joined: u64,
    open: u64,
    /// Sessions that wait for their players to come back.
    suspended: u64,
    /// Unintended departures: of every class except `normal` and `operator`.
    lost: u64,
}

#[derive(Serialize)]
struct Ends {
    cause: &'static str,
    class: &'static str,
    phase: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct Suspects {
    diagnosis: &'static str,
    now: u64,
    total: u64,
}

/// How long the last silences of one cause lasted until they were noticed, and their bound.
#[derive(Serialize)]
struct Detection {
    cause: &'static str,
    profile: String,
    /// Absent if no limit of our own bounds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_ms: Option<u64>,
    /// How long a player may come back after the loss; absent if its session departs with its connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    window_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Seen>,
}

#[derive(Serialize)]
struct Seen {
    /// The number of silences.
    count: usize,
    last_ms: u64,
    median_ms: u64,
    max_ms: u64,
    /// How many took longer than the bound, not counting our own stall.
    over: usize,
}

/// The state of the server itself.
#[derive(Serialize)]
struct Own {
    stall_ms: u64,
    lag_ms: u64,
    events_waiting: usize,
    inbound_paused: u64,
    congested: u64,
    rate_limited: u64,
    resumed: u64,
    resumes_refused: u64,
    frames_in: u64,
    frames_out: u64,
    bytes_in: u64,
    bytes_out: u64,
    accept_errors: u64,
    /// The mean round trip of all heartbeats; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_us: Option<u64>,
}

impl Snapshot {
    pub(super) fn new(
        (run, second, ended): (u64, u64, bool),
        server: &ServerHandle,
        silences: &[Silence],
    ) -> Self {
        let stats = server.stats();
        Self {
            run,
            version: env!("CARGO_PKG_VERSION"),
            second,
            draining: server.is_draining(),
            ended,
            connections: Connections {
                opened: stats.connections_opened,
                open: stats.connections_open,
            },
            sessions: Sessions {
                joined: stats.sessions_joined,
                open: stats.sessions_open,
                suspended: stats.sessions_suspended,
                lost: lost(&stats),
            },
            disconnects: stats.disconnects.iter().map(Ends::from).collect(),
            suspects: suspects(&stats),
            detection: detection(server.detection_bounds(), silences),
            own: Own::from(&stats),
        }
    }
}

impl From<&(Cause, Phase, u64)> for Ends {
    fn from((cause, phase, count): &(Cause, Phase, u64)) -> Self {
        Self {
            cause: cause.label(),
            class: cause.class().label(),
            phase: phase.label(),
            count: *count,
        }
    }
}

impl From<&Stats> for Own {
    fn from(stats: &Stats) -> Self {
        Self {
            stall_ms: millis(stats.local_stall),
            lag_ms: millis(stats.runtime_lag),
            events_waiting: stats.events_waiting,
            inbound_paused: stats.inbound_paused,
            congested: stats.congested,
            rate_limited: stats.rate_limited,
            resumed: stats.resumed + stats.superseded,
            resumes_refused: stats.resumes_refused.iter().map(|(_, count)| count).sum(),
            frames_in: stats.frames.0,
            frames_out: stats.frames.1,
            bytes_in: stats.bytes.0,
            bytes_out: stats.bytes.1,
            accept_errors: stats.accept_errors.iter().map(|(_, count)| count).sum(),
            round_trip_us: (stats.round_trips > 0)
                .then(|| u64::try_from(stats.round_trip_mean.as_micros()).unwrap_or(u64::MAX)),
        }
    }
}

fn lost(stats: &Stats) -> u64 {
    let departures = stats.departures.iter();
    let lost = departures.filter(|(cause, _)| is_loss(*cause));
    lost.map(|(_, count)| count).sum()
}

fn suspects(stats: &Stats) -> Vec<Suspects> {
    let count = |counts: &[(Diagnosis, u64)], diagnosis| {
        let mut counts = counts.iter();
        counts
            .find(|(of, _)| *of == diagnosis)
            .map_or(0, |(_, count)| *count)
    };
    let all = Diagnosis::ALL.into_iter().map(|diagnosis| Suspects {
        diagnosis: diagnosis.label(),
        now: count(&stats.suspected, diagnosis),
        total: count(&stats.suspects, diagnosis),
    });
    all.collect()
}

/// The bounds, each with the observed times.
fn detection(bounds: &[Bound], silences: &[Silence]) -> Vec<Detection> {
    let each = bounds.iter().map(|bound| {
        let is =
            |silence: &&Silence| silence.cause == bound.cause && silence.profile == bound.profile;
        Detection {
            cause: bound.cause.label(),
            profile: bound.profile.to_string(),
            bound_ms: bound.within.map(millis),
            window_ms: bound.window.map(millis),
            seen: silences
                .iter()
                .find(is)
                .map(|seen| Seen::of(seen, bound.within)),
        }
    });
    each.collect()
}

impl Seen {
    fn of(silence: &Silence, bound: Option<Duration>) -> Self {
        let (median, max) = silence.median_and_max();
        Self {
            count: silence.count(),
            last_ms: millis(silence.last()),
            median_ms: millis(median),
            max_ms: millis(max),
            over: bound.map_or(0, |bound| silence.over(bound)),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
