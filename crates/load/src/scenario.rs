//! A scenario: how many clients come, how fast, with which frames, and how often each way is played. It is read from
//! TOML. All errors of a file are reported at once, one on each line.

mod keys;
mod problem;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Way;
use crate::client_rng::ClientRng;
use keys::Key;
use problem::Problem;

/// The plan of a storm.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Connections in all. 1 to 10,000,000. Default 10,000.
    pub connections: u32,
    /// Connections open at the same time; each needs a file descriptor. 1 to 15,000. Default 200.
    pub at_once: u32,
    /// Connections begun per second, 1 to 1,000,000. Default: as fast as possible.
    pub rate_per_second: Option<u32>,
    /// Data frames that a session sends before it leaves, the least and the most; it waits for the echo of each. 0 to
    /// 1,000. Default 0 to 4. If the most is 0, the game need not send anything back.
    pub frames: (u32, u32),
    /// Bytes of payload of a data frame, the least and the most. 1 to 16,384. Default 16 to 1,024.
    pub payload_bytes: (u32, u32),
    /// The seed of all random choices. Default 1.
    pub seed: u64,
    /// The ways to end, each with its weight. At least one weight is more than 0.
    pub ways: Vec<(&'static Way, u32)>,
}

impl Scenario {
    /// Reads the text of a scenario file.
    ///
    /// # Errors
    /// A line for each error, which begins with the line's number in the file.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut problems: Vec<_> = errors
            .iter()
            .map(|error| Problem::syntax(text, error))
            .collect();
        let mut scenario = Self::default();
        if problems.is_empty() {
            scenario.take(text, table.get_ref(), &mut problems);
        }
        if problems.is_empty() {
            return Ok(scenario);
        }
        problems.sort_by_key(|problem| problem.line);
        Err(problems.iter().map(ToString::to_string).collect())
    }

    /// Tells whether one of its ways needs a game that obeys.
    #[must_use]
    pub fn needs_the_game(&self) -> bool {
        self.ways
            .iter()
            .any(|(way, weight)| way.needs_the_game && *weight > 0)
    }

    /// Returns the way of client `n`, and the client's generator for all other choices.
    pub(crate) fn way_of(&self, n: u32) -> Option<(&'static Way, ClientRng)> {
        let mut rng = ClientRng::of(self.seed, n);
        let total = self.ways.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut left = rng.below(total);
        for (way, weight) in &self.ways {
            match left.checked_sub(u64::from(*weight)) {
                Some(after) => left = after,
                None => return Some((way, rng)),
            }
        }
        None
    }

    fn take(&mut self, text: &str, table: &DeTable<'_>, problems: &mut Vec<Problem>) {
        for (name, value) in table {
            let taken = match Key::find(name.get_ref()) {
                Some(key) => self.set(key, value, text, problems),
                None => Err(keys::unknown(name.get_ref())),
            };
            if let Err(words) = taken {
                problems.push(Problem::at(text, &name.span(), words));
            }
        }
        if problems.is_empty() && self.ways.iter().all(|(_, weight)| *weight == 0) {
            problems.push(Problem::at(text, &(0..0), keys::no_ways()));
        }
        if self.frames.1 == 0 {
            let ways = table
                .iter()
                .filter_map(|(_, value)| value.get_ref().as_table());
            let names = ways.flat_map(DeTable::keys);
            let silent = names.filter(|name| self.waits_in_vain(name.get_ref()));
            problems.extend(silent.map(|name| {
                let words = keys::waits_in_vain(name.get_ref());
                Problem::at(text, &name.span(), words)
            }));
        }
    }

    /// Whether this way is played, and needs an echo that the game does not have to send.
    fn waits_in_vain(&self, name: &str) -> bool {
        let mut taken = self.ways.iter().filter(|(_, weight)| *weight > 0);
        taken.any(|(way, _)| way.name == name && way.needs_an_answer())
    }

    fn set(
        &mut self,
        key: Key,
        value: &Spanned<DeValue<'_>>,
        text: &str,
        problems: &mut Vec<Problem>,
    ) -> Result<(), String> {
        let source = text.get(value.span()).unwrap_or_default();
        let value = value.get_ref();
        match key {
            Key::Connections => self.connections = key.number(value, source)?,
            Key::AtOnce => self.at_once = key.number(value, source)?,
            Key::RatePerSecond => self.rate_per_second = Some(key.number(value, source)?),
            Key::Frames => self.frames = key.range(value, source)?,
            Key::PayloadBytes => self.payload_bytes = key.range(value, source)?,
            Key::Seed => self.seed = key.number(value, source)?,
            Key::Ways => {
                let table = value.as_table().ok_or_else(|| key.wrong(source))?;
                self.take_ways(text, table, problems);
            }
        }
        Ok(())
    }

    fn take_ways(&mut self, text: &str, table: &DeTable<'_>, problems: &mut Vec<Problem>) {
        for (name, weight) in table {
            let source = text.get(weight.span()).unwrap_or_default();
            match (Way::find(name.get_ref()), keys::weight(weight.get_ref())) {
                (Some(way), Some(weight)) => self.ways.push((way, weight)),
                (Some(way), None) => {
                    let words = keys::wrong_weight(way.name, source);
                    problems.push(Problem::at(text, &name.span(), words));
                }
                (None, _) => {
                    let words = keys::unknown_way(name.get_ref());
                    problems.push(Problem::at(text, &name.span(), words));
                }
            }
        }
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            connections: 10_000,
            at_once: 200,
            rate_per_second: None,
            frames: (0, 4),
            payload_bytes: (16, 1_024),
            seed: 1,
            ways: Vec::new(),
        }
    }
}

/// The allowed number of connections.
pub const CONNECTIONS: RangeInclusive<u32> = 1..=10_000_000;
