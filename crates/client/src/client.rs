//! One connection to a server, as the game holds it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lastword_session::{
    Admission, Advice, Cause, ClockOffset, Close, SendError, SessionId, Time, Timing,
};
use lastword_transport::{Clock, Mailbox, Request};
use tokio::sync::oneshot;

use crate::app::ClientInbox;
use crate::{Connector, DialError, Ended, Event, ServerAddr};

/// A player's connection to a server.
///
/// A task of its own drives it: heartbeats do not depend on [`Client::recv`] being called. Dropping a client
/// leaves the server as [`Client::goodbye`] does, behind what was sent and without waiting; whatever was not yet
/// received is discarded.
#[derive(Debug)]
pub struct Client {
    inbox: Arc<ClientInbox>,
    mailbox: Arc<Mailbox>,
    clock: Clock,
    session: Option<SessionId>,
    timing: Timing,
    local_addr: SocketAddr,
    remote_addr: SocketAddr,
}

impl Client {
    /// Connects with the default options and a sweep of deadlines of its own, as [`Connector::connect`] does; for more
    /// than a few clients, or with other options, use a [`Connector`].
    ///
    /// # Errors
    /// [`DialError`]: the name does not resolve, the server was not reached, refused us, or does not speak this
    /// protocol.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn connect<A>(server: A, credentials: impl Into<Bytes>) -> Result<Self, DialError>
    where
        A: TryInto<ServerAddr>,
        DialError: From<A::Error>,
    {
        Connector::start().connect(server, credentials).await
    }

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
            timing: Timing::default(),
            local_addr,
            remote_addr,
        }
    }

    pub(crate) async fn welcomed(
        &mut self,
        welcome: oneshot::Receiver<Admission>,
    ) -> Result<(), Ended> {
        match welcome.await {
            Ok(admission) => {
                self.session = Some(SessionId::from_bytes(admission.session));
                self.timing = admission.timing;
                Ok(())
            }
            // The end came first, and said why.
            Err(_) => Err(self.ended().await),
        }
    }

    /// There is no welcome there, and no session id.
    pub(crate) fn live_in_dialect(&mut self, timing: Timing) {
        self.timing = timing;
    }

    /// Queues a frame for the server. Never blocks; [`Client::ready`] waits for room first. From the server's end until
    /// the end is told, which is when every frame before it was received, a frame is taken, not written, and counted as
    /// unsent.
    ///
    /// # Errors
    /// [`SendError::TooLarge`]; [`SendError::Closed`] after the end; or [`SendError::QueueFull`], which unless the server is
    /// silent also ends the connection as `send_queue_full`.
    pub fn send(&self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.mailbox.send(self.clock, payload.as_ref())
    }

    /// Waits until there is room: until at most half of [`Connector::outbound_bytes_max`] is queued. Who alone sends
    /// then has room for a frame of nearly the other half.
    ///
    /// # Errors
    /// [`SendError::Closed`] after the end, where no frame was received since the last call: a game that answers every
    /// frame reads on to the last one.
    ///
    /// # Cancel safety
    /// Cancel safe. Any number of tasks may wait at once, on any executor.
    pub async fn ready(&self) -> Result<(), SendError> {
        self.inbox.ready().await
    }

    /// Receives the next frame, passing over announcements and changes of the link; `None` once the connection ended
    /// and every frame that came across was taken.
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

    /// Receives the next frame, announcement or change of the link; `None` as from [`Client::recv`].
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped takes nothing.
    pub async fn next_event(&mut self) -> Option<Event> {
        poll_fn(|cx| self.inbox.poll_next(cx)).await
    }

    /// Waits for the end, and for no frame. Frames that came before it may still be received afterwards.
    ///
    /// # Cancel safety
    /// Cancel safe, and may be called again.
    pub async fn ended(&mut self) -> Ended {
        poll_fn(|cx| self.inbox.poll_end(cx)).await
    }

    /// Leaves the server: a goodbye behind all that was sent, our FIN, then reading (and discarding) until the
    /// server's FIN or the linger timeout, so that our last word reaches it.
    ///
    /// The cause is `closed_by_game` here and `peer_goodbye` there, unless the connection had ended already. The
    /// returned [`Ended`] has the words as [`Ended::said`].
    ///
    /// # Cancel safety
    /// A call that is dropped leaves the server all the same; nobody is told how it ended.
    pub async fn goodbye(self) -> Ended {
        self.goodbye_with("").await
    }

    /// The same with words for the server's record, 512 bytes at most; longer ones are cut at a character.
    ///
    /// # Cancel safety
    /// As [`Client::goodbye`].
    pub async fn goodbye_with(self, reason: impl Into<String>) -> Ended {
        self.mailbox.request(goodbye(reason.into()));
        self.inbox.abandon();
        poll_fn(|cx| self.inbox.poll_end(cx)).await
    }

    /// Leaves at once, with a reset: what was sent and not yet transmitted is lost, and the server sees
    /// `peer_reset`.
    pub fn abort(self) {
        self.mailbox.request(Request::Abort);
    }

    /// Returns the session's id, the same as in the server's logs and records; `None` on a dialect, which has none.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// How often we tell the server that we are there; `None` where it wants no heartbeats.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Duration> {
        millis(self.timing.heartbeat_ms)
    }

    /// The silence after which each end gives up the other; `None` for never.
    #[must_use]
    pub fn dead_limit(&self) -> Option<Duration> {
        millis(self.timing.dead_ms)
    }

    /// The smoothed round trip of heartbeats (RFC 6298); `None` before the first pong, about a heartbeat after the
    /// welcome, and on a dialect.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.mailbox.round_trip().rtt()
    }

    /// The smoothed deviation of the round trip: how far beyond half of it a state is to be expected late.
    #[must_use]
    pub fn rtt_variance(&self) -> Option<Duration> {
        self.mailbox.round_trip().variance()
    }

    /// How far the server's clock is ahead of [`Client::now`]; known as soon as [`Client::rtt`] is.
    ///
    /// A game that interpolates has the server stamp its states (`ServerHandle::now`, in microseconds) and shows each
    /// when it is of a certain age, the same for all: so none comes early or late for having been quick or slow.
    ///
    /// ```
    /// # use lastword_client::{Client, Time};
    /// # fn age(client: &Client, stamp: u64) -> Option<std::time::Duration> {
    /// let server_now = client.clock_offset()?.peer_time(client.now());
    /// let age = server_now.since(Time::from_micros(stamp));
    /// # Some(age) }
    /// ```
    ///
    /// Each pong may move it, by no more than [`ClockOffset::error`] unless a machine was suspended: approach the new
    /// value over some frames, and let no time run backwards.
    #[must_use]
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.mailbox.round_trip().clock_offset()
    }

    /// Our monotonic clock, the same for all clients of the process.
    #[must_use]
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Where we are.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where the server is.
    #[must_use]
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote_addr
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.inbox.abandon() {
            self.mailbox.request(goodbye(String::new()));
        }
    }
}

/// An ordinary goodbye: code 0, and nothing that a server would follow.
fn goodbye(reason: String) -> Request {
    Request::close(Close {
        cause: Cause::ClosedByGame,
        code: 0,
        advice: Advice::MayReconnect,
        delay_ms: 0,
        address: String::new(),
        reason,
        linger: None,
        flush: false,
    })
}

fn millis(ms: u32) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(u64::from(ms)))
}
