//! The keys of a scenario: their names, their allowed values, and the error texts.

use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::CONNECTIONS;
use crate::Way;

/// A key at the top of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Connections,
    AtOnce,
    RatePerSecond,
    Frames,
    PayloadBytes,
    Seed,
    Ways,
}

impl Key {
    const ALL: [Self; 7] = [
        Self::Connections,
        Self::AtOnce,
        Self::RatePerSecond,
        Self::Frames,
        Self::PayloadBytes,
        Self::Seed,
        Self::Ways,
    ];

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::AtOnce => "at_once",
            Self::RatePerSecond => "rate_per_second",
            Self::Frames => "frames",
            Self::PayloadBytes => "payload_bytes",
            Self::Seed => "seed",
            Self::Ways => "ways",
        }
    }

    /// The allowed numbers.
    fn numbers(self) -> RangeInclusive<i64> {
        match self {
            Self::Connections => i64::from(*CONNECTIONS.start())..=i64::from(*CONNECTIONS.end()),
            Self::AtOnce => 1..=15_000,
            Self::RatePerSecond => 1..=1_000_000,
            Self::Frames => 0..=1_000,
            Self::PayloadBytes => 1..=16_384,
            Self::Seed => 0..=i64::MAX,
            Self::Ways => WEIGHTS,
        }
    }

    fn allowed(self) -> String {
        let numbers = self.numbers();
        let (first, last) = (numbers.start(), numbers.end());
        match self {
            Self::Connections | Self::AtOnce | Self::RatePerSecond | Self::Seed => {
                format!("{first} to {last}")
            }
            Self::Frames | Self::PayloadBytes => {
                format!("[LEAST, MOST], both {first} to {last}")
            }
            Self::Ways => "a table: write [ways], and below it lines of NAME = WEIGHT".to_owned(),
        }
    }

    pub(super) fn wrong(self, source: &str) -> String {
        let source = source.split_whitespace().collect::<Vec<_>>().join(" ");
        format!(
            "`{}` is {source}; allowed is {}",
            self.name(),
            self.allowed()
        )
    }

    /// Reads a number of this key.
    pub(super) fn number<T: TryFrom<i64>>(
        self,
        value: &DeValue<'_>,
        source: &str,
    ) -> Result<T, String> {
        integer(value)
            .filter(|number| self.numbers().contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| self.wrong(source))
    }

    /// Reads a range of this key.
    pub(super) fn range(self, value: &DeValue<'_>, source: &str) -> Result<(u32, u32), String> {
        let bounds = value
            .as_array()
            .map(|bounds| bounds.iter().collect::<Vec<_>>());
        let Some([least, most]) = bounds.as_deref() else {
            return Err(self.wrong(source));
        };
        let least: u32 = self.number(least.get_ref(), source)?;
        let most = self.number(most.get_ref(), source)?;
        if least > most {
            return Err(self.wrong(source));
        }
        Ok((least, most))
    }
}

/// Reads the weight of a way.
pub(super) fn weight(value: &DeValue<'_>) -> Option<u32> {
    let weight = integer(value).filter(|weight| WEIGHTS.contains(weight))?;
    u32::try_from(weight).ok()
}

pub(super) fn wrong_weight(way: &str, source: &str) -> String {
    let (first, last) = (WEIGHTS.start(), WEIGHTS.end());
    format!("`ways.{way}` is {source}; allowed is {first} (never) to {last}")
}

pub(super) fn unknown(name: &str) -> String {
    let known: Vec<_> = Key::ALL.into_iter().map(Key::name).collect();
    format!("there is no key `{name}`; {}", advice(name, &known))
}

pub(super) fn unknown_way(name: &str) -> String {
    let known: Vec<_> = Way::all().map(|way| way.name).collect();
    format!("there is no way `{name}`; {}", advice(name, &known))
}

pub(super) fn no_ways() -> String {
    "no way has a weight: write [ways], and below it lines of NAME = WEIGHT".to_owned()
}

pub(super) fn waits_in_vain(way: &str) -> String {
    format!(
        "`ways.{way}` needs an answer, and `frames` allows none: allow at least one frame, or remove the way"
    )
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Returns the known name with the fewest typing errors, if they are few; otherwise all names.
fn advice(name: &str, known: &[&str]) -> String {
    let distances = known
        .iter()
        .map(|known| (strsim::osa_distance(name, known), known));
    match distances.min_by_key(|(distance, _)| *distance) {
        Some((distance, nearest)) if distance <= nearest.len().max(3) / 3 => {
            format!("did you mean `{nearest}`?")
        }
        _ => format!("there are {}", known.join(", ")),
    }
}

const WEIGHTS: RangeInclusive<i64> = 0..=1_000_000;
