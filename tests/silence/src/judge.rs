//! Compares the records of a scene with its fault: which sessions had to end, with which cause, and how soon.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use lastword::Cause;
use lastword_load::{Expected, Record};
use serde::Serialize;
use serde_json::Value;

use crate::figures::Figures;
use crate::scene::Ended;
use crate::words::{ServerFacts, Stamp};

/// The facts of a scene: its players and its fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth<'a> {
    /// The expected record of each session.
    pub(crate) expected: &'a Expected,
    pub(crate) names: &'a [String],
    /// When the fault had reached every player.
    pub(crate) struck_at: Stamp,
    pub(crate) facts: &'a ServerFacts,
}

/// The result of a scene.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Judgement {
    /// How many sessions ended, by the label of their cause.
    pub(crate) causes: BTreeMap<&'static str, usize>,
    /// The deviations from the expected records.
    pub(crate) wrong: Vec<Wrong>,
    /// The time from the last sign of life to the verdict, or another measure of the scene, in milliseconds.
    pub(crate) measured_ms: Option<Figures>,
    /// The bound of that time, from the configuration, for the causes that occurred.
    pub(crate) bound_ms: Option<u64>,
    /// How long the server stood still meanwhile, in milliseconds.
    pub(crate) own_stall_ms: Option<Figures>,
    /// How many records are in time only because of such a stall.
    pub(crate) stalled: usize,
    /// How often a peer became suspect, by diagnosis, where the scene asked for it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) suspects: BTreeMap<String, u64>,
}

/// One deviation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Wrong {
    pub(crate) player: String,
    pub(crate) what: String,
    /// The record, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<Value>,
}

impl Judgement {
    /// Judges the ends of a scene.
    pub(crate) fn of(truth: Truth<'_>, ends: &[Ended]) -> Self {
        let mut judgement = Self::default();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for ended in ends {
            let label = ended.record.cause.label();
            *judgement.causes.entry(label).or_default() += 1;
            let player = ended.record.player.as_deref().unwrap_or_default();
            let times = seen.entry(player).or_default();
            *times += 1;
            judgement
                .wrong
                .extend(flaw(truth, ended, *times).map(|what| Wrong {
                    player: player.to_owned(),
                    what,
                    record: Some(ended.json.clone()),
                }));
        }
        judgement.count_missing(truth, &seen);
        judgement.measure(truth, ends);
        judgement
    }

    /// Adds a deviation that is in no record.
    pub(crate) fn object(&mut self, player: &str, what: impl Into<String>) {
        self.wrong.push(Wrong {
            player: player.to_owned(),
            what: what.into(),
            record: None,
        });
    }

    fn count_missing(&mut self, truth: Truth<'_>, seen: &HashMap<&str, usize>) {
        if *truth.expected == Expected::Lives {
            return;
        }
        for name in truth.names {
            if !seen.contains_key(name.as_str()) {
                self.object(name, "never ended");
            }
        }
    }

    fn measure(&mut self, truth: Truth<'_>, ends: &[Ended]) {
        let records = || ends.iter().map(|ended| &ended.record);
        self.measured_ms = Figures::of(records().filter_map(|record| record.silent_ms).collect());
        let bounds = records().filter_map(|record| truth.bound_ms(record.cause));
        self.bound_ms = bounds.max();
        self.own_stall_ms = Figures::of(records().map(|record| record.own_stall_ms).collect());
        self.stalled = records().filter(|record| truth.excuses(record)).count();
    }
}

impl Truth<'_> {
    /// Returns whether the end was in time only because the server itself stood still.
    fn excuses(&self, record: &Record) -> bool {
        let bound_ms = self.bound_ms(record.cause).unwrap_or_default();
        record.own_stall_ms >= STALL_MS && record.silent_ms > Some(bound_ms)
    }

    fn bound_ms(&self, cause: Cause) -> Option<u64> {
        self.facts.bounds_ms.get(cause.label()).copied()
    }
}

/// Returns the deviation of an end, the `times`-th of its player.
fn flaw(truth: Truth<'_>, ended: &Ended, times: usize) -> Option<String> {
    let record = &ended.record;
    let player = record.player.as_deref().unwrap_or_default();
    if !truth.names.iter().any(|name| name == player) {
        return Some("nobody of this name played".to_owned());
    }
    if times > 1 {
        return Some("ended again".to_owned());
    }
    if let Some(flaw) = truth.expected.flaw(record.ending()) {
        return Some(flaw);
    }
    if ended.at < truth.struck_at {
        return Some("ended before anything befell it".to_owned());
    }
    tardiness(truth, ended)
}

/// Returns how an end broke its bound, by its own record or by our clock.
fn tardiness(truth: Truth<'_>, ended: &Ended) -> Option<String> {
    let record = &ended.record;
    let bound_ms = truth.bound_ms(record.cause)?;
    let Some(silent_ms) = record.silent_ms else {
        return Some("does not say how long it was silent".to_owned());
    };
    let allowed_ms = bound_ms + record.own_stall_ms;
    if silent_ms > allowed_ms {
        return Some(format!(
            "silent for {silent_ms} ms, and the bound is {allowed_ms} ms"
        ));
    }
    if !is_silence(record.cause) {
        return None;
    }
    let ours = ended.at.since(truth.struck_at);
    let most = Duration::from_millis(allowed_ms) + truth.grace(record.cause);
    (ours > most).then(|| format!("noticed {ours:.1?} after the fact, and says {silent_ms} ms"))
}

/// Returns whether the silence counts from the last byte in, which came before the fault, or from our next byte out.
const fn is_silence(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::PathDead
            | Cause::PathDeadOutbound
            | Cause::LocalNetworkDown
            | Cause::PeerSilent
            | Cause::PeerFrozen
    )
}

impl Truth<'_> {
    /// Returns the time that our clock may add. Where the peer's direction works, its next heartbeat still arrives. So
    /// a cut of our direction alone counts from the answer to that heartbeat, and a dead network of our own from the
    /// heartbeat itself.
    fn grace(&self, cause: Cause) -> Duration {
        let heartbeat = Duration::from_millis(self.facts.profile.heartbeat_ms);
        if matches!(cause, Cause::PathDeadOutbound | Cause::LocalNetworkDown) {
            heartbeat + CLOCK_GRACE
        } else {
            CLOCK_GRACE
        }
    }
}

/// From this value on, a lateness of the server is a stall, as in the library. Less is usual on any machine.
const STALL_MS: u64 = 20;

/// The time between the verdict and its record. The last frames are written, and then the peer's FIN is awaited. Each
/// takes at most 100 ms and the time to the next sweep of the deadlines.
const CLOCK_GRACE: Duration = Duration::from_millis(450);
