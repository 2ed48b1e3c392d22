//! The session shape: one async object per player, with an inbox of its own.

mod event;

use std::any::Any;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use lastword_session::{ClockOffset, Link, SendError};
use lastword_transport::{Caps, Inbox, Mailbox, Request, Room};
use tokio::sync::Notify;

use crate::context::Context;
use crate::core::Core;
use crate::seat::Seat;
use crate::shape::{Arrival, Game, Shape};
use crate::{Departure, Kick, SessionId};

pub use event::SessionEvent;

/// What came, and the departure once it is known.
type SessionInbox = Inbox<SessionEvent, Departure>;

/// A player's session, for a game that gives each its own task.
///
/// The connection is driven by a task of the layer's: heartbeats do not depend on [`Session::recv`] being
/// called. Dropping a session ends it as `closed_by_game`.
#[derive(Debug)]
pub struct Session {
    seat: Arc<Seat>,
    inbox: Arc<SessionInbox>,
    mailbox: Arc<Mailbox>,
    core: Arc<Core>,
}

impl Session {
    /// Receives the next frame, passing over changes of the link; `None` once the session departed and every frame
    /// that came across was taken.
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped takes no frame.
    pub async fn recv(&mut self) -> Option<Bytes> {
        loop {
            match self.next_event().await? {
                SessionEvent::Frame(payload) => return Some(payload),
                SessionEvent::Link(_) => {}
            }
        }
    }

    /// Receives the next frame or change of the link; `None` as from [`Session::recv`].
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped takes nothing.
    pub async fn next_event(&mut self) -> Option<SessionEvent> {
        poll_fn(|cx| self.inbox.poll_next(cx)).await
    }

    /// Queues a frame for the peer. Never blocks; [`Session::ready`] waits for room first.
    ///
    /// A peer may have left while frames of it wait to be received. From its end until the departure a frame is taken,
    /// not written, and counted as unsent. So a game looks for the end where it receives, not where it sends.
    ///
    /// # Errors
    /// [`SendError::TooLarge`]; [`SendError::Closed`] once the session departed; or [`SendError::QueueFull`], which
    /// unless the peer is silent also ends the session as `send_queue_full`.
    pub fn send(&self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.mailbox.send(self.core.clock, payload.as_ref())
    }

    /// Waits until there is room: until at most half of `outbound_bytes_max` is queued. Who alone sends then has
    /// room for a frame of nearly the other half.
    ///
    /// A loop of `ready` and [`Session::send`] streams at the pace of the peer. One that reads too slowly still
    /// ends as `send_queue_stale`. After the peer's end there is room once for each frame that is received: a game that
    /// answers every frame reads on to the last one.
    ///
    /// # Errors
    /// [`SendError::Closed`] after the end, where no frame was received since the last call.
    ///
    /// # Cancel safety
    /// Cancel safe. Any number of tasks may wait at once, on any executor.
    pub async fn ready(&self) -> Result<(), SendError> {
        self.inbox.ready().await
    }

    /// Ends the session after what is queued (`closed_by_game`, unless it ended already), and waits for its
    /// departure. What the peer sends from then on is discarded.
    ///
    /// # Cancel safety
    /// A call that is dropped ends the session all the same; nobody is told its departure.
    pub async fn close(self) -> Departure {
        self.close_with(Kick::default()).await
    }

    /// The same with a code, words and advice.
    ///
    /// # Cancel safety
    /// As [`Session::close`].
    pub async fn close_with(self, kick: Kick) -> Departure {
        self.mailbox
            .request(Request::close(kick.into_orderly_close()));
        self.depart().await
    }

    /// Throws the player out, now and with a reason (`kicked`, unless it ended already), and waits for the
    /// departure.
    ///
    /// # Cancel safety
    /// As [`Session::close`].
    pub async fn kick(self, kick: Kick) -> Departure {
        self.mailbox.request(Request::close(kick.into_close()));
        self.depart().await
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.seat.session
    }

    /// The player's name or id; `None` for a player without a name.
    #[must_use]
    pub fn player(&self) -> Option<&str> {
        self.seat.player.as_deref()
    }

