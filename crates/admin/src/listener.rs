//! The admin port's socket.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Opens the port. Its address can be taken again at once after a restart.
///
/// # Errors
/// What is wrong with the address, which the words name.
pub(crate) fn bind(addr: &str) -> io::Result<TcpListener> {
    let parsed: SocketAddr = addr.parse().map_err(|_| {
        let words =
            format!("{addr:?} is not an address for metrics: write IP:PORT, as 127.0.0.1:9464");
        io::Error::new(io::ErrorKind::InvalidInput, words)
    })?;
    open(parsed).map_err(|error| {
        let words = format!("cannot serve metrics on {addr}: {}", why(&error));
        io::Error::new(error.kind(), words)
    })
}

fn open(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Elsewhere than on Unix it lets two processes share the port.
    if cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn why(error: &io::Error) -> String {
    let words = KNOWN
        .iter()
        .find(|(kind, _)| *kind == error.kind())
        .map(|(_, words)| *words);
    words.map_or_else(|| error.to_string(), str::to_owned)
}

const KNOWN: [(io::ErrorKind, &str); 3] = [
    (
        io::ErrorKind::AddrInUse,
        "the address is in use: stop who uses it, or choose another port",
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
