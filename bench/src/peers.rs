//! The servers `lastword` is compared with: each echoes frames of the `u32` framing, with `TCP_NODELAY` and one thread.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::report::Report;

mod epoll;
mod framed;
mod raw;
mod tls;

/// A peer to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Peer {
    /// An epoll loop without a runtime: the limit.
    Epoll,
    /// A hand-written tokio loop: an 8 KiB buffer a session, one write per readable burst.
    Raw,
    /// The same over TLS, by tokio-rustls.
    RawTls,
    /// tokio-util's `Framed` with a `send` per message.
    FramedSend,
    /// tokio-util's `Framed` that feeds, and flushes when the read buffer is drained.
    FramedFeed,
}

/// Serves a peer until the process ends.
///
/// # Errors
/// When the server cannot listen on the address.
pub fn serve(peer: Peer, listen: SocketAddr) -> Result<()> {
    match peer {
        Peer::Epoll => epoll::serve(listen),
        Peer::Raw => on_tokio(listen, raw::echo),
        Peer::RawTls => {
            let acceptor = tls::acceptor()?;
            on_tokio(listen, move |stream| tls::echo(acceptor.clone(), stream))
        }
        Peer::FramedSend => on_tokio(listen, framed::echo_with_send),
        Peer::FramedFeed => on_tokio(listen, framed::echo_with_feed),
    }
}

/// The listen backlog; the default of 128 drops SYNs when a load test connects.
const BACKLOG: u32 = 4096;

fn on_tokio<S, F>(listen: SocketAddr, session: S) -> Result<()>
where
    S: Fn(TcpStream) -> F,
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(async {
            let listener = listener(listen)?;
            Report::Listening {
                addr: listener.local_addr()?,
            }
            .print()?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(session(stream));
            }
        })
}

fn listener(listen: SocketAddr) -> Result<TcpListener> {
    let socket = if listen.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // On Linux accepted sockets inherit this, which saves a system call per session.
    socket.set_nodelay(true)?;
    socket.bind(listen)?;
    Ok(socket.listen(BACKLOG)?)
}
