//! The handler's access to its session during a call.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use lastword_session::{Outbound, Policy, RoundTrip, SendError, SessionId, Time};
use lastword_transport::Outbox;

use crate::player::{Kick, SessionIdentity};

/// Gives a handler access to its session while the handler is called.
#[derive(Debug)]
pub struct Context<'a, 'o> {
    outbox: &'a mut Outbox<'o>,
    identity: &'a SessionIdentity,
}

impl<'a, 'o> Context<'a, 'o> {
    pub(crate) fn new(outbox: &'a mut Outbox<'o>, identity: &'a SessionIdentity) -> Self {
        Self { outbox, identity }
    }

    /// Queues a frame for the peer, with the policy of the session
    /// ([`Player::with_policy`](crate::Player::with_policy)). Frames that are queued during one burst are written in
    /// one write, or in several writes of 64 KiB.
    ///
    /// A [`ServerHandle`](crate::ServerHandle) or a [`Group`](crate::Group) may queue frames for the same peer in the
    /// same burst. This frame leaves before those, even if they were queued first. If the order matters, send all
    /// frames with the context, or all with the handle or group.
    ///
    /// # Errors
    /// [`SendError::TooLarge`], [`SendError::Closed`] or [`SendError::QueueFull`], as
    /// [`Session::send`](crate::Session::send).
    pub fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.outbox.send(None, payload)
    }

    /// Queues a frame as [`Context::send`] does, with this policy.
    ///
    /// # Errors
    /// As [`Session::send_with`](crate::Session::send_with).
    pub fn send_with(&mut self, policy: Policy, payload: &[u8]) -> Result<(), SendError> {
        self.outbox.send(Some(policy.into()), payload)
    }

    /// Queues a frame that makes an earlier one with the same key obsolete, as
    /// [`Session::send_latest`](crate::Session::send_latest) does.
    ///
    /// # Errors
    /// As [`Context::send`].
    pub fn send_latest(&mut self, key: u64, payload: &[u8]) -> Result<(), SendError> {
        self.outbox.send(Some(Outbound::Latest(key)), payload)
    }

    /// Ends the session after its queued frames are sent: `closed_by_game`.
    pub fn close(&mut self) {
        self.outbox.close(&Kick::default().into_orderly_close());
    }

    /// Kicks the player at once, with a reason: `kicked`.
    pub fn kick(&mut self, kick: Kick) {
        self.outbox.close(&kick.into_close());
    }

    /// Returns the session's id.
    #[must_use]
    pub fn session(&self) -> SessionId {
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

    /// Returns the round trip of heartbeats, and how far the client's clock is ahead of [`Context::now`], as the client
    /// reports it. Both are learnt about a heartbeat after the session joined, and never on a dialect.
    #[must_use]
    pub fn round_trip(&self) -> RoundTrip {
        self.outbox.round_trip()
    }

    /// Returns when the current input was read, on the clock of [`ServerHandle::now`](crate::ServerHandle::now).
    #[must_use]
    pub fn now(&self) -> Time {
        self.outbox.now()
    }
}
