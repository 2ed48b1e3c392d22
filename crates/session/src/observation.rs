//! Plain data about an end: what the calls returned and what the kernel showed. It is the classifier's input.

use std::{fmt, io};

use lastword_keepalive::{KernelSample, OwnFault};

use crate::Phase;

/// The operating system that an error code comes from. On every system the classifier knows the codes of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum System {
    /// Linux: errno values, `TCP_INFO`, `SIOCINQ`, `SIOCOUTQ`.
    Linux,
    /// macOS and iOS: BSD errno values; no kernel evidence is read there.
    MacOs,
    /// Windows: Winsock codes; no kernel evidence is read there.
    Windows,
}

impl System {
    /// Returns the system for which this code was compiled. Other Unixes count as [`System::MacOs`], whose codes they
    /// share.
    #[must_use]
    pub const fn current() -> Self {
        if cfg!(any(target_os = "linux", target_os = "android")) {
            Self::Linux
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::MacOs
        }
    }
}

/// The socket call that returned an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// A read, including the last one.
    Read,
    /// A write.
    Write,
    /// `shutdown(SHUT_WR)`.
    Shutdown,
}

impl Call {
    /// Returns the stable label used in logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Shutdown => "shutdown",
        }
    }
}

/// An error of a socket call: the raw code decides, and the kind is used where there is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OsError {
    /// `io::Error::raw_os_error`, where there is one.
    pub code: Option<i32>,
    /// `io::Error::kind`.
    pub kind: io::ErrorKind,
}

impl From<&io::Error> for OsError {
    fn from(error: &io::Error) -> Self {
        Self {
            code: error.raw_os_error(),
            kind: error.kind(),
        }
    }
}

impl OsError {
    /// Returns the system's text for an error with its name instead of its number, for people:
    /// `No route to host (EHOSTUNREACH)`. An error that does not come from the system keeps its own text.
    #[must_use]
    pub fn in_words(error: &io::Error) -> String {
        let words = error.to_string();
        let Some(code) = error.raw_os_error() else {
            return words;
        };
        let number = format!(" (os error {code})");
        let plain = words.strip_suffix(&number).unwrap_or(&words);
        format!("{plain} ({})", Self::from(error))
    }
}

/// The code's name: `ECONNRESET`. A code without a name here shows as `errno 199`, and an error without a code as its
/// kind.
impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(code) = self.code else {
            return self.kind.fmt(f);
        };
        let system = System::current();
        match (system.error_name(code), system) {
            (Some(name), _) => f.write_str(name),
            (None, System::Linux | System::MacOs) => write!(f, "errno {code}"),
            (None, System::Windows) => write!(f, "error {code}"),
        }
    }
}

/// The first error of a connection, and the call that returned it. It is never overwritten, with one exception: a more
/// specific error replaces `EPIPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstError {
    /// The call that returned the error.
    pub call: Call,
    /// The error.
    pub error: OsError,
}

/// The call and the error in words: `read failed with ECONNRESET`.
impl fmt::Display for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed with {}", self.call.label(), self.error)
    }
}

/// The way in which reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// A read returned 0.
    Eof,
    /// A read returned an error.
    Error(OsError),
    /// Reading did not end: our own decision or a deadline ended the connection.
    Open,
}

/// All data for the classifier, collected by the driver after the drain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The system that the error codes come from.
    pub system: System,
    /// The phase that the connection had reached.
    pub phase: Phase,
    /// Whether a byte of the peer was ever read. A PROXY header is the proxy's.
    pub has_spoken: bool,
    /// Whether a notice of our drain was written to the peer before the end.
    pub drain_notice_written: bool,
    /// Whether the stream stopped inside a frame.
    pub mid_frame: bool,
    /// Whether the stream was TLS, and after its handshake no close_notify came before reading ended.
    pub close_notify_missing: bool,
    /// The way in which reading ended.
    pub terminal: Terminal,
    /// The first error of any call.
    pub first_error: Option<FirstError>,
    /// The FIN bit: `Some(true)` where the kernel proves that the peer's FIN arrived in order, `None` where the system
    /// cannot tell. The socket's state proves it, or the count of bytes after the drain (`bytes_received − bytes read`).
    pub fin: Option<bool>,
    /// Whether we shut our write side before the end.
    pub shut: bool,
    /// Bytes of data frames that the peer did not take; pongs and pings do not count. There are three kinds. Some bytes
    /// were refused by the peer, written before or after its FIN. Some were not acknowledged when the wait after our
    /// flush ended (`SIOCOUTQ` minus our own FIN). Some could no longer be written.
    pub refused_bytes: u64,
    /// The kernel's view after the end, where its counters are known.
    pub kernel: Option<KernelSample>,
    /// The fault of our own network, if the system was asked and reported one.
    pub own_fault: Option<OwnFault>,
}
