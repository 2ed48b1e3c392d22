//! How far a connection had come when its cause was fixed.

use std::fmt;

/// The state a connection was in when its cause was fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Accepted, not yet admitted: limits and draining are checked here.
    Admission,
    /// A PROXY protocol header is awaited.
    Proxy,
    /// A TLS handshake is under way.
    Tls,
    /// The first frame is awaited.
    Hello,
    /// The credentials are with the authenticator, or a resume is being checked.
    Auth,
    /// A session joined: welcome was decided.
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

    /// The stable label used in metrics and logs.
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
