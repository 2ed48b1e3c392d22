//! The accept loop: it survives every error, never spins, and ends only when the server ends.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use lastword_keepalive::KernelKnobs;
use lastword_session::{Cause, Close, Config, Connection, OsError};
use lastword_transport::{Driver, Linger, Request, canonical, tune};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;
use tokio::task::unconstrained;

use super::app::{Front, ServerApp};
use super::refused;
use super::reserve::{EMFILE, ENFILE, Reserve, WSAEMFILE};
use crate::books::{AcceptError, Books};
use crate::config::{ListenerSettings, Settings};
use crate::core::{Admitted, Adopted, Peers};
use crate::guard::{guarded, logged};
use crate::player::{Remote, RemoteSource};
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
    let reserve = Reserve::new(1);
    let knobs = not_inherited(&front.core.settings, &listener);
    let mut backoff = BACKOFF_MIN;
    loop {
        let accepted = tokio::select! {
            biased;
            () = front.core.shutdown.ended.wait() => return,
            accepted = listener.accept() => accepted,
        };
        let error = match accepted {
            Ok((stream, remote)) => {
                backoff = BACKOFF_MIN;
                if let Some(Err(error)) = knobs.map(|knobs| tune(&SockRef::from(&stream), knobs)) {
                    logged(|| tracing::debug!(%error, "a connection lacks a socket option"));
                }
                admit(&front, stream, remote, n).await;
                continue;
            }
            Err(error) => error,
        };
        let kind = classify(&error);
        failed(&front.core.books, kind, &error);
        if kind.is_passing() {
            continue;
        }
        if reserve.release_for(&error) {
            turn_away(&listener).await;
            reserve.refill();
            backoff = BACKOFF_MIN;
        }
        tokio::select! {
            biased;
            () = front.core.shutdown.ended.wait() => return,
            () = tokio::time::sleep(backoff) => {}
        }
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// The socket options that a connection does not have from this listener: a Multipath TCP listener passes only some on to
/// the plain TCP connections that it accepts.
fn not_inherited<'a>(settings: &'a Settings, listener: &TcpListener) -> Option<&'a KernelKnobs> {
    if !lastword_sys::is_multipath(lastword_sys::borrow(listener)) {
        return None;
    }
    logged(|| tracing::warn!("{MULTIPATH}"));
    settings.listener_knobs()
}

/// Counts a failure of accept, and logs it unless there are too many.
fn failed(books: &Books, kind: AcceptError, error: &io::Error) {
    books.ledger.accept_error(kind);
    if books.accept_limit.allows() {
        let (error, kind) = (OsError::in_words(error), kind.label());
        logged(|| tracing::warn!(%error, kind, "accept failed"));
    }
}

/// Counts a connection in and starts its task, or refuses it.
async fn admit<S: Shape>(front: &Arc<Front<S>>, stream: TcpStream, remote: SocketAddr, n: u8) {
    let core = &front.core;
    let places_taken = core.books.ledger.open();
    let live = core.settings.live();
    let listener = live.listener(n);
    let config = Arc::clone(&listener.session);
    let remote = remote_of(canonical(remote), &config);
    let addr = remote.addr.ip();
    if config.proxy_header && !listener.is_proxy(addr) {
        return without_proxy(front, stream, remote, n, config);
    }
    let admitted = match core.decide(addr, places_taken, Peers::of(&config)) {
        Ok(admitted) => admitted,
        Err(refusal) => return refuse(front, stream, remote, n, listener, &refusal).await,
    };
    let (mailbox, slot) = core.mailboxes.add(&config);
    core.listeners.accepted(slot.index(), n);
    let app = ServerApp::new(Arc::clone(front), remote, slot.index(), admitted);
    let session = Connection::server(config, slot.now());
    // A drain that began since the decision may not have found the mailbox.
    if core.is_draining() {
        mailbox.request(Request::close(core.refused_draining()));
    }
    let driver = Driver::new(stream, session, app, mailbox, slot);
    tokio::spawn(listener.tls.secure(driver));
}

