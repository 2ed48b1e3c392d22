//! One connection to a server, in the hands of the game.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use lastword_session::{Cause, Close, Message, RoundTrip, SendError, SessionId, Time, Timing};
use lastword_transport::{Clock, Mailbox, Request};
use tokio::sync::oneshot;

use crate::app::{ClientInbox, Welcomed};
use crate::{Ended, Event};

/// A player's connection to a server.
///
/// A separate task drives the connection, so heartbeats do not depend on calls of [`Client::recv`]. A dropped client
/// leaves the server like [`Client::goodbye`], after the frames that were sent, but the caller does not wait. Frames
/// that were not yet received are discarded.
#[derive(Debug)]
pub struct Client {
    inbox: Arc<ClientInbox>,
    mailbox: Arc<Mailbox>,
    clock: Clock,
    session: Option<SessionId>,
    /// A session asks to go on over this connection, and the answer is still to come.
    goes_on: bool,
    timing: Timing,
    local_addr: SocketAddr,
    remote_addr: SocketAddr,
}

impl Client {
    pub(crate) fn new(
        inbox: Arc<ClientInbox>,
        mailbox: Arc<Mailbox>,
        clock: Clock,
        (local_addr, remote_addr): (SocketAddr, SocketAddr),
    ) -> Self {
        Self {
            inbox,
            mailbox,
            clock,
            session: None,
            goes_on: false,
            timing: Timing::default(),
            local_addr,
            remote_addr,
        }
    }

    pub(crate) async fn welcomed(
        &mut self,
        welcome: oneshot::Receiver<Welcomed>,
    ) -> Result<(), Ended> {
        match welcome.await {
            Ok(welcomed) => {
                self.session = welcomed.session;
                self.timing = welcomed.timing;
                self.goes_on = false;
                Ok(())
            }
            // The connection ended first: the end has the reason.
            Err(_) => Err(self.ended().await),
        }
    }

    /// A dialect has no welcome and no session id.
    pub(crate) fn live_in_dialect(&mut self, timing: Timing) {
        self.timing = timing;
    }

    /// Queues a frame for the server. Never blocks; [`Client::ready`] first waits for room.
    ///
    /// After the connection has ended, frames from the server may still wait to be received. As long as the game receives
    /// them, `send` accepts frames, but they are not written and count as unsent. A game that receives nothing for the
    /// linger timeout, or that has never received a frame, gets [`SendError::Closed`].
    ///
    /// # Errors
    /// [`SendError::TooLarge`]; [`SendError::Closed`] after the end; or [`SendError::QueueFull`]: twice
    /// [`Connector::outbound_bytes_max`](crate::Connector::outbound_bytes_max) waits, and the frame was not taken. If
    /// the kernel then refuses a write while more than once the limit waits, the connection ends as `send_queue_full`,
    /// unless the server is silent.
    pub fn send(&self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.mailbox.send(&self.clock, None, payload.as_ref())
    }

    /// Waits until at most half of [`Connector::outbound_bytes_max`](crate::Connector::outbound_bytes_max) is queued. A sole sender then has room for a
    /// frame of nearly half the limit.
    ///
    /// # Errors
    /// [`SendError::Closed`] after the end, if no frame was received since the last call. A game that answers each
    /// frame can therefore receive all frames up to the last one.
    ///
    /// # Cancel safety
    /// Cancel safe. Any number of tasks may wait at once, on any executor.
    pub async fn ready(&self) -> Result<(), SendError> {
        self.inbox.ready().await
    }

    /// Receives the next frame, and skips announcements and changes of the link. Returns `None` once the connection
    /// has ended and every frame that arrived has been received.
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped takes no frame.
    pub async fn recv(&mut self) -> Option<Bytes> {
        loop {
            match self.next_event().await? {
                Event::Frame(payload) => return Some(payload),
                Event::Notice(_) | Event::Link(_) => {}
            }
        }
    }

    /// Receives the next frame, announcement or change of the link. Returns `None` like [`Client::recv`].
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped takes nothing.
    pub async fn next_event(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.inbox.poll_next(cx)
    }

    /// Waits for the end, but receives no frames. Frames that arrived before the end can still be received
    /// afterwards.
    ///
    /// # Cancel safety
    /// Cancel safe, and may be called again.
    pub async fn ended(&mut self) -> Ended {
        poll_fn(|cx| self.poll_ended(cx)).await
    }

