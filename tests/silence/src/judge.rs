//! Compares the records of a scene with its fault: which sessions had to end, with which cause, and how soon.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use lastword::Cause;
use lastword_load::{Expected, Pairs, Record};
use serde::Serialize;
use serde_json::Value;

use crate::figures::Figures;
use crate::messages::{Account, ServerInfo, Stamp};

/// The facts of a scene: its players and its fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SceneFacts<'a> {
    /// The expected record of each session.
    pub(crate) expected: &'a Expected,
    /// The causes that are false, also where several ends are right.
    pub(crate) never: &'a [Cause],
    pub(crate) names: &'a [String],
    /// When the fault had reached every player.
    pub(crate) fault_at: Stamp,
    /// The longest time from a packet to its answer.
    pub(crate) round_trip: Duration,
    /// Whether only the server's own timer may end a silence, at its dead limit.
    pub(crate) is_ours_to_find: bool,
    pub(crate) server: &'a ServerInfo,
}

/// The end of one connection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) at: Stamp,
    pub(crate) record: Record,
    /// The record as the library wrote it.
    pub(crate) json: Value,
}

/// The accounts of both ends of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) player: String,
    pub(crate) game: Account,
    pub(crate) client: Account,
}

/// The result of a scene.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Judgement {
    /// Whether it could not be played on this machine; the note says why.
    pub(crate) is_skipped: bool,
    /// Other measurements, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
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
    pub(crate) fn of(facts: SceneFacts<'_>, ends: &[End]) -> Self {
        let mut judgement = Self::default();
        let mut pairs = Pairs::default();
        for name in facts.names {
            pairs.add_client(name.as_str(), name);
        }
        for end in ends {
            let cause = end.record.cause.label();
            *judgement.causes.entry(cause).or_default() += 1;
            let player = end.record.player.as_deref().unwrap_or_default();
            let deviation = match pairs.add_record(player, end) {
                Some(_) => facts.deviation(end),
                None if facts.names.iter().any(|name| name == player) => {
                    Some("ended again".to_owned())
                }
                None => Some("is not a player of this scene".to_owned()),
            };
            judgement.wrong.extend(deviation.map(|what| Wrong {
                player: player.to_owned(),
                what,
                record: Some(end.json.clone()),
            }));
        }
        if matches!(facts.expected, Expected::Ends(_)) {
            for name in pairs.clients() {
                judgement.report_wrong(name, "never ended");
            }
        }
        judgement.measure(facts, ends);
        judgement
    }

    /// Checks that the frames of each session arrived, each once and in order.
    pub(crate) fn compare_flow(&mut self, flows: &[Flow]) {
        for Flow {
            player,
            game,
            client,
        } in flows
        {
            for (end, from, to) in [("the client", game, client), ("the game", client, game)] {
                if to.out_of_turn > 0 {
                    let what = format!("{end} took {} frames out of turn", to.out_of_turn);
                    self.report_wrong(player, what);
                }
                if from.sent > 0 && to.taken == 0 {
                    self.report_wrong(player, format!("{end} took none of {} frames", from.sent));
                }
            }
        }
    }

    /// Adds a deviation that is in no record.
    pub(crate) fn report_wrong(&mut self, player: &str, what: impl Into<String>) {
        self.wrong.push(Wrong {
            player: player.to_owned(),
            what: what.into(),
            record: None,
        });
    }

    fn measure(&mut self, facts: SceneFacts<'_>, ends: &[End]) {
        let records = || ends.iter().map(|end| &end.record);
        self.measured_ms = Figures::of(records().filter_map(|record| record.silent_ms).collect());
        let bounds = records().filter_map(|record| facts.bound_ms(record.cause));
        self.bound_ms = bounds.max();
        self.own_stall_ms = Figures::of(records().map(|record| record.own_stall_ms).collect());
        self.stalled = records().filter(|record| facts.excuses(record)).count();
    }
}

impl SceneFacts<'_> {
    /// Returns how the end of a player deviates from the expected one.
    fn deviation(&self, end: &End) -> Option<String> {
        let cause = end.record.cause;
        if self.never.contains(&cause) {
            return Some(format!("recorded as {cause}, which is false here"));
        }
        if let Some(deviation) = self.expected.deviation(end.record.ending()) {
            return Some(deviation);
        }
        if end.at < self.fault_at {
            return Some("ended before the fault".to_owned());
        }
        self.early_by(end).or_else(|| self.late_by(end))
    }

    /// Returns by how much something else ended a silence before the server's own timer.
    fn early_by(&self, end: &End) -> Option<String> {
        let dead_ms = self.server.profile.dead_ms;
        let is_early = end.record.silent_ms.is_some_and(|ms| ms < dead_ms);
        let cause = end.record.cause;
        // Here the limit counts from our first unacknowledged byte: the peer may have been heard since.
        let is_timed = is_silence(cause) && cause != Cause::PathDeadOutbound;
        let is_timed = self.is_ours_to_find && is_timed;
        (is_timed && is_early).then(|| {
            let silent_ms = end.record.silent_ms.unwrap_or_default();
            format!("silent for {silent_ms} ms only, and the dead limit is {dead_ms} ms")
        })
    }

    /// Returns how an end broke its bound, by its own record or by our clock.
    fn late_by(&self, end: &End) -> Option<String> {
        let record = &end.record;
        let bound_ms = self.bound_ms(record.cause)?;
        let Some(silent_ms) = record.silent_ms else {
            return Some("does not say how long it was silent".to_owned());
        };
        let allowed_ms = bound_ms + record.own_stall_ms;
        if silent_ms > allowed_ms {
            return Some(format!(
                "silent for {silent_ms} ms, and the bound is {allowed_ms} ms"
            ));
        }
        // Where a session may live on, its silence may begin long after the fault.
        if !is_silence(record.cause) || matches!(self.expected, Expected::MayEnd(_)) {
            return None;
        }
        let ours = end.at.since(self.fault_at);
        let most = Duration::from_millis(allowed_ms) + self.clock_margin(record.cause);
        (ours > most)
            .then(|| format!("noticed {ours:.1?} after the fault, and says {silent_ms} ms"))
    }

    /// Returns whether the end was in time only because the server itself stood still.
    fn excuses(&self, record: &Record) -> bool {
        let bound_ms = self.bound_ms(record.cause).unwrap_or_default();
        record.own_stall_ms >= STALL_MS && record.silent_ms > Some(bound_ms)
    }

    fn bound_ms(&self, cause: Cause) -> Option<u64> {
        self.server.bounds_ms.get(cause.label()).copied()
    }

    /// Returns the time that our clock may add. Packets on their way still arrive. Where the peer's direction works, its
    /// next heartbeat does, too. So a cut of our direction alone counts from the answer to that heartbeat, and a dead
    /// network of our own from the heartbeat itself.
    fn clock_margin(&self, cause: Cause) -> Duration {
        let heartbeat = Duration::from_millis(self.server.profile.heartbeat_ms);
        if matches!(cause, Cause::PathDeadOutbound | Cause::LocalNetworkDown) {
            self.round_trip + heartbeat + CLOCK_MARGIN
        } else {
            self.round_trip + CLOCK_MARGIN
        }
    }
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

/// From this value on, a lateness of the server is a stall, as in the library. Less is usual on any machine.
const STALL_MS: u64 = 20;

/// The time between the verdict and its record. The last frames are written, and then the peer's FIN is awaited. Each
/// takes at most 100 ms and the time to the next sweep of the deadlines.
const CLOCK_MARGIN: Duration = Duration::from_millis(450);
