//! Tests of what sockets cannot reach: epochs, accounts and wakes.

mod links;
mod producers;
mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use lastword_session::{Diagnosis, Link, SessionId};

use super::batch::{Batch, Cursor};
use super::event::Event;
use super::producer::EventProducer;
use super::queue::{Caps, Queue};
use crate::player::Player;
use crate::shape::Game;

/// A queue, and a connection's task to wake.
struct Table {
    queue: Arc<Queue>,
    wakes: Arc<Wakes>,
    waker: Waker,
    batch: Batch,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Table {
    fn new(caps: Caps) -> Self {
        let wakes = Arc::new(Wakes::default());
        Self {
            queue: Arc::new(Queue::new(caps)),
            waker: Waker::from(Arc::clone(&wakes)),
            wakes,
            batch: Batch::default(),
        }
    }

    fn producer(&self, n: u8) -> Box<EventProducer> {
        Box::new(EventProducer::new(Arc::clone(&self.queue), id(n)))
    }

    fn join(&self, n: u8) {
        let remote = "127.0.0.1:1".parse().unwrap();
        let player = Player::new("ann");
        let added = self
            .queue
            .push(|batch, _| batch.joined(id(n), player, remote));
        assert!(added.is_some());
    }

    fn has_room(&self, producer: &mut EventProducer) -> bool {
        producer
            .poll_ready(&mut Context::from_waker(&self.waker))
            .is_ready()
    }

    fn is_delivered(&self, producer: &mut Box<EventProducer>) -> bool {
        producer
            .poll_delivered(&mut Context::from_waker(&self.waker))
            .is_ready()
    }

    fn woken(&self) -> usize {
        self.wakes.0.load(Ordering::Relaxed)
    }

    fn drain(&mut self) {
        self.queue.swap(&mut self.batch);
    }

    /// Drains, and returns the frames and changes of link.
    fn take(&self) -> Vec<(SessionId, Content)> {
        let (mut batch, mut cursor) = (Batch::default(), Cursor::default());
        self.queue.swap(&mut batch);
        std::iter::from_fn(|| cursor.next(&batch))
            .map(|event| match event {
                Event::Frame { session, payload } => (session, Content::Frame(payload.to_vec())),
                Event::Link { session, link } => (session, Content::Link(link)),
                other @ (Event::Joined { .. } | Event::Left(_) | Event::Draining { .. }) => {
                    panic!("{other:?}")
                }
            })
            .collect()
    }
}

/// The content of one session's event.
#[derive(Debug, PartialEq)]
enum Content {
    Frame(Vec<u8>),
    Link(Link),
}

fn links(taken: &[(SessionId, Content)]) -> Vec<Link> {
    let link = |(_, what): &(SessionId, Content)| match what {
        Content::Link(link) => link.clone(),
        Content::Frame(frame) => panic!("{frame:?}"),
    };
    taken.iter().map(link).collect()
}

/// The nth change: alternately suspect and healthy.
fn nth(n: usize) -> Link {
    match n % 2 {
        0 => Link::Suspect(Diagnosis::Undecided),
        _ => Link::Healthy,
    }
}

fn id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

const ROOMY: Caps = Caps {
    session_bytes: 1_000,
    session_frames: 1_000,
    bytes: 1_000,
    frames: 1_000,
    reserved: 1_000,
};
