//! The same hand-written loop over TLS by tokio-rustls.

use std::io;

use anyhow::Result;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::raw;
use crate::tls::Pair;

/// With a new certificate.
pub(super) fn acceptor() -> Result<TlsAcceptor> {
    Ok(TlsAcceptor::from(Pair::make()?.server()?))
}

/// Does the handshake, and echoes.
pub(super) async fn echo(acceptor: TlsAcceptor, stream: TcpStream) -> io::Result<()> {
    raw::echo(acceptor.accept(stream).await?).await
}
