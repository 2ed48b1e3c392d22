//! The address of a peer, and where it is known from.

use std::net::SocketAddr;

/// Where the address of a peer is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemoteSource {
    /// It is the socket's: the listener takes no PROXY headers.
    Socket,
    /// A PROXY header named it.
    ProxyHeader,
    /// It is the socket's, and so the proxy's: the PROXY header named no address, or there was none.
    Proxy,
}

impl RemoteSource {
    /// Returns the stable label used in records and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::ProxyHeader => "proxy_header",
            Self::Proxy => "proxy",
        }
    }
}

/// The address of a peer, with its source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote {
    pub(crate) addr: SocketAddr,
    pub(crate) source: RemoteSource,
}
