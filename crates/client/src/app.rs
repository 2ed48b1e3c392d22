//! The client's side of a connection's task: it puts events into the inbox, and the end after them.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use lastword_session::{
    Admission, Close, Ending, Linger, Link, Phase, SessionId, Timing, Traffic, wire,
};
use lastword_transport::{App, Inbox, Outbox, Room, Table};
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use crate::way::Way;
use crate::{Ended, Event};

/// The events from the server, and the end once it is known.
pub(crate) type ClientInbox = Inbox<Event, Ended>;

/// Keeps the thread of a client's own runtime. The client holds one, and so does each of its connections, so the thread
/// ends when the last goodbye is out. Nothing is ever sent.
pub(crate) type Alive = Sender<Infallible>;

/// The server's answer to a hello, for the caller who waits for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Welcomed {
    /// `None` on a dialect.
    pub(crate) session: Option<SessionId>,
    pub(crate) timing: Timing,
}

pub(crate) struct ClientApp {
    inbox: Arc<ClientInbox>,
    /// The waiting `connect` call. Dropped with the welcome or with the end.
    welcome: Option<oneshot::Sender<Welcomed>>,
    /// Takes the session, where it outlives this connection. A client that makes one connection only has none.
    way: Option<Arc<Way>>,
    /// Keeps the table and its sweep alive while this connection has deadlines.
    table: Arc<Table>,
    /// Keeps the client's own runtime alive until this connection has ended.
    _alive: Option<Alive>,
    phase: Phase,
    ended: bool,
}

impl ClientApp {
    pub(crate) fn new(
        inbox: Arc<ClientInbox>,
        welcome: oneshot::Sender<Welcomed>,
        way: Option<Arc<Way>>,
        table: Arc<Table>,
        alive: Option<Alive>,
    ) -> Self {
        Self {
            inbox,
            welcome: Some(welcome),
            way,
            table,
            _alive: alive,
            phase: Phase::Auth,
            ended: false,
        }
    }

    fn live(&mut self, welcomed: Welcomed) {
        self.phase = Phase::Live;
        if let Some(welcome) = self.welcome.take() {
            // If this fails, the caller gave up waiting, and its dropped `Client` leaves the
            // server.
            welcome.send(welcomed).ok();
        }
    }

    /// Notes the number of the connection, where the session may resume.
    fn note_number(&self, outbox: &Outbox<'_>) {
        if let Some(way) = &self.way {
            way.welcome(outbox.ticket().map(|ticket| ticket.connection));
        }
    }

    fn end(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let ended = Ended::from(ending);
        let (cause, phase) = (ended.cause, ended.phase);
        self.inbox.end(ended);
        self.welcome = None;
        // Last: a panic of the log's subscriber must not keep the end from the game.
        tracing::debug!(%cause, %phase, "a connection ended");
    }
}

impl App for ClientApp {
    fn authenticate(&mut self, _credentials: &[u8]) {}

    fn poll_admission(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Admission, Close>> {
        Poll::Pending
    }

    fn secured(&mut self) {
        self.live(Welcomed {
            session: None,
            timing: Timing::default(),
        });
    }

    fn joined(&mut self, outbox: &mut Outbox<'_>, admission: &Admission) {
        self.note_number(outbox);
        self.live(Welcomed {
            session: Some(SessionId::from_bytes(admission.session)),
            timing: admission.timing,
        });
    }

    fn back(&mut self, outbox: &mut Outbox<'_>) {
        self.note_number(outbox);
        self.live(Welcomed {
            session: outbox.ticket().map(|ticket| ticket.session),
            timing: outbox.timing(),
        });
    }

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        self.inbox.poll_room()
    }

    fn frame(&mut self, _outbox: &mut Outbox<'_>, payload: &[u8]) -> Room {
        let frame = Event::Frame(Bytes::copy_from_slice(payload));
        self.inbox.push(frame)
    }

    fn link(&mut self, _outbox: &mut Outbox<'_>, link: Link) {
        self.inbox.push(Event::Link(link));
    }

    fn notice(&mut self, notice: &wire::Notice<'_>) {
        self.inbox.push(Event::Notice(notice.into()));
    }

    fn poll_delivered(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        self.inbox.poll_delivered()
    }

    fn taken(&self) -> u64 {
        self.inbox.taken()
    }

    fn traffic(&mut self, _traffic: Traffic) {}

    fn panicked(&mut self) {}

    fn departed(&mut self, ending: Ending) -> Linger {
        if let Some(way) = &self.way {
            way.depart(ending);
        }
        Linger::Allowed
    }

    /// The session does not wait for the linger of its connection.
    fn outlived(&mut self, outbox: &mut Outbox<'_>) {
        let Some(way) = &self.way else { return };
        let clock = self.table.clock();
        if let Some(ending) = way.outlive(clock, |ending| outbox.suspend(ending)) {
            self.end(*ending);
        }
    }

    fn closed(&mut self, ending: Box<Ending>) {
        self.end(*ending);
    }
}

impl Drop for ClientApp {
    /// Reports an end even if the task is dropped before its verdict, as when the runtime is
    /// dropped.
    fn drop(&mut self) {
        if !self.ended {
            let at = self.table.clock().now();
            self.end(Ending::without_verdict(self.phase, at));
        }
    }
}
