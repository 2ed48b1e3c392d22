//! One session's access to the queue, and its count of the frames that were pushed and that the game has not
//! taken.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use lastword_session::{Link, SessionId};
use lastword_transport::{Request, Room};

use super::queue::{Queue, WakeRequest};
use crate::books::Departure;
use crate::player::Kick;
use crate::shape::{Arrival, Context, Game, Shape};

/// Puts the events of every session into one queue.
pub(crate) struct EventShape {
    pub(crate) queue: Arc<Queue>,
}

impl Shape for EventShape {
    type Game = EventProducer;

    fn poll_room(&self, cx: &mut TaskContext<'_>, wake: &mut WakeRequest) -> Poll<()> {
        let now = self.queue.epoch();
        if self.queue.admits() {
            Poll::Ready(())
        } else {
            self.queue.poll_epoch(now + 1, cx, wake)
        }
    }

    fn join(&self, arrival: &Arrival<'_>) -> EventProducer {
        let (session, remote) = (arrival.identity.session, arrival.identity.remote().addr);
        let player = arrival.player.clone();
        let added = self
            .queue
            .push(|batch, _| batch.joined(session, player, remote));
        if added.is_none() {
            let close = Kick::default().into_orderly_close();
            arrival.mailbox.request(Request::close(close));
        }
        EventProducer::new(Arc::clone(&self.queue), session)
    }
}

/// The game's side of one session.
#[derive(Debug)]
pub(crate) struct EventProducer {
    queue: Arc<Queue>,
    session: SessionId,
    /// The account for the epoch of the last frame.
    account: Option<Account>,
    /// A tick took the frames of an earlier account.
    took: bool,
    /// Boxed, because a link rarely changes.
    links: Option<Box<Links>>,
    wake: WakeRequest,
    /// Frames and payload bytes that came after the game had stopped draining for good.
    late: (u64, u64),
}

/// The frames that one session pushed in one epoch.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    epoch: u64,
    frames: usize,
    bytes: usize,
}

/// The changes of link in one epoch.
#[derive(Debug, Default)]
struct Links {
    epoch: u64,
    count: u8,
    /// The place of the last change about each matter, if no frame followed it.
    last: [Option<usize>; Link::MATTERS],
}

impl EventProducer {
    pub(super) fn new(queue: Arc<Queue>, session: SessionId) -> Self {
        Self {
            queue,
            session,
            account: None,
            took: false,
            links: None,
            wake: WakeRequest::default(),
            late: (0, 0),
        }
    }

    /// Adds a frame. Returns whether a tick can still take it.
    pub(crate) fn push(&mut self, payload: &[u8]) -> bool {
        let Some(epoch) = self.queue.push_frame(self.session, payload) else {
            self.late.0 += 1;
            self.late.1 += as_u64(payload.len());
            return false;
        };
        let account = self.account.get_or_insert_default();
        if account.epoch != epoch {
            self.took |= account.frames > 0;
            *account = Account::default();
            account.epoch = epoch;
        }
        account.frames += 1;
        account.bytes += payload.len();
        self.links.take_if(|links| links.epoch != epoch);
        if let Some(links) = &mut self.links {
            links.last = Default::default();
        }
        true
    }

    /// Adds a change of the link. The first `LINKS_MAX` of an epoch are all kept. A later one replaces the last change about
    /// the same matter, unless a frame came in between.
    pub(crate) fn push_link(&mut self, link: Link) {
        let (session, seen) = (self.session, self.links.take());
        self.links = self.queue.push(|batch, epoch| {
            let seen = seen.filter(|links| links.epoch == epoch);
            let mut links = seen.unwrap_or_default();
            links.epoch = epoch;
            let matter = link.matter();
            let Some(last) = matter.and_then(|matter| links.last.get_mut(matter)) else {
                // A loss and a return are never replaced. What came before them is not replaced by what comes after.
                links.last = Default::default();
                links.count = links.count.saturating_add(1);
                batch.link(session, link);
                return links;
            };
            let replaces = last.filter(|_| links.count >= LINKS_MAX);
            if !replaces.is_some_and(|place| batch.relink(place, session, &link)) {
                *last = Some(batch.len());
                links.count = links.count.saturating_add(1);
                batch.link(session, link);
            }
            links
        });
    }

    fn has_room(&self, now: u64) -> bool {
        let (waiting, caps) = (self.waiting(now), self.queue.caps());
        let full = waiting.bytes >= caps.session_bytes || waiting.frames >= caps.session_frames;
        !full && !self.queue.is_full()
    }

    /// The frames that this session pushed in this epoch, which no tick has taken yet.
    fn waiting(&self, now: u64) -> Account {
        self.account
            .filter(|account| account.epoch == now)
            .unwrap_or_default()
    }
}

impl Game for EventProducer {
    const IN_PLACE: bool = false;

    fn frame(&mut self, _context: &mut Context<'_, '_>, payload: &[u8]) -> Room {
        self.push(payload);
        Room::MustPoll
    }

    fn link(&mut self, _context: &mut Context<'_, '_>, link: Link) {
        self.push_link(link);
    }

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            let now = self.queue.epoch();
            if self.has_room(now) || self.queue.is_closed() {
                return Poll::Ready(());
            }
            // A drain came in between and made room, but other sessions may have filled it already.
            ready!(self.queue.poll_epoch(now + 1, cx, &mut self.wake));
        }
    }

    fn poll_change(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let now = self.queue.epoch();
        let links = self.links.as_ref().filter(|links| links.epoch == now);
        if links.is_none_or(|links| links.count < LINKS_MAX) || self.queue.is_closed() {
            return Poll::Ready(());
        }
        self.queue.poll_epoch(now + 1, cx, &mut self.wake)
    }

    /// Ready when a tick took the last frames and the next one began: the game has then handled them.
    fn poll_delivered(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let handled = self.account.map_or(0, |account| account.epoch + 2);
        self.queue.poll_epoch(handled, cx, &mut self.wake)
    }

    /// Every tick counts as progress, beginning with the tick that took this session's first frame.
    fn taken(&self) -> u64 {
        let now = self.queue.epoch();
        let took = self.took || self.account.is_some_and(|account| account.epoch < now);
        if took { now } else { 0 }
    }

    /// Frames that no tick has taken yet. A later tick may still take them, before it gets the session's end.
    fn undelivered(&self) -> (u64, u64) {
        let (frames, bytes) = match self.queue.untaken(self.session) {
            Some(untaken) => untaken,
            None => {
                let waiting = self.waiting(self.queue.epoch());
                (as_u64(waiting.frames), as_u64(waiting.bytes))
            }
        };
        (frames + self.late.0, bytes + self.late.1)
    }

    fn leave(self, departure: &Departure) -> Option<Self> {
        // If the game no longer drains, the queue drops this.
        let departure = departure.clone();
        self.queue.push(|batch, _| batch.left(departure));
        Some(self)
    }
}

fn as_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// The most changes of link of one session that a stalled tick keeps separately.
const LINKS_MAX: u8 = 8;
