//! Serves the admin port. A client that sends nothing, sends slowly or reads slowly is held for a limited time, in one
//! of a limited number of places. It never keeps another client out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use lastword_server::{OsError, Reserve, canonical};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::timeout;

use crate::connection_slot::ConnectionSlot;

/// Serves until `closed`, then gives running answers a last moment.
pub(crate) async fn serve(listener: TcpListener, router: Router, closed: impl Future<Output = ()>) {
    let reserve = Arc::new(Reserve::new(DESCRIPTORS_RESERVED));
    let mut places = Places::default();
    let (open, is_open) = watch::channel(());
    let mut closed = pin!(closed);
    loop {
        let (stream, remote) = tokio::select! {
            biased;
            () = &mut closed => break,
            accepted = accept(&listener, &reserve) => accepted,
        };
        let slot = ConnectionSlot::new();
        let refills = Refills(Arc::clone(&reserve));
        let router = router
            .clone()
            .layer(Extension(ConnectInfo(canonical(remote))));
        let held = hold(stream, router, slot.clone(), is_open.clone());
        places.take(slot, async move {
            // Dropped after the connection: its descriptor is free then.
            let _refills = refills;
            held.await;
        });
    }
    drop((listener, open));
    places.emptied().await;
}

/// Accepts the next connection. If players have taken all descriptors of this process, it uses a descriptor of the
/// reserve.
async fn accept(listener: &TcpListener, reserve: &Reserve) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if reserve.release_for(&error) => {}
            Err(error) => {
                tracing::debug!(error = %OsError::in_words(&error), "the admin port accepts nothing");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Refills the reserve at the end of a connection, which may have used a descriptor of the reserve.
struct Refills(Arc<Reserve>);

impl Drop for Refills {
    fn drop(&mut self) {
        self.0.refill();
    }
}

/// Answers one request in limited time, and within a last moment once the port is closed.
async fn hold(
    stream: TcpStream,
    router: Router,
    slot: ConnectionSlot,
    mut is_open: watch::Receiver<()>,
) {
    let router = router.layer(Extension(slot.clone()));
    let mut answered = pin!(answer(stream, router));
    let in_time = tokio::select! {
        biased;
        () = &mut answered => true,
        () = slot.overstayed(CONNECTION_TIMEOUT, VIEWER_TIMEOUT) => false,
        _ = is_open.changed() => timeout(LAST_MOMENT, answered).await.is_ok(),
    };
    if !in_time {
        tracing::debug!("an answer of the admin port was not taken in time");
    }
}

/// A connection gets one answer only: if the client kept it open, it would occupy a slot.
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
    /// The connections that were still open when the last one came.
    oldest_first: VecDeque<(ConnectionSlot, AbortHandle)>,
}

impl Places {
    /// Adds a connection. If all places are taken, it displaces the oldest: a scrape takes milliseconds and does not
    /// wait for clients that hold connections open.
    ///
    /// Viewers have places of their own, which are counted where they begin.
    fn take(
        &mut self,
        slot: ConnectionSlot,
        connection: impl Future<Output = ()> + Send + 'static,
    ) {
        while let Some(ended) = self.connections.try_join_next() {
            report(ended);
        }
        self.oldest_first
            .retain(|(slot, held)| !held.is_finished() && !slot.stays());
        if self.oldest_first.len() >= CONNECTIONS_MAX {
            if let Some((_, oldest)) = self.oldest_first.pop_front() {
                oldest.abort();
            }
        }
        let held = self.connections.spawn(connection);
        self.oldest_first.push_back((slot, held));
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
/// Enough for a scrape and some probes at the same time.
const DESCRIPTORS_RESERVED: usize = 4;
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// From the start of the connection to the end of the request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// From the start of the connection to its end. The longest answer, of about 12 MB, needs 200 KB/s.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a viewer may take none of its events, which come every second.
const VIEWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Enough for a client that reads. The port ends within a second after the server.
const LAST_MOMENT: Duration = Duration::from_millis(900);
/// The most bytes of a request's head, and of the answer that waits to be written.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
