//! The interface between a connection and the game: handler, session and tick queue implement it.

mod context;
pub(crate) mod events;
mod handler;
mod session;

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use lastword_session::Link;
use lastword_transport::{Mailbox, Room};

use crate::books::Departure;
use crate::player::{Player, SessionIdentity};
use events::WakeRequest;

pub use context::Context;
pub use events::Event;
pub use handler::Handler;
pub use session::{Session, SessionEvent};

pub(crate) use handler::HandlerShape;
pub(crate) use session::{Arrivals, SessionShape};

/// Makes the game's side of each session that joins.
pub(crate) trait Shape: Send + Sync + 'static {
    type Game: Game;

    /// Ready when there is room for one more session; `wake` remembers the connection's request to be woken.
    fn poll_room(&self, cx: &mut TaskContext<'_>, wake: &mut WakeRequest) -> Poll<()> {
        let _ = (cx, wake);
        Poll::Ready(())
    }

    fn join(&self, arrival: &Arrival<'_>) -> Self::Game;
}

/// A session that joins.
pub(crate) struct Arrival<'a> {
    pub(crate) mailbox: &'a Arc<Mailbox>,
    pub(crate) identity: &'a Arc<SessionIdentity>,
    pub(crate) player: &'a Player,
}

/// The game's side of one session.
pub(crate) trait Game: Send + Unpin + 'static {
    /// Whether the game's own code runs in these calls. If so, no call follows a panic.
    const IN_PLACE: bool;

    /// Called once the game's side is stored, so that a panic finds it complete.
    fn joined(&mut self, context: &mut Context<'_, '_>) {
        let _ = context;
    }

    /// Takes a frame. Returns whether there is room for another frame, if that is known.
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) -> Room;

    fn link(&mut self, context: &mut Context<'_, '_>, link: Link);

    /// Ready when there is room for another frame.
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()>;

    /// Ready when there is room for a loss and a return: both are kept until the game takes them.
    fn poll_change(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }

    /// Ready when the game has taken every frame and asks for the next one.
    fn poll_delivered(&mut self, cx: &mut TaskContext<'_>) -> Poll<()>;

    /// How far the game has come in taking this session's frames; 0 as long as it took none.
    fn taken(&self) -> u64;

    /// Frames and payload bytes that were received but not taken.
    fn undelivered(&self) -> (u64, u64);

    /// Tells the game of the departure. Returns the game's side if frames may still be taken.
    fn leave(self, departure: &Departure) -> Option<Self>
    where
        Self: Sized;
}
