//! Compares the server's counters with its records: both laws at every scrape, and equal counts at the end.

use std::collections::{BTreeMap, BTreeSet};

use lastword_session::Phase;

use crate::{Record, Scrape};

/// The counts and the records since the storm began.
#[derive(Debug)]
pub(super) struct CounterCheck {
    base: Scrape,
    last: Scrape,
    /// Records by the labels of cause and phase.
    recorded: BTreeMap<(String, String), u64>,
    /// Records of sessions, by the label of the cause.
    departed: BTreeMap<String, u64>,
}

impl CounterCheck {
    pub(super) fn new(base: Scrape) -> Self {
        Self {
            last: base.clone(),
            base,
            recorded: BTreeMap::new(),
            departed: BTreeMap::new(),
        }
    }

    pub(super) fn recorded(&mut self, record: &Record) {
        let cause = record.cause.label().to_owned();
        let ending = (cause.clone(), record.phase.label().to_owned());
        *self.recorded.entry(ending).or_default() += 1;
        if record.phase == Phase::Live {
            *self.departed.entry(cause).or_default() += 1;
        }
    }

    /// Adds a scrape. Returns the law that it breaks.
    pub(super) fn scraped(&mut self, scrape: Scrape) -> Option<String> {
        let broken = scrape.broken_law().or_else(|| self.shrunk(&scrape));
        self.last = scrape;
        broken
    }

    /// Describes the differences between the last scrape and the records.
    pub(super) fn differences(&self) -> Vec<String> {
        let ends = differences(
            &self.base.disconnects,
            &self.last.disconnects,
            &self.recorded,
        );
        let ends = ends.map(|((cause, phase), counted, recorded)| {
            format!("{counted} ends by {cause} in {phase} are counted, and {recorded} recorded")
        });
        let departures = differences(&self.base.departures, &self.last.departures, &self.departed);
        let departures = departures.map(|(cause, counted, recorded)| {
            format!("{counted} departures by {cause} are counted, and {recorded} sessions recorded")
        });
        ends.chain(departures).collect()
    }

    /// Describes the connections and sessions that are open and were not before. The laws alone do not find these:
    /// with a surplus on both sides, the laws still hold.
    pub(super) fn left_open(&self) -> Vec<String> {
        let sessions = |scrape: &Scrape| scrape.sessions_open + scrape.suspended;
        let pairs = [
            ("connections", self.base.open, self.last.open),
            ("sessions", sessions(&self.base), sessions(&self.last)),
        ];
        let grown = pairs.into_iter().filter(|(_, before, now)| now > before);
        grown
            .map(|(what, before, now)| format!("{now} {what} are open, and {before} were before"))
            .collect()
    }

    fn shrunk(&self, scrape: &Scrape) -> Option<String> {
        let pairs = [
            ("opened", self.last.opened, scrape.opened),
            ("joined", self.last.joined, scrape.joined),
            ("ended", self.last.ended(), scrape.ended()),
            ("departed", self.last.departed(), scrape.departed()),
        ];
        let shrunk = pairs.into_iter().find(|(_, before, now)| now < before);
        shrunk.map(|(what, before, now)| format!("{now} {what}, and {before} a moment before"))
    }
}

/// Returns the keys whose counted and recorded numbers differ, with both numbers.
fn differences<'b, K: Ord + 'b>(
    base: &'b BTreeMap<K, u64>,
    last: &'b BTreeMap<K, u64>,
    recorded: &'b BTreeMap<K, u64>,
) -> impl Iterator<Item = (&'b K, u64, u64)> {
    let keys: BTreeSet<_> = last.keys().chain(recorded.keys()).collect();
    let of = |counts: &BTreeMap<K, u64>, key: &K| counts.get(key).copied().unwrap_or(0);
    keys.into_iter()
        .map(move |key| {
            let counted = of(last, key).saturating_sub(of(base, key));
            (key, counted, of(recorded, key))
        })
        .filter(|(_, counted, recorded)| counted != recorded)
}
