//! The handler shape: the game's code runs directly on the connection's own task, which is the fastest
//! shape.

use std::task::{Context as TaskContext, Poll};

use lastword_session::Link;
use lastword_transport::Room;

use super::context::Context;
use super::{Arrival, Game, Shape};
use crate::books::Departure;
use crate::player::Player;

/// Handles one session for the game, called on the connection's task.
///
/// All calls come from one task, one at a time. A handler that blocks delays its own session, heartbeats included, and
/// other sessions on its worker thread. If a handler panics, only its own session ends, as `handler_panicked`: the
/// handler is dropped without a call of `left`.
pub trait Handler: Send + 'static {
    /// Called when the session joined; the first chance to send something.
    fn joined(&mut self, context: &mut Context<'_, '_>) {
        let _ = context;
    }

    /// Called for each frame.
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]);

    /// Called when the link changes: suspect or healthy again, congested or flowing, over or within
    /// its rate.
    fn link(&mut self, context: &mut Context<'_, '_>, link: Link) {
        let _ = (context, link);
    }

    /// Called when the session departed: its cause is fixed, and every received frame was handled.
    fn left(self, departure: &Departure)
    where
        Self: Sized,
    {
        let _ = departure;
    }
}

/// Makes handlers with the game's own function.
pub(crate) struct HandlerShape<F>(pub(crate) F);

impl<H: Handler + Unpin, F: Fn(&Player) -> H + Send + Sync + 'static> Shape for HandlerShape<F> {
    type Game = HandlerGame<H>;

    fn join(&self, arrival: &Arrival<'_>) -> Self::Game {
        HandlerGame((self.0)(arrival.player))
    }
}

/// A handler takes every frame at once: nothing is ever left undelivered.
pub(crate) struct HandlerGame<H>(H);

impl<H: Handler + Unpin> Game for HandlerGame<H> {
    const IN_PLACE: bool = true;

    fn joined(&mut self, context: &mut Context<'_, '_>) {
        self.0.joined(context);
    }

    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) -> Room {
        self.0.frame(context, payload);
        Room::Available
    }

    fn link(&mut self, context: &mut Context<'_, '_>, link: Link) {
        self.0.link(context, link);
    }

    fn poll_ready(&mut self, _cx: &mut TaskContext<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn poll_delivered(&mut self, _cx: &mut TaskContext<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn taken(&self) -> u64 {
        0
    }

    fn undelivered(&self) -> (u64, u64) {
        (0, 0)
    }

    fn leave(self, departure: &Departure) -> Option<Self> {
        self.0.left(departure);
        None
    }
}
