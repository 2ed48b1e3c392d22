//! A rule of the configuration that is broken, in words that say what to do.

/// A value that the configuration does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is {value}; allowed is {allowed}: {remedy}")]
pub struct ConfigError {
    /// The path of the key, such as `limits.frame_bytes_max`.
    pub key: String,
    /// The value, as the file would have it.
    pub value: String,
    /// What is allowed, in the unit of the key.
    pub allowed: String,
    /// What to do about it.
    pub remedy: String,
}
