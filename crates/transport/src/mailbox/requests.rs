//! The decisions about a connection from outside, and which one counts if there are several.

use std::sync::Arc;

use lastword_session::wire::Notice;
use lastword_session::{Close, Message};

/// The waiting decisions: for each kind, the one that counts.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(crate) notice: Option<Arc<Notice<'static>>>,
    pub(crate) close: Option<Arc<Close>>,
    pub(crate) abort: bool,
    pub(crate) drain_expired: Option<Arc<Message>>,
    pub(crate) report: bool,
    /// A frame found no room.
    pub(crate) queue_full: bool,
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
    /// Reports the evidence so far to the owner's app: [`App::reported`](crate::App::reported).
    Report,
}

impl Requests {
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            notice,
            close,
            abort,
            drain_expired,
            report,
            queue_full,
        } = self;
        let decides = close.is_some() || *abort || drain_expired.is_some();
        !decides && notice.is_none() && !report && !queue_full
    }

    /// Keeps the first decision to end.
    pub(super) fn add(&mut self, request: Request) {
        match request {
            Request::Notice(notice) => self.notice = Some(notice),
            Request::Abort => self.abort = true,
            Request::DrainExpired(message) => self.drain_expired = Some(message),
            Request::Report => self.report = true,
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
