//! The metrics: names, handles made once, and their publication from the books.

mod catalogue;
mod metric;
mod open_fds;
mod recorder;

use std::time::Duration;

use lastword_keepalive::{Profile, ProfileName};
use lastword_session::{BothEnds, Cause, Class, DepartureCause, Diagnosis, Ending, Phase};
use lastword_transport::Table;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::books::ledger::{AcceptError, Counts, GAME_CLOSES};
use crate::books::names::NameKind;
use crate::books::resumes::ResumeOutcome;
use crate::books::traffic::Totals;
use crate::config::{Bound, MetricsConfig, Settings};

pub use metric::{Metric, MetricKind, MetricLabel, MetricUnit};
pub(crate) use open_fds::OpenFds;
pub(crate) use recorder::with_recorder;

/// Every handle of one server. The handles are made while the server's recorder is the local one, and always belong
/// to this recorder.
pub(crate) struct Metrics {
    opened: Counter,
    open: Gauge,
    limit: Gauge,
    disconnects: Vec<(Cause, Phase, usize, Counter)>,
    departures: Vec<(DepartureCause, usize, Counter)>,
    accept_errors: [Counter; AcceptError::ALL.len()],
    game_closes: Vec<(Cause, Option<u16>, Counter)>,
    unknown_names: [Counter; NameKind::ALL.len()],
    joined: Counter,
    sessions_open: Gauge,
    suspended: Gauge,
    resumes: [Counter; ResumeOutcome::ALL.len()],
    frames: [Counter; 2],
    bytes: [Counter; 2],
    drained_bytes: Counter,
    undelivered_frames: [Counter; 2],
    undelivered_bytes: [Counter; 2],
    /// By close, drop_oldest and latest.
    frames_dropped: [Counter; 3],
    suspects: [Counter; Diagnosis::ALL.len()],
    suspected: [Gauge; Diagnosis::ALL.len()],
    paused: Gauge,
    congested: Gauge,
    rate_limits: Counter,
    rate_limited: Gauge,
    events: Gauge,
    local_stall: Counter,
    lag: Gauge,
    draining: Gauge,
    reload_successful: Gauge,
    certificates_expire: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    detection: Vec<(Cause, ProfileName, Histogram)>,
    session_duration: Histogram,
    pub(crate) resume_away: Histogram,
    brief_sessions: Vec<(Cause, Counter)>,
    told: Vec<(Class, BothEnds, Counter)>,
    pub(crate) auth_duration: Histogram,
    pub(crate) heartbeat_rtt: Histogram,
}

/// The values that do not come from the books.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    draining: bool,
    reload_successful: bool,
    events: usize,
    local_stall: Duration,
    lag: Duration,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
    certificates_expire_at: Option<u64>,
}

impl State {
    /// `events` is the number of events that wait for the game to tick.
    pub(crate) fn read(
        draining: bool,
        reload_successful: bool,
        events: usize,
        table: &Table,
        open_fds: Option<u64>,
        certificates_expire_at: Option<u64>,
    ) -> Self {
        Self {
            draining,
            reload_successful,
            events,
            local_stall: table.stalled_total(),
            lag: table.lag(),
            open_fds,
            max_fds: lastword_sys::max_fds(),
            certificates_expire_at,
        }
    }
}

impl Metrics {
    /// Makes every handle with the current recorder: every reachable series exists with the value 0 from now on.
    pub(crate) fn new(config: &MetricsConfig, settings: &Settings) -> Self {
        catalogue::describe();
        gauge!("lastword_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        bounds(&settings.bounds);
        let direction = |name: &'static str| {
            [
                counter!(name, "direction" => "in"),
                counter!(name, "direction" => "out"),
            ]
        };
        Self {
            opened: counter!("lastword_connections_opened_total"),
            open: gauge!("lastword_connections_open"),
            limit: gauge!("lastword_connections_limit"),
            disconnects: disconnects(&config.cohorts),
            departures: departures(&config.cohorts),
            accept_errors: AcceptError::ALL
                .map(|error| counter!("lastword_accept_errors_total", "error" => error.label())),
            game_closes: game_closes(&config.game_codes),
            unknown_names: NameKind::ALL
                .map(|kind| counter!("lastword_unknown_names_total", "kind" => kind.label())),
            joined: counter!("lastword_sessions_joined_total"),
            sessions_open: gauge!("lastword_sessions_open"),
            suspended: gauge!("lastword_sessions_suspended"),
            resumes: ResumeOutcome::ALL
                .map(|outcome| counter!("lastword_resumes_total", "outcome" => outcome.label())),
            frames: direction("lastword_frames_total"),
            bytes: direction("lastword_bytes_total"),
            drained_bytes: counter!("lastword_drained_bytes_total"),
            undelivered_frames: direction("lastword_undelivered_frames_total"),
            undelivered_bytes: direction("lastword_undelivered_bytes_total"),
            frames_dropped: ["close", "drop_oldest", "latest"]
                .map(|policy| counter!("lastword_frames_dropped_total", "policy" => policy)),
            suspects: Diagnosis::ALL.map(
                |diagnosis| counter!("lastword_suspects_total", "diagnosis" => diagnosis.label()),
            ),
            suspected: Diagnosis::ALL.map(
                |diagnosis| gauge!("lastword_sessions_suspect", "diagnosis" => diagnosis.label()),
            ),
            paused: gauge!("lastword_inbound_paused_sessions"),
            congested: gauge!("lastword_sessions_congested"),
            rate_limits: counter!("lastword_rate_limits_total"),
            rate_limited: gauge!("lastword_rate_limited_sessions"),
            events: gauge!("lastword_event_queue_length"),
            local_stall: counter!("lastword_local_stall_seconds_total"),
            lag: gauge!("lastword_runtime_lag_seconds"),
            draining: gauge!("lastword_draining"),
            reload_successful: gauge!("lastword_config_last_reload_successful"),
            certificates_expire: gauge!("lastword_certificate_expiry_timestamp_seconds"),
            open_fds: gauge!("lastword_open_fds"),
            max_fds: gauge!("lastword_max_fds"),
            detection: detection(&settings.profiles),
            session_duration: histogram!("lastword_session_duration_seconds"),
            resume_away: histogram!("lastword_resume_away_seconds"),
            brief_sessions: brief_sessions(),
            told: told(),
            auth_duration: histogram!("lastword_auth_duration_seconds"),
            heartbeat_rtt: histogram!("lastword_heartbeat_rtt_seconds"),
        }
    }

