//! The admin port's socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_server::{OsError, canonical};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::net::TcpListener;

/// Opens the port, only on a loopback address unless it is `for_everybody`. The address can be bound again at once
/// after a restart.
///
/// # Errors
/// The address is wrong; the error's words name it.
pub(crate) fn bind(addr: &str, for_everybody: bool) -> io::Result<TcpListener> {
    let parsed = addr.parse().map(canonical).map_err(|_| {
        let words =
            format!("{addr:?} is not an address for metrics: write IP:PORT, as 127.0.0.1:9464");
        io::Error::new(io::ErrorKind::InvalidInput, words)
    })?;
    if !for_everybody && !parsed.ip().is_loopback() {
        let words =
            format!("{addr} can be reached from other machines, so it needs a token: {REMEDY}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
    }
    open(parsed).map_err(|error| {
        let words = format!("cannot serve metrics on {addr}: {}", why(&error));
        io::Error::new(error.kind(), words)
    })
}

fn open(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // On systems other than Unix this option would let two processes share the port.
    if cfg!(unix) {
        let set = socket.set_reuse_address(true);
        set.map_err(|error| not_set("SO_REUSEADDR", &error))?;
    }
    // The default is the system's: `net.ipv6.bindv6only` on Linux, IPv6 alone on Windows.
    if addr.is_ipv6() && addr.ip().is_unspecified() {
        let set = socket.set_only_v6(false);
        set.map_err(|error| not_set("IPV6_V6ONLY", &error))?;
    }
    // Accepted sockets inherit this: a connection of a scraper that vanished silently is not held forever.
    let set = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(IDLE_MAX));
    set.map_err(|error| not_set("SO_KEEPALIVE or TCP_KEEPIDLE", &error))?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Names the option. A refused address is a different kind of error, with another remedy.
fn not_set(option: &str, error: &io::Error) -> io::Error {
    io::Error::other(format!(
        "{option} was not set: {}",
        OsError::in_words(error)
    ))
}

fn why(error: &io::Error) -> String {
    let words = KNOWN
        .iter()
        .find(|(kind, _)| *kind == error.kind())
        .map(|(_, words)| *words);
    words.map_or_else(|| OsError::in_words(error), str::to_owned)
}

const REMEDY: &str = "give one with Admin::token_file or Admin::token, or choose an address of loopback such as \
    127.0.0.1:9464; scrapers that have none ask Admin::metrics_listen";
const KNOWN: [(io::ErrorKind, &str); 3] = [
    (
        io::ErrorKind::AddrInUse,
        "the address is in use: stop the program that uses it, or choose another port",
    ),
    (
        io::ErrorKind::AddrNotAvailable,
        "this machine has no such address",
    ),
    (
        io::ErrorKind::PermissionDenied,
        "not permitted: ports below 1024 need a privilege, choose a higher one",
    ),
];

const BACKLOG: i32 = 128;
/// How long a connection may be silent before its peer is probed.
const IDLE_MAX: Duration = Duration::from_secs(60);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    /// A connection that is held forever costs the game a descriptor.
    #[tokio::test]
    async fn keepalive_finds_an_admin_client_that_vanished() {
        let listener = bind("127.0.0.1:0", false).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (accepted, _) = listener.accept().await.unwrap();
        let socket = socket2::SockRef::from(&accepted);
        assert!(socket.keepalive().unwrap());
        assert!(socket.tcp_keepalive_time().unwrap() <= IDLE_MAX);
        drop(client);
    }
}
