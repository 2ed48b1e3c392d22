//! A broken rule of the configuration, in words that say what to do.

/// A value that the configuration does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is {value}; allowed is {allowed}: {remedy}")]
pub struct ConfigError {
    /// The path of the key, such as `limits.frame_bytes_max`.
    pub key: String,
    /// The value, as written in the file.
    pub value: String,
    /// The allowed values, in the unit of the key.
    pub allowed: String,
    /// How to fix it.
    pub remedy: String,
}
