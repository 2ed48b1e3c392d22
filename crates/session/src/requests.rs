//! The decisions about a connection from outside, and which one counts if there are several.

use std::sync::Arc;
use std::time::Duration;

use crate::wire::Notice;
use crate::{Close, Message, SendQueue};

/// The frames and the decisions that others leave for a connection.
#[derive(Debug, Default)]
pub struct Mail {
    /// The frames.
    pub queue: Option<Box<SendQueue>>,
    /// The decisions.
    pub requests: Requests,
}

/// The waiting decisions: for each kind, the one that counts.
#[derive(Debug, Default)]
pub struct Requests {
    /// Warn the peer.
    pub notice: Option<Arc<Notice<'static>>>,
    /// The first decision to end.
    pub close: Option<Arc<Close>>,
    /// The connection ends at once.
    pub abort: bool,
    /// The drain is over.
    pub drain_expired: Option<Arc<Message>>,
    /// The evidence so far is wanted.
    pub report: bool,
    /// The owner asks whether the peer is there.
    pub probe: bool,
    /// A frame found no room.
    pub queue_full: bool,
    /// Another connection asks to go on with the session.
    pub knock: bool,
    /// How long an away session waits from now on.
    pub hold: Option<Duration>,
}

/// A decision about a connection from outside its task.
#[derive(Clone, Debug)]
pub enum Request {
    /// Ends the connection.
    Close(Arc<Close>),
    /// Ends the connection at once, with a reset and without a goodbye.
    Abort,
    /// Warns the peer that something is about to happen.
    Notice(Arc<Notice<'static>>),
    /// Ends the connection because the drain is over; the peer gets this message.
    DrainExpired(Arc<Message>),
    /// Reports the evidence so far to the owner's app: [`Host::reported`](crate::Host::reported).
    Report,
    /// Another connection asks to go on with the session: [`Session::knock`](crate::Session::knock).
    Knock,
    /// Changes how long a session without a connection waits from now on: [`Session::hold`](crate::Session::hold).
    Hold(Duration),
    /// Asks the peer now whether it is there.
    Probe,
}

impl Requests {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            notice,
            close,
            abort,
            drain_expired,
            report,
            probe,
            queue_full,
            knock,
            hold,
        } = self;
        let decides = close.is_some() || *abort || drain_expired.is_some();
        let asks = *report || *probe || *queue_full || *knock || hold.is_some();
        !decides && notice.is_none() && !asks
    }

    /// Keeps the first decision to end.
    pub fn add(&mut self, request: Request) {
        match request {
            Request::Notice(notice) => self.notice = Some(notice),
            Request::Abort => self.abort = true,
            Request::DrainExpired(message) => self.drain_expired = Some(message),
            Request::Report => self.report = true,
            Request::Knock => self.knock = true,
            Request::Hold(time) => self.hold = Some(time),
            Request::Probe => self.probe = true,
            Request::Close(close) => {
                self.close.get_or_insert(close);
            }
        }
    }
}

impl Request {
    /// Creates a request to end a connection.
    #[must_use]
    pub fn close(close: Close) -> Self {
        Self::Close(Arc::new(close))
    }
}
