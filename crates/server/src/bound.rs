//! The shape of a bound server: the session shape, until the game says that it ticks.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use lastword_session::Link;
use lastword_transport::Room;

use crate::Departure;
use crate::context::Context;
use crate::core::Core;
use crate::events::{Asked, EventShape, Lane, Queue};
use crate::seat::Seat;
use crate::session::{InboxGame, SessionEvent, SessionShape};
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
            None => BoundGame::Inbox(Early {
                core: Arc::clone(&self.core),
                seat: Arc::clone(arrival.seat),
                inbox: self.sessions.join(arrival),
            }),
        }
    }
}

/// The game's side of one session, in either way.
pub(crate) enum BoundGame {
    Inbox(Early),
    Lane(Box<Lane>),
}

/// A session with an inbox, which a tick loop may take over.
pub(crate) struct Early {
    core: Arc<Core>,
    seat: Arc<Seat>,
    inbox: InboxGame,
}

impl BoundGame {
    /// Goes on in the queue if a tick loop has taken over.
    fn follow(&mut self) {
        let Self::Inbox(early) = self else { return };
        if let Some(queue) = early.queue() {
            let lane = Lane::after_another(Arc::clone(queue), early.seat.session);
            *self = Self::Lane(Box::new(lane));
        }
    }
}

impl Early {
    /// The tick loop's, if one has taken over.
    fn queue(&self) -> Option<&Arc<Queue>> {
        let queue = self.core.events.get();
        queue.filter(|_| self.inbox.is_handed_over())
    }

    fn undelivered(&self) -> (u64, u64) {
        match self.queue() {
            Some(queue) => queue.untaken(self.seat.session).unwrap_or_default(),
            None => self.inbox.undelivered(),
        }
    }
}

impl Game for BoundGame {
    const IN_PLACE: bool = false;

    fn joined(&mut self, context: &mut Context<'_, '_>) {
        match self {
            Self::Inbox(early) => early.inbox.joined(context),
            Self::Lane(lane) => lane.joined(context),
        }
    }

    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) -> Room {
        if let Self::Inbox(early) = self {
            let event = SessionEvent::Frame(Bytes::copy_from_slice(payload));
            if let Some(room) = early.inbox.push(event) {
                return room;
            }
            self.follow();
        }
        match self {
            Self::Inbox(_) => Room::Unsure,
            Self::Lane(lane) => lane.frame(context, payload),
        }
    }

    fn link(&mut self, context: &mut Context<'_, '_>, link: Link) {
        if let Self::Inbox(early) = self {
            if early.inbox.push(SessionEvent::Link(link.clone())).is_some() {
                return;
            }
            self.follow();
        }
        if let Self::Lane(lane) = self {
            lane.link(context, link);
        }
    }

    /// An inbox that was handed over has room: the next frame finds the way.
    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        match self {
            Self::Inbox(early) => early.inbox.poll_ready(cx),
            Self::Lane(lane) => lane.poll_ready(cx),
        }
    }

    fn poll_delivered(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.follow();
        match self {
            Self::Inbox(early) => early.inbox.poll_delivered(cx),
            Self::Lane(lane) => lane.poll_delivered(cx),
        }
    }

    fn taken(&self) -> u64 {
        match self {
            Self::Inbox(early) => early.inbox.taken(),
            Self::Lane(lane) => lane.taken(),
        }
    }

    fn undelivered(&self) -> (u64, u64) {
        match self {
            Self::Inbox(early) => early.undelivered(),
            Self::Lane(lane) => lane.undelivered(),
        }
    }

    fn leave(mut self, departure: &Departure) {
        if let Self::Inbox(early) = &self {
            if early.inbox.end(departure) {
                return;
            }
            self.follow();
        }
        if let Self::Lane(lane) = self {
            lane.leave(departure);
        }
    }
}
