//! Destroys the sockets of a host from outside the processes that own them.

use std::io;
use std::net::SocketAddr;

use crate::namespace::Namespace;
use crate::skip::Skip;

/// Selects TCP connections by the address of one of their ends, seen from the host that owns the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The socket's own address.
    Local(SocketAddr),
    /// The address of the peer.
    Peer(SocketAddr),
}

impl End {
    fn filter(self) -> String {
        match self {
            Self::Local(addr) => format!("src {addr}"),
            Self::Peer(addr) => format!("dst {addr}"),
        }
    }
}

pub(crate) fn destroy(host: &Namespace, end: End) -> io::Result<usize> {
    let destroyed = list(host, "-K", end)?;
    // A kernel without the feature refuses each socket, and `ss` leaves those out without a message.
    if destroyed == 0 && list(host, "-t", end)? > 0 {
        let skip = Skip::new("this kernel cannot destroy sockets (CONFIG_INET_DIAG_DESTROY)");
        return Err(io::Error::new(io::ErrorKind::Unsupported, skip));
    }
    Ok(destroyed)
}

fn list(host: &Namespace, action: &str, end: End) -> io::Result<usize> {
    let sockets = host.feed("ss", &["-t", "-n", "-H", action, &end.filter()], "")?;
    Ok(sockets
        .lines()
        .filter(|line| !line.trim().is_empty())
        .count())
}