    /// Publishes one snapshot of the books. The counts of unknown names are by [`NameKind::ALL`].
    pub(crate) fn publish(
        &self,
        counts: &Counts,
        totals: Totals,
        unknown_names: [u64; NameKind::ALL.len()],
        state: State,
    ) {
        self.opened.absolute(counts.opened);
        self.open.set(as_f64(counts.open));
        self.limit.set(as_f64(counts.places));
        self.joined.absolute(counts.joined);
        self.sessions_open.set(as_f64(counts.sessions_open));
        self.suspended.set(as_f64(counts.suspended));
        publish_all(&self.resumes, counts.resumes);
        for (cause, phase, cohort, counter) in &self.disconnects {
            counter.absolute(counts.disconnects(*cause, *phase, *cohort));
        }
        for (cause, cohort, counter) in &self.departures {
            counter.absolute(counts.departures(*cause, *cohort));
        }
        publish_all(&self.accept_errors, counts.accept_errors);
        for (cause, code, counter) in &self.game_closes {
            counter.absolute(counts.game_closes(*cause, *code));
        }
        publish_all(&self.unknown_names, unknown_names);
        publish_all(&self.suspects, totals.suspects);
        for (gauge, sessions) in self.suspected.iter().zip(totals.suspected) {
            gauge.set(as_f64(sessions));
        }
        self.paused.set(as_f64(totals.paused));
        self.congested.set(as_f64(totals.congested));
        self.rate_limits.absolute(totals.rate_limits);
        self.rate_limited.set(as_f64(totals.rate_limited));
        self.events
            .set(as_f64(u64::try_from(state.events).unwrap_or(u64::MAX)));
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
        publish_all(
            &self.frames_dropped,
            [counts.dropped_by_close, totals.dropped, totals.replaced],
        );
        // A counter counts whole seconds only; a part of a second is shown once the second is complete.
        self.local_stall.absolute(state.local_stall.as_secs());
        self.lag.set(state.lag.as_secs_f64());
        self.draining.set(flag(state.draining));
        self.reload_successful.set(flag(state.reload_successful));
        let expire_at = state.certificates_expire_at;
        self.certificates_expire
            .set(expire_at.map_or(f64::INFINITY, as_f64));
        self.open_fds.set(state.open_fds.map_or(f64::NAN, as_f64));
        self.max_fds
            .set(state.max_fds.map_or(f64::INFINITY, as_f64));
    }

    /// Records how long a session was.
    pub(crate) fn departed(&self, cause: DepartureCause, lived: Duration) {
        self.session_duration.record(lived);
        let mut brief = self.brief_sessions.iter();
        let brief = brief.find(|(of, _)| DepartureCause::from(*of) == cause);
        if let Some((_, counter)) = brief.filter(|_| lived < BRIEF) {
            counter.increment(1);
        }
    }

    /// Counts a client's account of an end with a cause of this class.
    pub(crate) fn told(&self, class: Class, both_ends: BothEnds) {
        let mut told = self.told.iter();
        let series = told.find(|(of, both, _)| (*of, *both) == (class, both_ends));
        if let Some((_, _, counter)) = series {
            counter.increment(1);
        }
    }

