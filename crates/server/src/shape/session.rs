//! The session shape: one async object per player, with an inbox of its own.

use std::any::Any;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use lastword_session::{Link, Outbound, Policy, RoundTrip, SendError, SessionId};
use lastword_transport::{Caps, Clock, Inbox, Item, Mailbox, Request, Room};
use tokio::sync::Notify;

use super::context::Context;
use super::{Arrival, Game, Shape};
use crate::books::Departure;
use crate::guard::lock;
use crate::player::{Kick, SessionIdentity};

/// The received events, and the departure once it is known.
type SessionInbox = Inbox<SessionEvent, Departure>;

/// A player's session, for a game with one task per player.
///
/// A task of this layer drives the connection: heartbeats do not depend on calls of [`Session::recv`]. Dropping a
/// session ends it as `closed_by_game`.
#[derive(Debug)]
pub struct Session {
    identity: Arc<SessionIdentity>,
    inbox: Arc<SessionInbox>,
    mailbox: Arc<Mailbox>,
    clock: Clock,
}

impl Session {
    /// Receives the next frame and skips changes of the link; `None` once the session has departed and all its frames
    /// were taken. A session may depart before the first call. Its frames can still be received.
    ///
    /// # Cancel safety
    /// Cancel safe: a dropped call takes no frame.
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
    /// Cancel safe: a dropped call takes nothing.
    pub async fn next_event(&mut self) -> Option<SessionEvent> {
        poll_fn(|cx| self.inbox.poll_next(cx)).await
    }

    /// Queues a frame for the peer, with the policy of the session ([`Player::with_policy`](crate::Player::with_policy)). It
    /// never blocks; [`Session::ready`] waits for room first.
    ///
    /// A peer may have left while its frames still wait to be received. Between its end and the departure, `send`
    /// accepts frames. After a FIN, answers to earlier frames are still written. After any other end a frame is not
    /// written, and counts as unsent. So a game learns of the end from [`Session::recv`], not from `send`.
    ///
    /// # Errors
    /// [`SendError::TooLarge`]; [`SendError::Closed`] once the session has departed; or [`SendError::QueueFull`]: twice
    /// `outbound_bytes_max` waits, and the frame was not taken. If the kernel then refuses a write while more than
    /// `outbound_bytes_max` waits, the session ends as `send_queue_full`, unless the peer is silent.
    pub fn send(&self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.mailbox.send(&self.clock, None, payload.as_ref())
    }

    /// Queues a frame as [`Session::send`] does, with this policy.
    ///
    /// # Errors
    /// As [`Session::send`]. If a frame may be dropped and there is no room for it, it is dropped; this
    /// is no error.
    pub fn send_with(&self, policy: Policy, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        let how = Some(policy.into());
        self.mailbox.send(&self.clock, how, payload.as_ref())
    }

    /// Queues a frame that makes an earlier one with the same key obsolete, such as the position of the entity `key`.
    ///
    /// If the earlier one still waits, this one takes its place in the queue. So at most one frame for each key waits,
    /// and a slow peer gets fewer, newer ones. A frame with a key is never dropped, and its age ends no session. It
    /// counts towards `outbound_bytes_max`, so the frames of all keys together should stay below this limit. It may
    /// overtake frames that were queued after the earlier one. Use another key for another entity.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub fn send_latest(&self, key: u64, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        let how = Some(Outbound::Latest(key));
        self.mailbox.send(&self.clock, how, payload.as_ref())
    }

    /// Waits until there is room: until at most half of `outbound_bytes_max` is queued. A sole sender then has room for
    /// a frame of nearly half the limit.
    ///
    /// A loop of `ready` and [`Session::send`] sends at the pace of the peer. A peer that reads too slowly still ends
    /// as `send_queue_stale`. After the peer's end, `ready` succeeds once for each received frame, so a game that
    /// answers every frame can receive all frames up to the last one.
    ///
    /// # Errors
    /// [`SendError::Closed`] after the end, if no frame was received since the last call.
    ///
    /// # Cancel safety
    /// Cancel safe. Any number of tasks may wait at once, on any executor.
    pub async fn ready(&self) -> Result<(), SendError> {
        self.inbox.ready().await
    }

    /// Ends the session after its queued frames are sent (`closed_by_game`, unless it ended already), and waits for its
    /// departure. Frames from the peer are discarded from now on.
    ///
    /// # Cancel safety
    /// If the call is dropped, the session still ends, but its departure is not returned.
    pub async fn close(self) -> Departure {
        self.close_with(Kick::default()).await
    }

    /// Closes the session as [`Session::close`] does, with a code, words and advice.
    ///
    /// # Cancel safety
    /// As for [`Session::close`].
    pub async fn close_with(self, kick: Kick) -> Departure {
        self.mailbox
            .request(Request::close(kick.into_orderly_close()));
        self.depart().await
    }

    /// Kicks the player at once, with a reason (`kicked`, unless the session ended already), and waits for the
    /// departure.
    ///
    /// # Cancel safety
    /// As for [`Session::close`].
    pub async fn kick(self, kick: Kick) -> Departure {
        self.mailbox.request(Request::close(kick.into_close()));
        self.depart().await
    }

    /// Returns the session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.identity.session
    }

    /// Returns the player's name or id; `None` for a player without a name.
    #[must_use]
    pub fn player(&self) -> Option<&str> {
        self.identity.player.as_deref()
    }

    /// Returns the game's own value that the authenticator gave the player
    /// ([`Player::with_data`](crate::Player::with_data)); `None` if there is none, or if it has another type.
    #[must_use]
    pub fn data<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.identity.data.of_type()
    }

    /// Returns the peer's address.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.identity.remote().addr
    }

    /// Returns the round trip of heartbeats, and how far the client's clock is ahead of
    /// [`ServerHandle::now`](crate::ServerHandle::now), as the client reports it. Both are learnt about a heartbeat
    /// after the session joined, and never on a dialect.
    #[must_use]
    pub fn round_trip(&self) -> RoundTrip {
        self.mailbox.round_trip()
    }

    async fn depart(self) -> Departure {
        // Frames from the peer are discarded from now on; frames that were taken before still count as taken.
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

/// Something that happened to a live session, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A frame of the game.
    Frame(Bytes),
    /// The link changed: the peer fell silent or was heard again, is congested or flows again, is over or within its
    /// rate. The session continues. A change is never lost for lack of room. But after eight untaken changes with no
    /// frame in between, a newer change replaces the last one of the same kind.
    Link(Link),
}

