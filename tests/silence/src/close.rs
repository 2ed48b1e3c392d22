//! The record of a close as the library wrote it: named fields for the judge, and the rest unchanged.

use std::borrow::Cow;

use lastword::Cause;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Close {
    /// The cause.
    #[serde(serialize_with = "label", deserialize_with = "cause")]
    pub(crate) cause: Cause,
    /// The player, once one was let in.
    #[serde(default)]
    pub(crate) player: Option<String>,
    /// From the last sign of life to the verdict, for silent causes.
    #[serde(default)]
    pub(crate) silent_ms: Option<u64>,
    /// How much of that time the server itself stood still.
    #[serde(default)]
    pub(crate) own_stall_ms: u64,
    /// The evidence in words.
    #[serde(default)]
    pub(crate) words: String,
    /// Everything else.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

fn label<S: Serializer>(cause: &Cause, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(cause.label())
}

fn cause<'de, D: Deserializer<'de>>(from: D) -> Result<Cause, D::Error> {
    let label = Cow::<'de, str>::deserialize(from)?;
    Cause::from_label(&label)
        .ok_or_else(|| D::Error::custom(format!("there is no cause {label:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_loses_nothing_and_its_stall_may_be_missing() {
        let json =
            r#"{"cause":"path_dead","player":"quiet/7","silent_ms":8004,"words":"w","probes":3}"#;
        let close: Close = serde_json::from_str(json).unwrap();
        assert_eq!((close.cause, close.own_stall_ms), (Cause::PathDead, 0));
        let again: Value = serde_json::to_value(&close).unwrap();
        assert_eq!(again.get("probes"), Some(&Value::from(3)));
    }
}
