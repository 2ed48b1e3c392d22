//! The observations of a row. They are plain data: the lab sends them as JSON.

use std::{fmt, io};

use lastword::evidence::OsError;
use lastword_load::Ending;
use serde::{Deserialize, Serialize};

/// The two runs of a row: between bare sockets, and with the layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Observed {
    pub(crate) bare: Bare,
    pub(crate) layer: Layer,
}

/// The run between bare sockets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bare {
    /// Bytes that the peer's calls accepted.
    pub(crate) sent: u64,
    /// Bytes in our kernel when the peer was gone; `None` where the row does not wait for that.
    pub(crate) held: Option<u64>,
    pub(crate) recv: Vec<Returned>,
    pub(crate) send: Vec<Returned>,
    /// Other differences from the documented behaviour.
    pub(crate) flaws: Vec<String>,
}

/// The run with the layer. Its bytes are bytes of payload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Layer {
    /// The recorded cause and phase.
    pub(crate) ending: Ending,
    /// Payload bytes of the whole frames that the peer's calls accepted.
    pub(crate) sent: u64,
    /// Payload bytes of the whole frames that arrived, as our kernel counts them.
    pub(crate) held: u64,
    /// Payload bytes of the frames that the game took.
    pub(crate) delivered: u64,
    /// Whether the stream stopped inside a frame, as our kernel counts it.
    pub(crate) mid_frame: bool,
    /// The relevant part of the recorded evidence, in words.
    pub(crate) evidence: String,
    /// Other differences from the documented behaviour.
    pub(crate) flaws: Vec<String>,
}

/// The result of one call, or of several reads in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Returned {
    /// Bytes were read: this many.
    Bytes(u64),
    /// The call returned 0: the end of the stream.
    End,
    /// The kernel accepted the bytes.
    Sent,
    /// There were no bytes yet, and no error.
    Nothing,
    /// The call failed with this errno.
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

/// Describes consecutive calls in words; `None` where there were none.
pub(crate) fn in_words(calls: &[impl fmt::Display]) -> Option<String> {
    let words: Vec<_> = calls.iter().map(ToString::to_string).collect();
    (!words.is_empty()).then(|| words.join(", "))
}
