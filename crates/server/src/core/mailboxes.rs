//! The mailboxes of all connections, through which other tasks and threads reach a session.

use std::sync::Arc;

use lastword_session::{Config, SessionId, encode_data, wire};
use lastword_transport::{Mailbox, Request, Slot, Table};

use crate::player::slot_of;

/// The error for an id that no live session here has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no live session with this id")]
pub struct NoSuchSession;

/// The mailboxes of one server.
pub(crate) struct Mailboxes {
    pub(crate) table: Arc<Table>,
    config: Arc<Config>,
}

impl Mailboxes {
    pub(crate) fn new(config: &Arc<Config>) -> Self {
        Self {
            table: Table::start(),
            config: Arc::clone(config),
        }
    }

    /// Makes the mailbox of a new connection.
    pub(crate) fn add(&self) -> (Arc<Mailbox>, Slot) {
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&self.config)));
        (Arc::clone(&mailbox), self.table.insert(mailbox))
    }

    /// A live session's mailbox. Another session may use the slot by now, so the whole id is compared.
    pub(crate) fn of(&self, session: SessionId) -> Option<Arc<Mailbox>> {
        let mailbox = self.in_slot_of(session)?;
        (mailbox.session() == Some(*session.as_bytes())).then_some(mailbox)
    }

    /// The mailbox in this session's slot, which may belong to another session.
    pub(crate) fn in_slot_of(&self, session: SessionId) -> Option<Arc<Mailbox>> {
        self.table.find(slot_of(session))
    }

    /// Puts the same request into each mailbox that is wanted.
    pub(crate) fn request_all(&self, request: &Request, wanted: impl Fn(&Mailbox) -> bool) {
        self.table.for_each(|mailbox| {
            if wanted(mailbox) {
                mailbox.request(request.clone());
            }
        });
    }

    /// The mailboxes of all live sessions.
    pub(crate) fn live(&self) -> Vec<Arc<Mailbox>> {
        let mut live = Vec::new();
        self.table.for_each(|mailbox| {
            if mailbox.session().is_some() {
                live.push(Arc::clone(mailbox));
            }
        });
        live
    }

    /// Encodes a frame for any number of sessions.
    pub(crate) fn encode(&self, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(payload.len() + wire::HEADER_LEN);
        encode_data(&self.config.framing, payload, &mut frame);
        frame
    }
}