    /// Returns the game's own value that the authenticator gave the player ([`Player::with_data`](crate::Player::with_data));
    /// `None` where there is none, or one of another type.
    #[must_use]
    pub fn data<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.seat.data.of_type()
    }

    /// Where the peer is.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.seat.remote
    }

    /// The smoothed round trip of heartbeats; `None` before the first answer to a ping of the server's, about a
    /// heartbeat after the session joined, and on a dialect.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.mailbox.round_trip().rtt()
    }

    /// The smoothed deviation of the round trip.
    #[must_use]
    pub fn rtt_variance(&self) -> Option<Duration> {
        self.mailbox.round_trip().variance()
    }

    /// How far the client's clock is ahead of [`ServerHandle::now`](crate::ServerHandle::now), by the client's own word.
    #[must_use]
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.mailbox.round_trip().clock_offset()
    }

    async fn depart(self) -> Departure {
        // What the peer sent meanwhile is nobody's any more; what was taken before stays taken.
        self.inbox.abandon();
        poll_fn(|cx| self.inbox.poll_end(cx)).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.inbox.abandon() {
            self.mailbox
                .request(Request::close(Kick::default().into_orderly_close()));
        }
    }
}

/// Sessions that joined and wait for the game to accept them.
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// As many as this are kept, whether they departed or not.
    max: usize,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    sessions: VecDeque<Session>,
    /// Nobody takes them any more.
    closed: bool,
}

impl Arrivals {
    /// Makes room for all connections there may be, and for as many again that left while they waited.
    pub(crate) fn new(connections_max: usize) -> Self {
        Self {
            max: connections_max.saturating_mul(2),
            waiting: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Nobody accepts any more: who waits is given up, and so is who comes.
    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let given_up = std::mem::take(&mut waiting.sessions);
        drop(waiting);
        drop(given_up);
    }

    /// The next session; `None` once `ended` and none is left.
    pub(crate) async fn next(&self, core: &Core) -> Option<Session> {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            if let Some(session) = self.pop() {
                return Some(session);
            }
            tokio::select! {
                biased;
                () = arrived => {}
                () = core.closed.wait() => return self.pop(),
            }
        }
    }

    fn pop(&self) -> Option<Session> {
        self.lock().sessions.pop_front()
    }

    /// A game that accepts too slowly does not see those that came and went, beyond the limit: what they left
    /// behind was counted as undelivered when they departed.
    fn push(&self, session: Session) {
        let mut waiting = self.lock();
        if waiting.closed {
            drop(waiting);
            return drop(session);
        }
        if waiting.sessions.len() >= self.max {
            waiting
                .sessions
                .retain(|session| !session.inbox.has_ended());
        }
        waiting.sessions.push_back(session);
        drop(waiting);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a [`Session`] of each that joins.
pub(crate) struct SessionShape {
    pub(crate) arrivals: Arc<Arrivals>,
    /// How much may wait in each inbox.
    pub(crate) inbox: Caps,
}

impl Shape for SessionShape {
    type Game = InboxGame;

    fn join(&self, arrival: &Arrival<'_>) -> InboxGame {
        let owner = Arc::clone(arrival.mailbox);
        let inbox = Arc::new(Inbox::new(self.inbox, owner));
        self.arrivals.push(Session {
            seat: Arc::clone(arrival.seat),
            inbox: Arc::clone(&inbox),
            mailbox: Arc::clone(arrival.mailbox),
            core: Arc::clone(arrival.core),
        });
        InboxGame(inbox)
    }
}

/// Fills the inbox; the game empties it elsewhere.
pub(crate) struct InboxGame(Arc<SessionInbox>);

impl Game for InboxGame {
    const IN_PLACE: bool = false;

    fn joined(&mut self, _context: &mut Context<'_, '_>) {}

    fn frame(&mut self, _context: &mut Context<'_, '_>, payload: &[u8]) -> Room {
        let frame = SessionEvent::Frame(Bytes::copy_from_slice(payload));
        self.0.push(frame)
    }

    fn link(&mut self, _context: &mut Context<'_, '_>, link: Link) {
        self.0.push(SessionEvent::Link(link));
    }

    fn poll_ready(&mut self, _cx: &mut TaskContext<'_>) -> Poll<()> {
        self.0.poll_room()
    }

    fn poll_delivered(&mut self, _cx: &mut TaskContext<'_>) -> Poll<()> {
        self.0.poll_delivered()
    }

    fn taken(&self) -> u64 {
        self.0.taken()
    }

    fn undelivered(&self) -> (u64, u64) {
        self.0.left()
    }

    fn leave(self, departure: &Departure) {
        self.0.end(departure.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every session that is accepted has an inbox, and every frame that waits an event.
    #[test]
    fn an_idle_inbox_and_an_event_stay_small() {
        assert!(size_of::<SessionInbox>() <= 128);
        assert_eq!(size_of::<SessionEvent>(), size_of::<Bytes>());
    }
}
