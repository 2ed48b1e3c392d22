//! The way of a session's frames out: to its connection while it has one, and else into the queue of the next one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lastword_session::{Config, Ending, Outbound, Policy, SendError, Suspended, Time};
use lastword_transport::{Clock, Mailbox};
use tokio::sync::Notify;

/// The outbound side of one session, from its login to its end, over all its connections. Threads send under its lock. So a
/// frame cannot fall between two connections.
#[derive(Debug)]
pub(crate) struct Way {
    config: Arc<Config>,
    /// Its session may resume, where the server lets it.
    resumes: bool,
    inside: Mutex<Inside>,
    /// The session has left a connection.
    left: Notify,
}

#[derive(Debug)]
struct Inside {
    place: Place,
    /// The machine has slept since the last connection began.
    slept: bool,
    /// The number of the last connection, where the session may resume.
    number: Option<u32>,
    /// The end of a connection of which the game is told next.
    departed: Option<Box<Ending>>,
}

#[derive(Debug)]
enum Place {
    /// There is no session.
    Nowhere,
    /// It has a connection, or asks to go on over one.
    Connection(Arc<Mailbox>, Clock),
    /// It has none.
    Away(Suspended, Clock),
}

impl Way {
    /// The way of a session that is not yet live.
    pub(crate) fn new(config: Arc<Config>, resumes: bool) -> Self {
        Self::at(config, resumes, Place::Nowhere)
    }

    /// The way of a session that begins without a connection.
    pub(crate) fn of(config: Arc<Config>, suspended: Suspended) -> Self {
        Self::at(config, true, Place::Away(suspended, Clock::default()))
    }

    fn at(config: Arc<Config>, resumes: bool, place: Place) -> Self {
        Self {
            config,
            resumes,
            inside: Mutex::new(Inside {
                place,
                slept: false,
                number: None,
                departed: None,
            }),
            left: Notify::new(),
        }
    }

    pub(crate) fn resumes(&self) -> bool {
        self.resumes
    }

    /// Queues a frame. `how` is `None` for a frame that waits until it is written.
    pub(crate) fn send(&self, how: Option<Outbound>, payload: &[u8]) -> Result<(), SendError> {
        match &mut self.lock().place {
            Place::Nowhere => Err(SendError::Closed),
            Place::Connection(mailbox, clock) => mailbox.send(clock, how, payload),
            Place::Away(suspended, clock) => {
                let how = how.unwrap_or(Policy::Close.into());
                suspended.send(clock.now(), &self.config.limits, how, payload)
            }
        }
    }

    /// A session is to begin over the connection that `open` makes.
    pub(crate) fn begin<R>(&self, open: impl FnOnce() -> (R, (Arc<Mailbox>, Clock))) -> R {
        let mut inside = self.lock();
        let (opened, (mailbox, clock)) = open();
        inside.place = Place::Connection(mailbox, clock);
        opened
    }

    /// Asks to go on over the connection that `open` makes of the session. `None` where the session is not away.
    pub(crate) fn go_on<R>(
        &self,
        open: impl FnOnce(Suspended) -> (R, (Arc<Mailbox>, Clock)),
    ) -> Option<R> {
        let mut inside = self.lock();
        let place = std::mem::replace(&mut inside.place, Place::Nowhere);
        match place {
            Place::Away(suspended, _) => {
                let (opened, (mailbox, clock)) = open(suspended);
                inside.place = Place::Connection(mailbox, clock);
                Some(opened)
            }
            Place::Nowhere | Place::Connection(..) => {
                inside.place = place;
                None
            }
        }
    }

    /// Its connection is live, and has this number where the session may resume.
    pub(crate) fn welcome(&self, number: Option<u32>) {
        self.lock().number = number;
    }

    /// Returns the number of the last connection, from 1, where the session may resume.
    pub(crate) fn number(&self) -> Option<u32> {
        self.lock().number
    }

    /// Its connection has ended.
    pub(crate) fn depart(&self, ending: Ending) {
        self.lock().departed = Some(Box::new(ending));
    }

    /// The session has left its connection: `take` takes it out. Returns the end of that connection.
    pub(crate) fn outlive(
        &self,
        clock: &Clock,
        take: impl FnOnce(&Ending) -> Option<Suspended>,
    ) -> Option<Box<Ending>> {
        let mut inside = self.lock();
        let ending = inside.departed.take()?;
        let mut suspended = take(&ending)?;
        if std::mem::take(&mut inside.slept) {
            suspended.note_slept();
        }
        if let Place::Connection(..) = inside.place {
            inside.place = Place::Away(suspended, clock.clone());
        }
        drop(inside);
        self.left.notify_one();
        Some(ending)
    }

    /// Waits until the session has left the connection over which it asked to go on last.
    pub(crate) async fn away(&self) {
        while self.has_connection() {
            self.left.notified().await;
        }
    }

    /// Notes that the machine has slept.
    pub(crate) fn note_slept(&self) {
        let mut inside = self.lock();
        match &mut inside.place {
            Place::Away(suspended, _) => suspended.note_slept(),
            Place::Nowhere | Place::Connection(..) => inside.slept = true,
        }
    }

    /// Asks for a property of the session, while it is away.
    pub(crate) fn ask<R>(&self, ask: impl FnOnce(&Suspended) -> R) -> Option<R> {
        match &self.lock().place {
            Place::Away(suspended, _) => Some(ask(suspended)),
            Place::Nowhere | Place::Connection(..) => None,
        }
    }

    /// Returns after what time its window is surely over, and since when it is away.
    pub(crate) fn window(&self) -> Option<(Duration, Time)> {
        self.ask(|suspended| (suspended.window_over_after(), suspended.ended()))
    }

    /// Takes the session out, for another process.
    pub(crate) fn export(&self) -> Option<Vec<u8>> {
        let mut inside = self.lock();
        let Place::Away(suspended, clock) = &mut inside.place else {
            return None;
        };
        let exported = suspended.export(clock.now());
        inside.place = Place::Nowhere;
        Some(exported)
    }

    /// The session is over: its frames are refused from now on.
    pub(crate) fn close(&self) {
        self.lock().place = Place::Nowhere;
    }

    fn has_connection(&self) -> bool {
        matches!(self.lock().place, Place::Connection(..))
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
