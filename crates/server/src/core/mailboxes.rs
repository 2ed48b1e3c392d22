//! The mailboxes of all connections, through which other tasks and threads reach a session.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use lastword_session::{Config, Framing, Outbound, SessionId, Time, encode_data, wire};
use lastword_transport::{Mailbox, Request, Slot, Table};

use crate::books::LiveSessions;

/// The error for an id that no live session here has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no live session with this id")]
pub struct NoSuchSession;

/// The mailboxes of one server.
pub(crate) struct Mailboxes {
    pub(crate) table: Arc<Table>,
    live_sessions: Arc<LiveSessions>,
    /// The framings of all connections so far: few, since connections share theirs.
    framings: RwLock<Vec<Framing>>,
}

impl Mailboxes {
    pub(crate) fn new(live_sessions: &Arc<LiveSessions>) -> Self {
        Self {
            table: Table::start(),
            live_sessions: Arc::clone(live_sessions),
            framings: RwLock::default(),
        }
    }

    /// Makes the mailbox of a new connection.
    pub(crate) fn add(&self, config: &Arc<Config>) -> (Arc<Mailbox>, Slot) {
        self.know(&config.framing);
        let mailbox = Arc::new(Mailbox::new(Arc::clone(config)));
        (Arc::clone(&mailbox), self.table.insert(mailbox))
    }

    fn know(&self, framing: &Framing) {
        let is_known = |framings: &[Framing]| framings.iter().any(|known| known.is_same(framing));
        if is_known(&self.framings()) {
            return;
        }
        let framings = self.framings.write();
        let mut framings = framings.unwrap_or_else(PoisonError::into_inner);
        if !is_known(&framings) {
            framings.push(framing.clone());
        }
    }

    fn framings(&self) -> RwLockReadGuard<'_, Vec<Framing>> {
        self.framings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A live session's mailbox. Another session may use the slot by now, so the whole id is compared.
    pub(crate) fn of(&self, session: SessionId) -> Option<Arc<Mailbox>> {
        let mailbox = self.in_slot_of(session)?;
        (mailbox.session() == Some(*session.as_bytes())).then_some(mailbox)
    }

    /// The mailbox in this session's slot, which may belong to another session.
    pub(crate) fn in_slot_of(&self, session: SessionId) -> Option<Arc<Mailbox>> {
        self.table.find(self.live_sessions.slot_of(session)?)
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

    /// Encodes a frame for any number of sessions; `how` is `None` for the policy of each. No lock is held: a dialect's
    /// encoder is the game's code.
    pub(crate) fn encode(&self, how: Option<Outbound>, payload: &[u8]) -> Broadcast {
        let framings = self.framings().clone();
        let encoded = framings.into_iter().map(|framing| {
            let mut frame = Vec::with_capacity(payload.len() + wire::HEADER_LEN);
            encode_data(&framing, payload, &mut frame);
            (framing, frame)
        });
        Broadcast {
            how,
            payload_len: payload.len(),
            encoded: encoded.collect(),
        }
    }
}

/// A frame for many sessions, encoded once for each framing.
pub(crate) struct Broadcast {
    how: Option<Outbound>,
    payload_len: usize,
    encoded: Vec<(Framing, Vec<u8>)>,
}

impl Broadcast {
    /// Queues the frame. Returns whether the mailbox took it.
    pub(crate) fn send(&self, mailbox: &Mailbox, now: Time) -> bool {
        self.frame_for(mailbox).is_some_and(|frame| {
            let sent = mailbox.send_encoded(now, self.how, self.payload_len, frame);
            sent.is_ok()
        })
    }

    /// Queues the frame if the mailbox is this session's. Returns whether the mailbox took it.
    pub(crate) fn send_to(&self, session: SessionId, mailbox: &Mailbox, now: Time) -> bool {
        let session = session.as_bytes();
        self.frame_for(mailbox).is_some_and(|frame| {
            let sent = mailbox.send_encoded_to(session, now, self.how, self.payload_len, frame);
            sent.is_ok()
        })
    }

    /// A connection with a framing that was unknown when the frame was encoded is newer than the
    /// frame, and does not get it.
    fn frame_for(&self, mailbox: &Mailbox) -> Option<&[u8]> {
        let mut encoded = self.encoded.iter();
        let (_, frame) = encoded.find(|(framing, _)| framing.is_same(mailbox.framing()))?;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use lastword_session::LengthPrefixed;

    use super::*;

    const SESSION: [u8; 16] = [7; 16];

    fn config(framing: Framing) -> Arc<Config> {
        Arc::new(Config {
            framing,
            ..Config::default()
        })
    }

    #[tokio::test]
    async fn a_broadcast_is_written_as_each_connection_frames_it() {
        let mailboxes = Mailboxes::new(&Arc::default());
        let prefixed = Framing::Dialect(Arc::new(LengthPrefixed));
        let native = mailboxes.add(&config(Framing::Native));
        let other = mailboxes.add(&config(prefixed.clone()));
        let broadcast = mailboxes.encode(None, b"all");
        assert_eq!(
            broadcast.frame_for(&native.0),
            Some(b"\0\0\x03\0all".as_slice())
        );
        assert_eq!(
            broadcast.frame_for(&other.0),
            Some(b"\0\0\0\x03all".as_slice())
        );
        // The same framing again is encoded once, and a later one not at all.
        let _third = mailboxes.add(&config(prefixed));
        assert_eq!(mailboxes.encode(None, b"all").encoded.len(), 2);
        let late = mailboxes.add(&config(Framing::Dialect(Arc::new(LengthPrefixed))));
        assert_eq!(broadcast.frame_for(&late.0), None);
        assert!(!broadcast.send(&late.0, Time::ORIGIN));
        assert!(!broadcast.send_to(SessionId::from_bytes(SESSION), &native.0, Time::ORIGIN));
    }
}
