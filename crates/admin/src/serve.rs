//! Serves the admin port. Whoever asks slowly, reads slowly or does neither is held for a bounded time, in one of a bounded
//! number of places, and never in one that somebody else needs.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use axum::serve::Listener;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::timeout;

use crate::place::Place;

/// Serves until `closed`, and lets what is still being answered have a last moment.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    closed: impl Future<Output = ()>,
) {
    let mut places = Places::default();
    let (open, is_open) = watch::channel(());
    let mut closed = pin!(closed);
    loop {
        let (stream, _) = tokio::select! {
            biased;
            () = &mut closed => break,
            accepted = Listener::accept(&mut listener) => accepted,
        };
        let place = Place::new();
        let held = hold(stream, router.clone(), place.clone(), is_open.clone());
        places.take(place, held);
    }
    drop((listener, open));
    places.emptied().await;
}

/// Answers one request, in bounded time; in a last moment once the port is not open any more.
async fn hold(stream: TcpStream, router: Router, place: Place, mut is_open: watch::Receiver<()>) {
    let router = router.layer(Extension(place.clone()));
    let mut answered = pin!(answer(stream, router));
    let in_time = tokio::select! {
        biased;
        () = &mut answered => true,
        () = place.overstayed(CONNECTION_TIMEOUT, VIEWER_TIMEOUT) => false,
        _ = is_open.changed() => timeout(LAST_MOMENT, answered).await.is_ok(),
    };
    if !in_time {
        tracing::debug!("an answer of the admin port was not taken in time");
    }
}

/// One answer a connection: who keeps it open afterwards would keep a place.
async fn answer(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the admin port failed");
    }
}

/// The connections that are held.
#[derive(Default)]
struct Places {
    connections: JoinSet<()>,
    /// Those that were still there when one came last.
    oldest_first: VecDeque<(Place, AbortHandle)>,
}

impl Places {
    /// Takes one in, in the place of the oldest where there is no other: a scrape is over in milliseconds, and waits for
    /// nobody who holds on.
    ///
    /// Viewers have places of their own, which are counted where they begin.
    fn take(&mut self, place: Place, connection: impl Future<Output = ()> + Send + 'static) {
        while let Some(ended) = self.connections.try_join_next() {
            report(ended);
        }
        self.oldest_first
            .retain(|(place, held)| !held.is_finished() && !place.stays());
        if self.oldest_first.len() >= CONNECTIONS_MAX {
            if let Some((_, oldest)) = self.oldest_first.pop_front() {
                oldest.abort();
            }
        }
        let held = self.connections.spawn(connection);
        self.oldest_first.push_back((place, held));
    }

    async fn emptied(mut self) {
        while let Some(ended) = self.connections.join_next().await {
            report(ended);
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("an answer of the admin port panicked");
    }
}

const CONNECTIONS_MAX: usize = 64;
/// From the connection's first moment to the end of its request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// From its first moment to its last. The longest answer, of about 12 MB, needs 200 KB/s.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a viewer may take nothing of what it is told every second.
const VIEWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Enough for who reads; everything is over a second after the server.
const LAST_MOMENT: Duration = Duration::from_millis(900);
/// Of a request's head, and of what waits to be written.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
