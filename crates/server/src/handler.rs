//! The handler shape: the game's code runs in place, on the connection's own task. No hop: the fastest way.

use std::task::{Context as TaskContext, Poll};

use lastword_session::Link;
use lastword_transport::Room;

use crate::shape::{Arrival, Game, Shape};
use crate::{Context, Departure, Player};

/// The game's side of one session, called in place.
///
/// All calls come from one task, one at a time. A handler that blocks holds up its own session, heartbeats
/// included, and its worker thread. One that panics loses its own session only, as `handler_panicked`: it is
/// dropped, and `left` is not called on it.
pub trait Handler: Send + 'static {
    /// The session joined; the first chance to say something.
    fn joined(&mut self, context: &mut Context<'_, '_>) {
        let _ = context;
    }

    /// A frame came.
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]);

    /// The link became suspect, or healthy again.
    fn link(&mut self, context: &mut Context<'_, '_>, link: Link) {
        let _ = (context, link);
    }

    /// The session departed, after every frame that came across was handled.
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
        Room::Left
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

    fn leave(self, departure: &Departure) {
        self.0.left(departure);
    }
}
