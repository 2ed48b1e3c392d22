//! The accept loop: it survives every error, never spins, and ends only when the server ends.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lastword_session::{Cause, Close, Connection, OsError};
use lastword_transport::Driver;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;

use super::app::{Front, ServerApp};
use crate::books::AcceptError;
use crate::core::Adopted;
use crate::shape::Shape;

/// Accepts on each listener that the server is given, until the server ends.
pub(crate) async fn accept_by_all<S: Shape>(front: Arc<Front<S>>, mut given: Receiver<Adopted>) {
    loop {
        let adopted = tokio::select! {
            biased;
            () = front.core.shutdown.ended.wait() => return,
            adopted = given.recv() => adopted,
        };
        let Some(Adopted { n, listener }) = adopted else {
            return;
        };
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                tokio::spawn(accept_loop(Arc::clone(&front), listener, n));
            }
            Err(error) => tracing::error!(%error, "a listener cannot be used"),
        }
    }
}

/// Accepts on the listener with this number until the server ends.
pub(crate) async fn accept_loop<S: Shape>(front: Arc<Front<S>>, listener: TcpListener, n: u8) {
    let mut spare = Spare::open();
    let mut backoff = BACKOFF_MIN;
    loop {
        let accepted = tokio::select! {
            biased;
            () = front.core.shutdown.ended.wait() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                backoff = BACKOFF_MIN;
                admit(&front, stream, remote, n);
            }
            Err(error) => {
                let kind = classify(&error);
                front.core.books.ledger.accept_error(kind);
                tracing::warn!(error = %OsError::in_words(&error), kind = kind.label(), "accept failed");
                if kind.is_passing() {
                    continue;
                }
                if matches!(kind, AcceptError::Emfile | AcceptError::Enfile) {
                    spare.shed(&listener);
                }
                tokio::select! {
                    biased;
                    () = front.core.shutdown.ended.wait() => return,
                    () = tokio::time::sleep(backoff) => {}
                }
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
    }
}

/// Counts a connection in and starts its task. A refused client gets its reason from the same task.
fn admit<S: Shape>(front: &Arc<Front<S>>, stream: TcpStream, remote: SocketAddr, n: u8) {
    let core = &front.core;
    let taken = core.books.ledger.open();
    let config = Arc::clone(&core.settings.session);
    let (mailbox, slot) = core.mailboxes.add(&config);
    core.listeners.accepted(slot.index(), n);
    let mut app = ServerApp::new(Arc::clone(front), remote, slot.index());
    let now = slot.now();
    // Checked after the connection is in the table: a drain that begins in between then finds the connection there.
    let refusal = match (core.is_draining(), taken > core.settings.connections_max) {
        (true, _) => Some(core.refused_draining()),
        (false, true) => Some(Close::new(Cause::ServerFull)),
        (false, false) => None,
    };
    let session = match refusal {
        Some(refusal) => {
            app.refuse();
            Connection::refused(config, now, &refusal)
        }
        None => Connection::server(config, now),
    };
    tokio::spawn(Driver::new(stream, session, app, mailbox, slot));
}

/// A descriptor kept in reserve. When the process is out of descriptors, the server closes it to accept one waiting
/// connection and turn that away. So peers do not hang in the backlog.
struct Spare(Option<File>);

impl Spare {
    fn open() -> Self {
        Self(File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok())
    }

    fn shed(&mut self, listener: &TcpListener) {
        if self.0.take().is_none() {
            *self = Self::open();
            return;
        }
        let socket = socket2::SockRef::from(listener);
        // The listener is non-blocking: this returns at once if no connection waits.
        match socket.accept() {
            Ok((turned_away, _)) => drop(turned_away),
            Err(error) => {
                tracing::debug!(error = %OsError::in_words(&error), "no connection waits to be refused")
            }
        }
        *self = Self::open();
    }
}

impl AcceptError {
    /// Whether the next accept may succeed at once: the error concerned one peer only, or a signal interrupted the
    /// call.
    fn is_passing(self) -> bool {
        match self {
            Self::Aborted | Self::Interrupted => true,
            Self::Emfile | Self::Enfile | Self::NoMemory | Self::Unexpected => false,
        }
    }
}

/// accept(2) also reports pending errors of the connection that it would return.
fn classify(error: &io::Error) -> AcceptError {
    match (error.raw_os_error(), error.kind()) {
        (Some(EMFILE | WSAEMFILE), _) => AcceptError::Emfile,
        (Some(ENFILE), _) => AcceptError::Enfile,
        (_, io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            AcceptError::Aborted
        }
        (Some(EPROTO), _) if cfg!(target_os = "linux") => AcceptError::Aborted,
        (_, io::ErrorKind::OutOfMemory) => AcceptError::NoMemory,
        (Some(ENOBUFS), _) if cfg!(target_os = "linux") => AcceptError::NoMemory,
        (_, io::ErrorKind::Interrupted) => AcceptError::Interrupted,
        (
            _,
            io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable,
        ) => AcceptError::Aborted,
        _ => AcceptError::Unexpected,
    }
}

const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
const EPROTO: i32 = 71;
const ENOBUFS: i32 = 105;
const WSAEMFILE: i32 = 10024;
const BACKOFF_MIN: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_one_peer_pass_and_errors_of_this_host_back_off() {
        for (code, kind) in [
            (24, AcceptError::Emfile),
            (23, AcceptError::Enfile),
            (103, AcceptError::Aborted),
            (71, AcceptError::Aborted),
            (12, AcceptError::NoMemory),
            (105, AcceptError::NoMemory),
            (4, AcceptError::Interrupted),
            (22, AcceptError::Unexpected),
        ] {
            assert_eq!(
                classify(&io::Error::from_raw_os_error(code)),
                kind,
                "{code}"
            );
        }
    }
}
