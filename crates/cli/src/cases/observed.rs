//! What was seen of a row: plain data, which also comes out of the lab as JSON.

use std::{fmt, io};

use lastword::OsError;
use serde::{Deserialize, Serialize};

/// Both runs of a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Observed {
    pub(crate) bare: Bare,
    pub(crate) layer: Layer,
}

/// Between bare sockets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bare {
    /// Bytes that the peer's calls took.
    pub(crate) sent: u64,
    /// Bytes that lay in our kernel when the peer was gone, where the row waits for that.
    pub(crate) held: Option<u64>,
    pub(crate) recv: Vec<Returned>,
    pub(crate) send: Vec<Returned>,
    /// What else was not as it has to be.
    pub(crate) flaws: Vec<String>,
}

/// Against the layer; bytes are those of payloads.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Layer {
    /// The label of the cause that it recorded.
    pub(crate) cause: String,
    /// Of whole frames that the peer's calls took.
    pub(crate) sent: u64,
    /// Of whole frames that got across, by the count of our own kernel.
    pub(crate) held: u64,
    /// Of frames that the game took.
    pub(crate) delivered: u64,
    /// By the same count the stream stopped inside a frame.
    pub(crate) mid_frame: bool,
    /// What the record shows besides, in words.
    pub(crate) evidence: String,
    /// What else was not as it has to be.
    pub(crate) flaws: Vec<String>,
}

/// What a call returned, or several reads in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Returned {
    /// So many bytes were read.
    Bytes(u64),
    /// 0.
    End,
    /// The bytes were taken.
    Sent,
    /// No bytes yet, and no error.
    Nothing,
    /// This errno.
    Errno(i32),
}

impl fmt::Display for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Self::End => f.write_str("0"),
            Self::Sent => f.write_str("ok"),
            Self::Nothing => f.write_str("nothing yet"),
            Self::Errno(code) => OsError::from(&io::Error::from_raw_os_error(*code)).fmt(f),
        }
    }
}

/// Calls in a row, in words; `None` where there were none.
pub(crate) fn in_words(calls: &[impl fmt::Display]) -> Option<String> {
    let words: Vec<_> = calls.iter().map(ToString::to_string).collect();
    (!words.is_empty()).then(|| words.join(", "))
}