impl Item for SessionEvent {
    fn bytes(&self) -> Option<usize> {
        match self {
            Self::Frame(payload) => Some(payload.len()),
            Self::Link(_) => None,
        }
    }

    fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Link(link), Self::Link(earlier)) => link.replaces(earlier),
            (Self::Link(_) | Self::Frame(_), _) => false,
        }
    }
}

/// Sessions that joined and wait for the game to accept them.
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// The most sessions that are kept, departed ones included.
    max: usize,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    sessions: VecDeque<Session>,
    /// The game has stopped accepting.
    closed: bool,
}

impl Arrivals {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            waiting: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Stops accepting: waiting sessions and later ones are dropped.
    pub(crate) fn close(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.closed = true;
        let given_up = std::mem::take(&mut waiting.sessions);
        drop(waiting);
        drop(given_up);
    }

    /// The next session; `None` once the server is closed and none is left.
    pub(crate) async fn next(&self, closed: impl Future<Output = ()>) -> Option<Session> {
        let mut closed = pin!(closed);
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
                () = &mut closed => return self.pop(),
            }
        }
    }

    fn pop(&self) -> Option<Session> {
        lock(&self.waiting).sessions.pop_front()
    }

    /// Beyond the limit, a slow game does not see sessions that have already departed. Their frames were counted as
    /// undelivered at their departure.
    fn push(&self, session: Session) {
        let mut waiting = lock(&self.waiting);
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
}

/// Makes a [`Session`] for each player that joins.
pub(crate) struct SessionShape {
    pub(crate) arrivals: Arc<Arrivals>,
    pub(crate) clock: Clock,
    /// The limits of each inbox.
    pub(crate) inbox: Caps,
}

impl Shape for SessionShape {
    type Game = InboxGame;

    fn join(&self, arrival: &Arrival<'_>) -> InboxGame {
        let owner = Arc::clone(arrival.mailbox);
        let inbox = Arc::new(Inbox::new(self.inbox, owner));
        self.arrivals.push(Session {
            identity: Arc::clone(arrival.identity),
            inbox: Arc::clone(&inbox),
            mailbox: Arc::clone(arrival.mailbox),
            clock: self.clock.clone(),
        });
        InboxGame(inbox)
    }
}

/// Fills the inbox; the game empties it from its own task.
pub(crate) struct InboxGame(Arc<SessionInbox>);

impl Game for InboxGame {
    const IN_PLACE: bool = false;

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

    fn poll_change(&mut self, _cx: &mut TaskContext<'_>) -> Poll<()> {
        self.0.poll_reserved()
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

    fn leave(self, departure: &Departure) -> Option<Self> {
        self.0.end(departure.clone());
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every accepted session has an inbox, and every waiting frame is an event.
    #[test]
    fn an_idle_inbox_and_an_event_stay_small() {
        assert!(size_of::<SessionInbox>() <= 128);
        assert_eq!(size_of::<SessionEvent>(), size_of::<Bytes>());
    }
}