    /// Records how long the silence was that one end followed.
    pub(crate) fn ended(&self, ending: &Ending, profile: ProfileName) {
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

fn disconnects(cohorts: &[String]) -> Vec<(Cause, Phase, usize, Counter)> {
    let mut all = Vec::new();
    for cause in Cause::ALL {
        for &phase in cause.phases() {
            // No connection has a cohort before the authenticator gave one.
            let named = if phase == Phase::Live { cohorts } else { &[] };
            for (index, cohort) in with_none(named) {
                let counter = counter!("lastword_disconnects_total", "cause" => cause.label(),
                    "class" => cause.class().label(), "initiator" => cause.initiator().label(),
                    "phase" => phase.label(), "cohort" => cohort.to_owned());
                all.push((cause, phase, index, counter));
            }
        }
    }
    all
}

fn brief_sessions() -> Vec<(Cause, Counter)> {
    let counters = of_sessions().map(|cause| {
        let counter = counter!("lastword_brief_sessions_total", "cause" => cause.label(),
            "class" => cause.class().label());
        (cause, counter)
    });
    counters.collect()
}

fn told() -> Vec<(Class, BothEnds, Counter)> {
    let classes = Class::ALL.into_iter().filter(|class| {
        let mut lost = of_sessions().filter(|cause| cause.may_be_told());
        lost.any(|cause| cause.class() == *class)
    });
    let counters = classes.flat_map(|class| {
        BothEnds::ALL.map(|both_ends| {
            let counter = counter!("lastword_peer_told_total", "class" => class.label(),
                "both_ends" => both_ends.label());
            (class, both_ends, counter)
        })
    });
    counters.collect()
}

fn departures(cohorts: &[String]) -> Vec<(DepartureCause, usize, Counter)> {
    let causes = of_sessions().map(DepartureCause::from);
    let causes = causes.chain([DepartureCause::ResumeExpired]);
    let counters = causes.flat_map(|cause| {
        with_none(cohorts).map(move |(index, cohort)| {
            let counter = counter!("lastword_departures_total", "cause" => cause.label(),
                "class" => cause.class().label(), "cohort" => cohort.to_owned());
            (cause, index, counter)
        })
    });
    counters.collect()
}

/// The causes that can end a session.
fn of_sessions() -> impl Iterator<Item = Cause> {
    let causes = Cause::ALL.into_iter();
    causes.filter(|cause| cause.occurs_in(Phase::Live))
}

/// The cohorts by their index; the first is `none`.
fn with_none(cohorts: &[String]) -> impl Iterator<Item = (usize, &str)> {
    let named = cohorts.iter().map(String::as_str);
    std::iter::once(MetricsConfig::NO_COHORT)
        .chain(named)
        .enumerate()
}

fn game_closes(codes: &[u16]) -> Vec<(Cause, Option<u16>, Counter)> {
    let of = |cause: Cause| {
        let codes = codes.iter().copied().map(Some).chain([None]);
        codes.map(move |code| {
            let label = code.map_or_else(|| "undeclared".to_owned(), |code| code.to_string());
            let counter =
                counter!("lastword_game_closes_total", "cause" => cause.label(), "code" => label);
            (cause, code, counter)
        })
    };
    GAME_CLOSES.into_iter().flat_map(of).collect()
}

fn detection(profiles: &[Profile]) -> Vec<(Cause, ProfileName, Histogram)> {
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

/// The bound of each silent cause that is produced. It is `+Inf` if the cause never occurs or the kernel decides when.
fn bounds(bounds: &[Bound]) {
    for bound in bounds {
        gauge!("lastword_detection_bound_seconds", "cause" => bound.cause.label(),
            "profile" => bound.profile.to_string())
        .set(
            bound
                .within
                .map_or(f64::INFINITY, |within| within.as_secs_f64()),
        );
    }
}

fn flag(is_set: bool) -> f64 {
    if is_set { 1.0 } else { 0.0 }
}

fn publish_all<const N: usize>(counters: &[Counter; N], values: [u64; N]) {
    for (counter, value) in counters.iter().zip(values) {
        counter.absolute(value);
    }
}

/// A gauge is a float: exact up to 2^53, rounded to the nearest float beyond.
fn as_f64(count: u64) -> f64 {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).map_or(0.0, f64::from);
    half(count >> 32) * TWO_TO_THE_32 + half(count)
}

/// A session that lived for less is probably a status ping and not a player.
const BRIEF: Duration = Duration::from_secs(1);
const TWO_TO_THE_32: f64 = 4_294_967_296.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_beyond_four_billion_is_a_gauge_like_any_other() {
        for (count, gauge) in [
            (0, 0.0),
            (4_294_967_295, 4_294_967_295.0),
            (4_294_967_296, 4_294_967_296.0),
            (9_007_199_254_740_991, 9_007_199_254_740_991.0),
            (u64::MAX, 18_446_744_073_709_551_616.0),
        ] {
            assert!((as_f64(count) - gauge).abs() < 0.5, "{count}");
        }
    }
}
