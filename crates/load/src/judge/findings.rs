//! What does not fit: how often each kind, and the first few in words.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::fmt;

use serde::Serialize;

/// What kind of thing does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A connection was recorded with a cause or a phase that is not the truth.
    WrongCause,
    /// The server did not receive exactly the frames that were sent, or did not hand all of them to the game.
    FramesDiffer,
    /// A connection has no record.
    NotRecorded,
    /// A connection has more than one record.
    RecordedTwice,
    /// Records do not follow one another.
    SequenceBroken,
    /// Records were gone before they were read.
    RecordsMissed,
    /// A law did not hold at a scrape.
    LawBroken,
    /// What was counted is not what was recorded.
    CountersDiffer,
    /// More is counted as open than before the storm, although every client has left.
    LeftOpen,
    /// A client met what is not part of its way.
    ClientFault,
    /// The admin port failed.
    AdminFailed,
}

/// How often, and the first few in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How often.
    pub count: u64,
    /// The first few.
    pub examples: Vec<String>,
}

/// Everything that does not fit.
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

    /// Whether everything fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How often there was this kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.0.get(&kind).map_or(0, |finding| finding.count)
    }

    /// Each kind that there was.
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

/// In words, for a count behind.
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