    pub(crate) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.inbox.poll_end(cx)
    }

    /// Notes that a session asks to go on over this connection: until the welcome, dropping the client does not end it.
    pub(crate) fn going_on(mut self) -> Self {
        self.goes_on = true;
        self
    }

    /// Leaves the connection and not the session: with a goodbye that says so, or without a word before the welcome.
    pub(crate) fn leave_paused(&self) {
        self.mailbox.request(pause());
    }

    /// Asks the server now whether it is there.
    pub(crate) fn probe(&self) {
        self.mailbox.request(Request::Probe);
    }

    /// Returns what another thread needs to send frames.
    pub(crate) fn outbound(&self) -> (Arc<Mailbox>, Clock) {
        (Arc::clone(&self.mailbox), self.clock.clone())
    }

    /// Leaves the server, and waits so that our goodbye can arrive.
    ///
    /// Sends a goodbye after all queued frames, then our FIN. Then reads and discards until the server's FIN or the
    /// linger timeout.
    ///
    /// The cause is `closed_by_game` here and `peer_goodbye` at the server, unless the connection had already ended.
    /// [`Ended::said`] has the text of our goodbye.
    ///
    /// # Cancel safety
    /// If the call is dropped, the client still leaves the server, but the end is not reported.
    pub async fn goodbye(self) -> Ended {
        self.goodbye_with("").await
    }

    /// Leaves like [`Client::goodbye`], with a reason for the server's record. A reason over 512 bytes is cut at a
    /// character.
    ///
    /// # Cancel safety
    /// As [`Client::goodbye`].
    pub async fn goodbye_with(self, reason: impl Into<String>) -> Ended {
        self.mailbox.request(goodbye(reason.into()));
        self.inbox.abandon();
        poll_fn(|cx| self.inbox.poll_end(cx)).await
    }

    /// Leaves at once, with a reset. Frames that were sent but not yet transmitted are lost, and the server records
    /// `peer_reset`.
    pub fn abort(self) {
        self.mailbox.request(Request::Abort);
    }

    /// Returns the session's id, which is also in the server's logs and records. `None` on a dialect, which has no
    /// ids.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Returns the interval at which we ping the server; `None` where the server wants no
    /// heartbeats.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Duration> {
        millis(self.timing.heartbeat_ms)
    }

    /// Returns the silence after which each end gives up the other; `None` for never.
    #[must_use]
    pub fn dead_limit(&self) -> Option<Duration> {
        millis(self.timing.dead_ms)
    }

    /// Returns the round trip of heartbeats, and how far the server's clock is ahead of [`Client::now`]. Both are learnt
    /// from the first pong, about a heartbeat after the welcome, and never on a dialect.
    ///
    /// Expect a state to be late by half a round trip plus the variance. Use the clock offset to interpolate. The
    /// server stamps its states with `ServerHandle::now`, in microseconds. The client shows each state at the same age.
    /// So a late state appears at the right time.
    ///
    /// ```
    /// # use lastword_client::{Client, Time};
    /// # fn age(client: &Client, stamp: u64) -> Option<std::time::Duration> {
    /// let server_now = client.round_trip().clock_offset()?.peer_time(client.now());
    /// let age = server_now.since(Time::from_micros(stamp));
    /// # Some(age) }
    /// ```
    ///
    /// Each pong may change the offset, by at most [`ClockOffset::error`](crate::ClockOffset::error) unless a machine was suspended. Approach
    /// the new value over several frames, and never let time run backwards.
    #[must_use]
    pub fn round_trip(&self) -> RoundTrip {
        self.mailbox.round_trip()
    }

    /// Returns our monotonic clock, which all clients of the process share.
    #[must_use]
    pub fn now(&self) -> Time {
        Clock::real()
    }

    /// Returns our address.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the server's address.
    #[must_use]
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote_addr
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.inbox.abandon() {
            self.mailbox.request(match self.goes_on {
                true => pause(),
                false => goodbye(String::new()),
            });
        }
    }
}

/// An ordinary goodbye: code 0, and no instruction for the server.
fn goodbye(reason: String) -> Request {
    Request::close(leave(reason))
}

/// A goodbye that says that the session is paused.
fn pause() -> Request {
    Request::close(Close {
        paused: true,
        linger: Some(PAUSE_MOST),
        ..leave(String::new())
    })
}

fn leave(reason: String) -> Close {
    let message = Message::default()
        .with_delay(Duration::ZERO)
        .with_reason(reason);
    Close::with(Cause::ClosedByGame, message)
}

/// How long a goodbye that says *paused* may take to be written, and again the server's FIN.
const PAUSE_MOST: Duration = Duration::from_secs(1);

fn millis(ms: u32) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(u64::from(ms)))
}
