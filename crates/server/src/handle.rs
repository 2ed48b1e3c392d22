//! The handle: a game's access to its sessions from outside of them, on any thread, without a runtime.

mod sessions;

use std::any::Any;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use lastword_session::{Message, Outbound, Policy, RoundTrip, SendError, SessionId, Time};
use lastword_transport::{Clock, Request, tune};
use socket2::Socket;

use crate::books::{SessionStatus, Stats};
use crate::config::{Bound, Reload, SecondLogin};
use crate::core::{Core, Group, NoSuchSession, ReloadError, drain};
use crate::player::Kick;
#[cfg(feature = "tls")]
use crate::tls::Certificates;

pub use sessions::SessionInfo;

/// Gives access to a running server, and can be cloned. Nothing here blocks.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    pub(crate) core: Arc<Core>,
}

impl ServerHandle {
    /// Returns the address of the first listener, with the port that was bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.core.listeners.first()
    }

    /// Returns the addresses of all listeners of the configuration, in its order, with the ports that were bound.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.core.listeners.own
    }

    /// Gives new connections these certificates, on every listener with TLS; live ones keep theirs. Returns false, and
    /// changes nothing, where no listener has TLS. Where the configuration has the certificates, a reload and a change of
    /// their files bring those back.
    #[cfg(feature = "tls")]
    pub fn set_certificates(&self, certificates: Certificates) -> bool {
        self.core.settings.set_certificates(&certificates)
    }

    /// Returns what a second login of a player does: `replace`, `refuse` or `allow`, and never `auto`.
    #[must_use]
    pub fn second_login(&self) -> SecondLogin {
        self.core.settings.second_login
    }

    /// Returns the address of the admin port, if there is one.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.core.listeners.admin.get().copied()
    }

    /// Returns the separate address for scrapers, if there is one.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.core.listeners.metrics.get().copied()
    }

    /// Accepts players on one more listener, which the caller has bound: for a socket from a supervisor, a second
    /// address, or another network namespace. It gets the socket options of the server's own listeners and the
    /// other settings of the first listener. It is closed when they are closed.
    ///
    /// # Errors
    /// The system refuses an option, the server has ended, or it has 256 listeners already.
    pub fn adopt(&self, listener: TcpListener) -> io::Result<()> {
        if self.core.shutdown.ended.is_set() {
            return Err(io::Error::other("the server has ended"));
        }
        let socket = Socket::from(listener);
        socket.set_nonblocking(true)?;
        let own = self.core.settings.listener_knobs();
        own.map_or(Ok(()), |knobs| tune(&socket, knobs))?;
        self.core.listeners.adopt(socket.into())
    }

    /// Returns how soon each silent cause is noticed at the latest, by profile: the configuration's bounds on this
    /// kernel.
    #[must_use]
    pub fn detection_bounds(&self) -> &[Bound] {
        &self.core.settings.bounds
    }

    /// Describes a live session. Returns `None` if no live session has this id, or if it ends before it answers. The
    /// session's own task answers at its next turn.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn session_status(&self, session: SessionId) -> Option<SessionStatus> {
        // The question is stored before the session is looked up. If the session ends in between, its
        // end withdraws the question.
        let answer = self.core.books.status_requests.ask(session);
        match self.core.mailboxes.of(session) {
            Some(mailbox) => mailbox.request(Request::Report),
            None => self.core.books.status_requests.drop_all(session),
        }
        answer.await.ok()
    }

    /// Queues a frame for a session. Between the session's end and its departure, a frame is accepted as by
    /// [`Session::send`](crate::Session::send).
    ///
    /// # Errors
    /// [`SendError::Closed`] also if no live session here has this id; see [`SendError`] for the others.
    pub fn send(&self, session: SessionId, payload: &[u8]) -> Result<(), SendError> {
        self.send_as(session, None, payload)
    }

    /// Queues a frame as [`ServerHandle::send`] does, with this policy.
    ///
    /// # Errors
    /// As [`Session::send_with`](crate::Session::send_with), and as [`ServerHandle::send`].
    pub fn send_with(
        &self,
        session: SessionId,
        policy: Policy,
        payload: &[u8],
    ) -> Result<(), SendError> {
        self.send_as(session, Some(policy.into()), payload)
    }

    /// Queues a frame that makes an earlier one with the same key obsolete, as
    /// [`Session::send_latest`](crate::Session::send_latest) does.
    ///
    /// # Errors
    /// As [`ServerHandle::send`].
    pub fn send_latest(
        &self,
        session: SessionId,
        key: u64,
        payload: &[u8],
    ) -> Result<(), SendError> {
        self.send_as(session, Some(Outbound::Latest(key)), payload)
    }

    /// Queues a frame for each of these sessions, and encodes it once. Returns how many took it. It takes about half a
    /// microsecond a session, as [`Group::broadcast`] does.
    pub fn broadcast(
        &self,
        sessions: impl IntoIterator<Item = SessionId>,
        payload: &[u8],
    ) -> usize {
        self.broadcast_as(sessions, None, payload)
    }

    /// Queues a frame as [`ServerHandle::broadcast`] does, with this policy instead of the policies of the sessions.
    pub fn broadcast_with(
        &self,
        sessions: impl IntoIterator<Item = SessionId>,
        policy: Policy,
        payload: &[u8],
    ) -> usize {
        self.broadcast_as(sessions, Some(policy.into()), payload)
    }

    /// Queues a frame that makes an earlier one with the same key obsolete, for each of these sessions, as
    /// [`Group::broadcast_latest`] does.
    pub fn broadcast_latest(
        &self,
        sessions: impl IntoIterator<Item = SessionId>,
        key: u64,
        payload: &[u8],
    ) -> usize {
        self.broadcast_as(sessions, Some(Outbound::Latest(key)), payload)
    }

    /// Queues a frame for every live session, and encodes it once. Returns how many took it. It takes about half a
    /// microsecond a session, as [`Group::broadcast`] does.
    pub fn broadcast_all(&self, payload: &[u8]) -> usize {
        let mailboxes = &self.core.mailboxes;
        let (frame, now) = (mailboxes.encode(None, payload), self.core.clock.now());
        let mut taken = 0;
        mailboxes.table.for_each(|mailbox| {
            taken += usize::from(frame.send(mailbox, now));
        });
        taken
    }

    /// Makes an empty group: a set of sessions for broadcasts.
    #[must_use]
    pub fn group(&self) -> Group {
        self.core.groups.group()
    }

    /// Returns the game's own value that the authenticator gave this session's player
    /// ([`Player::with_data`](crate::Player::with_data)). `None` if no such session is here, or it has no value, or the
    /// value has another type. A departed session has its value in its [`Departure`](crate::Departure).
    #[must_use]
    pub fn data<T: Any + Send + Sync>(&self, session: SessionId) -> Option<Arc<T>> {
        self.core.books.live_sessions.find(session)?.data.of_type()
    }

    /// Changes how long a session without a connection waits for its player from now on, at most 24 h: longer for one who has
    /// paid for it, or zero to end it as `resume_expired`. Without effect while it has a connection.
    ///
    /// # Errors
    /// [`NoSuchSession`].
    pub fn hold(&self, session: SessionId, time: Duration) -> Result<(), NoSuchSession> {
        self.request(session, Request::Hold(time))
    }

    /// Kicks a player: `kicked`. Queued frames are dropped, and the client gets the reason. The departure does not wait
    /// until the game has taken the session's frames, even if the client has already left and that is the cause.
    ///
    /// # Errors
    /// [`NoSuchSession`].
    pub fn kick(&self, session: SessionId, kick: Kick) -> Result<(), NoSuchSession> {
        self.request(session, Request::close(kick.into_close()))
    }

    /// Ends a session after its queued frames are sent: `closed_by_game`. The departure does not wait for the game, as
    /// with [`ServerHandle::kick`].
    ///
    /// # Errors
    /// [`NoSuchSession`].
    pub fn close(&self, session: SessionId, kick: Kick) -> Result<(), NoSuchSession> {
        self.request(session, Request::close(kick.into_orderly_close()))
    }

    /// Returns the round trip of a session's heartbeats, and how far the client's clock is ahead of
    /// [`ServerHandle::now`], as the client reports it. Both are learnt about a heartbeat after the session joined, and
    /// never on a dialect. `None` if no such session is live here.
    #[must_use]
    pub fn round_trip(&self, session: SessionId) -> Option<RoundTrip> {
        Some(self.core.mailboxes.of(session)?.round_trip())
    }

    /// Returns the server's monotonic time, the same for all of its sessions. A game can put this time into its
    /// states, and clients can then interpolate: they know how far the server's clock is ahead of their own
    /// (`Client::round_trip`).
    #[must_use]
    pub fn now(&self) -> Time {
        Clock::real()
    }

    /// Drains the server: tells every client, gives clients time to leave, and says goodbye to the remaining
    /// clients. The server ends when all sessions are gone or the timeout is over. New connections are refused as
    /// `refused_draining`.
    ///
    /// # Cancel safety
    /// If the call is dropped, the drain continues. A later call waits for the end of this drain and ignores its own
    /// timeout.
    pub async fn drain(&self, timeout: Duration) {
        self.begin_drain(timeout);
        self.closed().await;
    }

    /// Begins a drain as [`ServerHandle::drain`] does, and returns at once. It is for a tick loop, which continues to
    /// drain its events until [`Events::is_over`](crate::Events::is_over).
    pub fn begin_drain(&self, timeout: Duration) {
        drain::begin(&self.core, timeout, None);
    }

    /// Begins a drain with words, an address and a delay that the game chooses. They replace the values of `[drain]` in
    /// the configuration. [`Message::with_address`] sends clients to another server. The goodbye has the code of its
    /// cause, not a code of the game. [`ServerHandle::closed`] waits for its end.
    pub fn begin_drain_with(&self, timeout: Duration, message: Message) {
        drain::begin(&self.core, timeout, Some(message));
    }

    /// Returns what a drain tells clients, from the configuration or from the call that began the drain.
    #[must_use]
    pub fn drain_message(&self) -> Message {
        self.core.drain_message()
    }

    /// Ends a drain, or the server, at once: sessions that are still open are cut off as `drain_expired`.
    pub fn expire(&self) {
        drain::expire(&self.core);
    }

    /// Waits until the server has ended, and up to a second for the sessions that were cut off with it.
    ///
    /// # Cancel safety
    /// Cancel safe, and may be called again.
    pub async fn closed(&self) {
        self.core.shutdown.closed.wait().await;
    }

    /// Returns whether a drain has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.core.is_draining()
    }

    /// Reads the configuration again from its source ([`Builder::reload_from`](crate::Builder::reload_from)), and takes
    /// over what a running server can change: lists, limits of admission, timeouts, the words of a drain. Connections
    /// that are open keep their limits and timeouts. `Key::reloads` says for a key whether a reload changes it.
    ///
    /// It reads the source on this thread. On a worker of a runtime, call it with `tokio::task::spawn_blocking`.
    ///
    /// # Errors
    /// [`ReloadError`]: nothing has changed.
    pub fn reload(&self) -> Result<Reload, ReloadError> {
        self.core.reload()
    }

    /// Returns whether the process has enough memory, time and file descriptors, by the marks of the configuration. If
    /// one of these is short, balancers should send no players here. If it stays short, connections are refused as
    /// `overloaded`.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.core.shedding.is_calm()
    }

    /// Returns the drain timeout of the configuration.
    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        self.core.settings.live().drain_timeout
    }

    /// Publishes one snapshot of the counts to the recorder and runs `also` before another one is published, so both
    /// laws hold in the output of `also`.
    ///
    /// Until `also` returns, other calls of this function wait; sessions do not wait. The recorder and `also` may call
    /// all other functions of this handle, but not this function: the call would wait for itself. On a worker of the
    /// runtime, call it with `tokio::task::spawn_blocking`.
    ///
    /// # Panics
    /// When the recorder or `also` panics. Later calls work.
    pub fn publish<R>(&self, also: impl FnOnce() -> R) -> R {
        self.core.publish(also)
    }

    /// Returns whether the server publishes its counts itself, every second and when it has ended. It does so if
    /// its metrics go to the recorder of the game or of the process, and not to an extension's recorder.
    #[must_use]
    pub fn publishes_itself(&self) -> bool {
        self.core.publishes_itself
    }

    /// Returns one snapshot of the counts.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    fn send_as(
        &self,
        session: SessionId,
        how: Option<Outbound>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        let mailbox = self.core.mailboxes.in_slot_of(session);
        let mailbox = mailbox.ok_or(SendError::Closed)?;
        mailbox.send_to(session.as_bytes(), &self.core.clock, how, payload)
    }

    fn broadcast_as(
        &self,
        sessions: impl IntoIterator<Item = SessionId>,
        how: Option<Outbound>,
        payload: &[u8],
    ) -> usize {
        let mailboxes = &self.core.mailboxes;
        let (frame, now) = (mailboxes.encode(how, payload), self.core.clock.now());
        let takes = |session: &SessionId| {
            mailboxes
                .in_slot_of(*session)
                .is_some_and(|mailbox| frame.send_to(*session, &mailbox, now))
        };
        sessions.into_iter().filter(takes).count()
    }

    fn request(&self, session: SessionId, request: Request) -> Result<(), NoSuchSession> {
        self.core
            .mailboxes
            .of(session)
            .ok_or(NoSuchSession)?
            .request(request);
        Ok(())
    }
}
