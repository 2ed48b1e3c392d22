//! The one line on standard output that tells a supervisor or a test which addresses were bound.

use std::io::{self, Write};
use std::net::SocketAddr;

/// Writes the line at once, with commas between the addresses of several listeners. The server continues if standard
/// output is closed.
pub(crate) fn listening(
    game: &[SocketAddr],
    admin: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
) {
    let game: Vec<_> = game.iter().map(ToString::to_string).collect();
    let game = game.join(",");
    let admin = admin.map_or_else(|| "off".to_owned(), |addr| addr.to_string());
    let metrics = metrics.map_or_else(String::new, |addr| format!(" metrics={addr}"));
    let line = format!("listening game={game} admin={admin}{metrics}\n");
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(line.as_bytes())
        .and_then(|()| stdout.flush());
    if let Err(error) = written {
        tracing::debug!(%error, "standard output is closed");
    }
}
