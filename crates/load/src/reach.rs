//! Decides which of a server's addresses a storm uses: the first that accepts a connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_client::ServerAddr;
use tokio::time::timeout;

use crate::error::why;

/// Tries the addresses one after the other. The storm then uses only the address that is returned, because its
/// records are joined by address.
///
/// # Errors
/// The error of a single address. With several addresses, one error with every address and its error in words.
pub(crate) async fn first<T, F>(
    server: &ServerAddr,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<(SocketAddr, T)>
where
    F: Future<Output = io::Result<T>>,
{
    let resolved = timeout(TIMEOUT, server.resolve()).await;
    let addrs = resolved
        .unwrap_or_else(|_| Err(no_answer()))
        .map_err(|error| {
            let words = format!("the name {:?} does not resolve: {error}", server.host());
            io::Error::new(error.kind(), words)
        })?;
    let mut failed = Vec::new();
    for addr in addrs {
        let connected = timeout(TIMEOUT, connect(addr)).await;
        match connected.unwrap_or_else(|_| Err(no_answer())) {
            Ok(connected) => return Ok((addr, connected)),
            Err(error) => failed.push((addr, error)),
        }
    }
    if failed.len() == 1 {
        if let Some((_, error)) = failed.pop() {
            return Err(error);
        }
    }
    let each = failed
        .iter()
        .map(|(addr, error)| format!("{addr}: {}", why(error)));
    Err(io::Error::other(each.collect::<Vec<_>>().join("; ")))
}

fn no_answer() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("no answer within {TIMEOUT:?}"),
    )
}

const TIMEOUT: Duration = Duration::from_secs(3);
