//! What can be wrong with a query.

/// What a query asks for that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It does not parse.
    #[error("`{0}` is no query: {1}")]
    NoQuery(String, String),
    /// No metric and no recording rule has this name.
    #[error("there is no metric `{0}`")]
    NoMetric(String),
    /// The metric is in the catalogue, and not built yet.
    #[error("`{0}` is reserved for {1}")]
    Reserved(String, &'static str),
    /// What is asked has no such label.
    #[error("`{0}` has no label `{1}`")]
    NoLabel(String, String),
    /// The label never has this value.
    #[error("`{0}` has no `{1}` that is `{2}`")]
    NoValue(String, String, String),
    /// Which labels its answer has cannot be told.
    #[error("`{0}` is not understood here: write it otherwise, or teach this check")]
    NotUnderstood(String),
}
