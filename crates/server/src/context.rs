//! What the game can do to its session from inside a call.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lastword_session::{ClockOffset, SendError, Time};
use lastword_transport::Outbox;

use crate::seat::Seat;
use crate::{Kick, SessionId};

/// What a handler can do while it is called.
#[derive(Debug)]
pub struct Context<'a, 'o> {
    outbox: &'a mut Outbox<'o>,
    seat: &'a Seat,
}

impl<'a, 'o> Context<'a, 'o> {
    pub(crate) fn new(outbox: &'a mut Outbox<'o>, seat: &'a Seat) -> Self {
        Self { outbox, seat }
    }

    /// Queues a frame for the peer; what is queued during one burst leaves in one write.
    ///
    /// It goes before what a [`ServerHandle`](crate::ServerHandle) or a [`Group`](crate::Group) queues for the same
    /// peer in the same burst, in whatever order they are called: where that matters, use one of them for both.
    ///
    /// # Errors
    /// [`SendError::TooLarge`], [`SendError::Closed`], or [`SendError::QueueFull`], which unless the peer is
    /// silent also ends the session as `send_queue_full`.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.outbox.send(payload)
    }

    /// Ends the session after what is queued: `closed_by_game`.
    pub fn close(&mut self) {
        self.outbox.close(&Kick::default().into_orderly_close());
    }

    /// Throws the player out, now and with a reason: `kicked`.
    pub fn kick(&mut self, kick: Kick) {
        self.outbox.close(&kick.into_close());
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> SessionId {
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
        self.outbox.rtt()
    }

    /// The smoothed deviation of the round trip.
    #[must_use]
    pub fn rtt_variance(&self) -> Option<Duration> {
        self.outbox.rtt_variance()
    }

    /// How far the client's clock is ahead of [`Context::now`], by the client's own word.
    #[must_use]
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.outbox.clock_offset()
    }

    /// When what is being handled was read, on the clock of [`ServerHandle::now`](crate::ServerHandle::now).
    #[must_use]
    pub fn now(&self) -> Time {
        self.outbox.now()
    }
}
