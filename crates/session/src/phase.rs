//! The phase of a connection when its cause was fixed.

use std::fmt;

/// The phase of a connection when its cause was fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Accepted and not yet admitted: limits and draining are checked here.
    Admission,
    /// The server waits for a PROXY protocol header.
    Proxy,
    /// A TLS handshake is under way.
    Tls,
    /// The server waits for the first frame.
    Hello,
    /// The authenticator has the credentials, or a resume is being checked.
    Auth,
    /// A session joined: the server decided to send welcome.
    Live,
}

impl Phase {
    /// Every phase, in the order a connection passes through them.
    pub const ALL: [Self; 6] = [
        Self::Admission,
        Self::Proxy,
        Self::Tls,
        Self::Hello,
        Self::Auth,
        Self::Live,
    ];

    /// Returns the stable label used in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Hello => "hello",
            Self::Auth => "auth",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
