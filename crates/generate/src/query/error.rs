//! The possible errors of a query.

/// An error in a query: it asks for something that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It does not parse.
    #[error("`{0}` is not a valid query: {1}")]
    NoQuery(String, String),
    /// No metric and no recording rule has this name.
    #[error("there is no metric `{0}`")]
    NoMetric(String),
    /// The series has no such label.
    #[error("`{0}` has no label `{1}`")]
    NoLabel(String, String),
    /// The label never has this value.
    #[error("label `{1}` of `{0}` never has the value `{2}`")]
    NoValue(String, String, String),
    /// The labels of the answer cannot be determined.
    #[error("`{0}` is not understood here: write it in another way, or extend this check")]
    NotUnderstood(String),
}
