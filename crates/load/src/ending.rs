//! The ending of a connection, and the one comparison of a record with what its client did.

use std::borrow::Cow;
use std::fmt;

use lastword_session::{Cause, Phase};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A cause, and the phase in which it was fixed. In JSON it has their labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ending {
    /// Why the connection ended.
    #[serde(serialize_with = "label_of_cause", deserialize_with = "cause")]
    pub cause: Cause,
    /// How far the connection had come.
    #[serde(serialize_with = "label_of_phase", deserialize_with = "phase")]
    pub phase: Phase,
}

/// The records that are right for a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// One record, with one of these endings.
    Ends(Vec<Ending>),
    /// One record with one of these endings, or no record: the connection may end, but need not.
    MayEnd(Vec<Ending>),
    /// No record: the connection lives.
    Lives,
}

impl Ending {
    /// Returns the ending of a session by this cause.
    #[must_use]
    pub const fn live(cause: Cause) -> Self {
        Self {
            cause,
            phase: Phase::Live,
        }
    }
}

impl Expected {
    /// Expects that a session ends by one of these causes.
    #[must_use]
    pub fn live(causes: &[Cause]) -> Self {
        Self::Ends(causes.iter().copied().map(Ending::live).collect())
    }

    /// Expects that a session stays alive, or ends by one of these causes.
    #[must_use]
    pub fn may_end(causes: &[Cause]) -> Self {
        Self::MayEnd(causes.iter().copied().map(Ending::live).collect())
    }

    /// Returns, in words, what is wrong with a connection that was recorded with this ending; `None` if it is right.
    #[must_use]
    pub fn deviation(&self, recorded: Ending) -> Option<String> {
        match self {
            Self::Ends(right) | Self::MayEnd(right) if right.contains(&recorded) => None,
            Self::Ends(right) | Self::MayEnd(right) => {
                let right: Vec<_> = right.iter().map(ToString::to_string).collect();
                let truth = right.join(" or ");
                Some(format!("recorded as {recorded}, truth is {truth}"))
            }
            Self::Lives => Some(format!("recorded as {recorded}, and was alive")),
        }
    }
}

impl From<Ending> for Expected {
    fn from(ending: Ending) -> Self {
        Self::Ends(vec![ending])
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.cause, self.phase)
    }
}

fn label_of_cause<S: Serializer>(cause: &Cause, to: S) -> Result<S::Ok, S::Error> {
    cause.label().serialize(to)
}

fn label_of_phase<S: Serializer>(phase: &Phase, to: S) -> Result<S::Ok, S::Error> {
    phase.label().serialize(to)
}

pub(crate) fn cause<'de, D: Deserializer<'de>>(from: D) -> Result<Cause, D::Error> {
    let label = Cow::<'de, str>::deserialize(from)?;
    Cause::from_label(&label)
        .ok_or_else(|| D::Error::custom(format_args!("there is no cause `{label}`")))
}

pub(crate) fn phase<'de, D: Deserializer<'de>>(from: D) -> Result<Phase, D::Error> {
    let label = Cow::<'de, str>::deserialize(from)?;
    let phase = Phase::ALL.into_iter().find(|phase| phase.label() == label);
    phase.ok_or_else(|| D::Error::custom(format_args!("there is no phase `{label}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_endings_is_right_and_any_other_is_reported_with_the_truth() {
        let fin = Expected::live(&[Cause::PeerFin, Cause::PeerReset]);
        assert_eq!(fin.deviation(Ending::live(Cause::PeerReset)), None);
        let words =
            "recorded as path_dead in live, truth is peer_fin in live or peer_reset in live";
        let deviation = fin.deviation(Ending::live(Cause::PathDead));
        assert_eq!(deviation.as_deref(), Some(words));
        let cut = Expected::may_end(&[Cause::PathDead]);
        assert_eq!(cut.deviation(Ending::live(Cause::PathDead)), None);
        assert!(cut.deviation(Ending::live(Cause::PeerFrozen)).is_some());
    }

    #[test]
    fn the_right_cause_in_a_wrong_phase_and_any_end_of_the_living_are_wrong() {
        let early = Ending {
            cause: Cause::PeerFin,
            phase: Phase::Auth,
        };
        assert!(Expected::live(&[Cause::PeerFin]).deviation(early).is_some());
        assert!(Expected::Lives.deviation(early).is_some());
    }
}
