//! The shape of a bound server: the session shape, until the game says that it ticks.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use lastword_session::Link;

use crate::Departure;
use crate::context::Context;
use crate::core::Core;
use crate::events::{Asked, EventShape, Lane};
use crate::session::{InboxGame, SessionShape};
use crate::shape::{Arrival, Game, Shape};

/// Gives each session an inbox, or a lane of the queue where there is one.
pub(crate) struct BoundShape {
    pub(crate) core: Arc<Core>,
    pub(crate) sessions: SessionShape,
}

impl BoundShape {
    fn events(&self) -> Option<EventShape> {
        let queue = self.core.events.get()?;
        Some(EventShape {
            queue: Arc::clone(queue),
        })
    }
}

impl Shape for BoundShape {
    type Game = BoundGame;

    fn poll_room(&self, cx: &mut TaskContext<'_>, asked: &mut Asked) -> Poll<()> {
        match self.events() {
            Some(events) => events.poll_room(cx, asked),
            None => Poll::Ready(()),
        }
    }

    fn join(&self, arrival: &Arrival<'_>) -> BoundGame {
        match self.events() {
            Some(events) => BoundGame::Lane(events.join(arrival)),
            None => BoundGame::Inbox(self.sessions.join(arrival)),
        }
    }
}

/// The game's side of one session, in either way.
pub(crate) enum BoundGame {
    Inbox(InboxGame),
    Lane(Box<Lane>),
}

impl BoundGame {
    /// Goes on in the queue if a tick loop has taken over.
    fn follow(&mut self) {
        if let Self::Inbox(InboxGame(inbox)) = self {
            if let Some(lane) = inbox.lane() {
                *self = Self::Lane(lane);
            }
        }
    }
}

impl Game for BoundGame {
    const IN_PLACE: bool = false;

    fn joined(&mut self, context: &mut Context<'_, '_>) {
        match self {
            Self::Inbox(inbox) => inbox.joined(context),
            Self::Lane(lane) => lane.joined(context),
        }
    }

    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        if let Self::Inbox(InboxGame(inbox)) = self {
            if inbox.push(payload) {
                return;
            }
            self.follow();
        }
        if let Self::Lane(lane) = self {
            lane.frame(context, payload);
        }
    }

    fn link(&mut self, context: &mut Context<'_, '_>, link: Link) {
        self.follow();
        match self {
            Self::Inbox(inbox) => inbox.link(context, link),
            Self::Lane(lane) => lane.link(context, link),
        }
    }

    /// An inbox that was handed over has room: the next frame finds the way.
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        match self {
            Self::Inbox(inbox) => inbox.poll_ready(cx),
            Self::Lane(lane) => lane.poll_ready(cx),
        }
    }

    fn poll_delivered(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.follow();
        match self {
            Self::Inbox(inbox) => inbox.poll_delivered(cx),
            Self::Lane(lane) => lane.poll_delivered(cx),
        }
    }

    fn taken(&self) -> u64 {
        match self {
            Self::Inbox(inbox) => inbox.taken(),
            Self::Lane(lane) => lane.taken(),
        }
    }

    fn undelivered(&self) -> (u64, u64) {
        match self {
            Self::Inbox(inbox) => inbox.undelivered(),
            Self::Lane(lane) => lane.undelivered(),
        }
    }

    fn leave(mut self, departure: &Departure) {
        if let Self::Inbox(InboxGame(inbox)) = &self {
            if inbox.depart(departure) {
                return;
            }
            self.follow();
        }
        if let Self::Lane(lane) = self {
            lane.leave(departure);
        }
    }
}
