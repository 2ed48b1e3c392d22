//! The outcome of a row.

use super::observed::Observed;

/// Whether a row ran, and if not, why.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Both runs came to an end. The judge decides whether they ended as documented.
    Ran(Box<Observed>),
    /// The row hung, or failed for a reason outside the row.
    Failed(String),
    /// This system does not allow the row.
    Skipped(String),
}

impl From<anyhow::Result<Observed>> for Outcome {
    fn from(result: anyhow::Result<Observed>) -> Self {
        match result {
            Ok(observed) => Self::Ran(Box::new(observed)),
            Err(error) => Self::Failed(format!("{error:#}")),
        }
    }
}
