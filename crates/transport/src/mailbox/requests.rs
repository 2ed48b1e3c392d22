//! The decisions about a connection from outside, and which of several counts.

use std::sync::Arc;

use lastword_session::wire::Notice;
use lastword_session::{Cause, Close, Message};

/// The waiting decisions: of each kind the one that counts.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(crate) notice: Option<Arc<Notice<'static>>>,
    pub(crate) close: Option<Arc<Close>>,
    pub(crate) abort: bool,
    pub(crate) drain_expired: Option<Arc<Message>>,
    pub(crate) report: bool,
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
        } = self;
        notice.is_none() && close.is_none() && !abort && drain_expired.is_none() && !report
    }

    /// Keeps the first decision to end. Only a full queue, which may turn out to be a silence, is replaced.
    pub(super) fn add(&mut self, request: Request) {
        match request {
            Request::Notice(notice) => self.notice = Some(notice),
            Request::Abort => self.abort = true,
            Request::DrainExpired(message) => self.drain_expired = Some(message),
            Request::Report => self.report = true,
            Request::Close(close) => {
                let gives_way = |first: &Arc<Close>| first.cause == Cause::SendQueueFull;
                if self.close.as_ref().is_none_or(gives_way) {
                    self.close = Some(close);
                }
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
