//! What became of a row.

use super::observed::Observed;

/// Played, or why not.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Both runs came to an end; whether as documented is the judge's to say.
    Played(Observed),
    /// Something stood in the way that has nothing to do with the row, or the row hung.
    Failed(String),
    /// This system does not allow it.
    Skipped(String),
}

impl From<anyhow::Result<Observed>> for Outcome {
    fn from(result: anyhow::Result<Observed>) -> Self {
        result.map_or_else(|error| Self::Failed(format!("{error:#}")), Self::Played)
    }
}
