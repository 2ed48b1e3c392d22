//! The mismatches: the number of each kind, and the first few in words.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::fmt;

use serde::Serialize;

/// The kind of a mismatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A connection was recorded with a wrong cause or phase.
    WrongCause,
    /// The server did not receive exactly the frames that were sent, or did not hand all of them to the game.
    FramesDiffer,
    /// A connection has no record.
    NotRecorded,
    /// A connection has more than one record.
    RecordedTwice,
    /// The records are not consecutive.
    SequenceBroken,
    /// Records left the ring before they were read.
    RecordsMissed,
    /// A law did not hold at a scrape.
    LawBroken,
    /// The counters differ from the records.
    CountersDiffer,
    /// More connections or sessions are counted as open than before the storm, although every
    /// client has left.
    LeftOpen,
    /// A client met an event that is not part of its way.
    ClientFault,
    /// A request to the admin port failed.
    AdminFailed,
}

/// The number of mismatches of one kind, and the first few in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The number of mismatches.
    pub count: u64,
    /// The first few mismatches, in words.
    pub examples: Vec<String>,
}

/// All mismatches, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings(BTreeMap<Kind, Finding>);

impl Findings {
    pub(crate) fn add(&mut self, kind: Kind, words: String) {
        let finding = self.0.entry(kind).or_default();
        finding.count += 1;
        if finding.examples.len() < EXAMPLES_MAX {
            finding.examples.push(words);
        }
    }

    /// Tells whether there are no mismatches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of mismatches of this kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.0.get(&kind).map_or(0, |finding| finding.count)
    }

    /// Returns each kind with a mismatch.
    pub fn iter(&self) -> btree_map::Iter<'_, Kind, Finding> {
        self.0.iter()
    }
}

impl<'f> IntoIterator for &'f Findings {
    type Item = (&'f Kind, &'f Finding);
    type IntoIter = btree_map::Iter<'f, Kind, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Writes the kind in words, for a count after it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongCause => "wrong cause",
            Self::FramesDiffer => "frames lost",
            Self::NotRecorded => "not recorded",
            Self::RecordedTwice => "recorded twice",
            Self::SequenceBroken => "sequence broken",
            Self::RecordsMissed => "records missed",
            Self::LawBroken => "law broken",
            Self::CountersDiffer => "counters differ from records",
            Self::LeftOpen => "left open",
            Self::ClientFault => "client met a fault",
            Self::AdminFailed => "admin port failed",
        })
    }
}

const EXAMPLES_MAX: usize = 5;