/// Closes a connection that comes from no listed proxy, without a word. No rule of admission is asked.
fn without_proxy<S: Shape>(
    front: &Arc<Front<S>>,
    stream: TcpStream,
    remote: Remote,
    n: u8,
    config: Arc<Config>,
) {
    let core = &front.core;
    let (mailbox, slot) = core.mailboxes.add(&config);
    core.listeners.accepted(slot.index(), n);
    let app = ServerApp::new(Arc::clone(front), remote, slot.index(), Admitted::Exempt);
    let session = Connection::unlisted(config, slot.now());
    tokio::spawn(Driver::new(stream, session, app, mailbox, slot));
}

/// Tells a client why it is refused, or resets it, if too many refused clients are here.
async fn refuse<S: Shape>(
    front: &Arc<Front<S>>,
    stream: TcpStream,
    remote: Remote,
    n: u8,
    listener: &ListenerSettings,
    refusal: &Close,
) {
    let core = &front.core;
    let lingers = core.books.ledger.refuse(listener.session.tls);
    if lingers == Linger::Refused {
        reset(&stream);
        refused::report(core, remote, n, refusal.cause);
        return;
    }
    let config = Arc::clone(&listener.session);
    let (mailbox, slot) = core.mailboxes.add(&config);
    core.listeners.accepted(slot.index(), n);
    let mut app = ServerApp::new(Arc::clone(front), remote, slot.index(), Admitted::Exempt);
    app.refuse(lingers);
    let session = match may_resume(&config, refusal) {
        true => Connection::guest(config, slot.now(), refusal),
        false => Connection::refused(config, slot.now(), refusal),
    };
    let driver = Driver::new(stream, session, app, mailbox, slot);
    let mut driver = listener.tls.secure(driver);
    // The client gets its reason before the next one is accepted. So a burst of clients waits in the backlog, and not in
    // descriptors of this process.
    if !is_over(&mut driver).await {
        tokio::spawn(driver);
    }
}

/// Whether a client that is refused like this may still come back to its session, which has a place.
fn may_resume(config: &Config, refusal: &Close) -> bool {
    config.resume.is_some() && refusal.cause != Cause::AddressDenied
}

/// Makes the close of a connection a reset: the kernel then keeps nothing of the connection.
fn reset(stream: &TcpStream) {
    if let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO)) {
        logged(|| tracing::debug!(%error, "a refused connection is closed without a reset"));
    }
}

/// The address of a connection that was just accepted. It is its proxy's until the PROXY header is read.
fn remote_of(addr: SocketAddr, config: &Config) -> Remote {
    let source = match config.proxy_header {
        true => RemoteSource::Proxy,
        false => RemoteSource::Socket,
    };
    Remote { addr, source }
}

/// Polls a task once. Returns whether it is over.
async fn is_over(task: &mut (impl Future<Output = ()> + Unpin)) -> bool {
    let once = poll_fn(|cx| {
        let mut over = true;
        guarded("the task of a refused connection panicked", || {
            over = Pin::new(&mut *task).poll(cx).is_ready();
        });
        Poll::Ready(over)
    });
    // The accept loop's remaining budget might be too small to write the goodbye.
    unconstrained(once).await
}

/// Accepts and closes the connections that wait, with one free descriptor, so that no peer hangs in the backlog.
async fn turn_away(listener: &TcpListener) {
    let all = poll_fn(|cx| {
        for _ in 0..TURNED_AWAY_MAX {
            match listener.poll_accept(cx) {
                Poll::Ready(Ok((turned_away, _))) => drop(turned_away),
                Poll::Ready(Err(error)) if classify(&error).is_passing() => {}
                Poll::Ready(Err(_)) | Poll::Pending => break,
            }
        }
        Poll::Ready(())
    });
    // The budget of a task would end the loop early.
    unconstrained(all).await;
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

/// `accept(2)` also returns errors of the connection that it would accept.
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

const MULTIPATH: &str = "the listener is a Multipath TCP socket: for a client that uses Multipath TCP the kernel \
    shows no FIN and no silence, so a read of 0 counts as its FIN, and each silence is peer_silent; make the listener \
    plain TCP to tell them apart";
const EPROTO: i32 = 71;
const ENOBUFS: i32 = 105;
/// The most connections that are turned away without a pause.
const TURNED_AWAY_MAX: u32 = 1_024;
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
