//! Events next to each other in memory: fixed-size entries, and the payloads of all frames in one buffer.

use std::net::SocketAddr;
use std::time::Instant;

use lastword_session::{Link, SessionId};

use super::event::Event;
use crate::books::Departure;
use crate::player::Player;

/// The events of one tick.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    entries: Vec<Entry>,
    payloads: Vec<u8>,
}

/// A reader's position in a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    entry: usize,
    payload: usize,
}

/// Entries are small, because a busy tick has many: rare, larger ones are boxed.
#[derive(Debug)]
enum Entry {
    Joined(Box<Joined>),
    /// Its payload follows the previous frame's payload.
    Frame(SessionId, u32),
    Link(Box<(SessionId, Link)>),
    Left(Box<Departure>),
    Draining(Instant),
}

#[derive(Debug)]
struct Joined {
    session: SessionId,
    player: Player,
    remote: SocketAddr,
}

impl Batch {
    pub(crate) fn joined(&mut self, session: SessionId, player: Player, remote: SocketAddr) {
        self.entries.push(Entry::Joined(Box::new(Joined {
            session,
            player,
            remote,
        })));
    }

    pub(crate) fn frame(&mut self, session: SessionId, payload: &[u8]) {
        // A frame has at most 16 MiB.
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.payloads.extend_from_slice(payload);
        self.entries.push(Entry::Frame(session, len));
    }

    pub(crate) fn link(&mut self, session: SessionId, link: Link) {
        self.entries.push(Entry::Link(Box::new((session, link))));
    }

    /// Overwrites the change of link at this place. Returns whether there was one.
    pub(crate) fn relink(&mut self, place: usize, of: SessionId, new: &Link) -> bool {
        match self.entries.get_mut(place) {
            Some(Entry::Link(entry)) if entry.0 == of => {
                entry.1 = new.clone();
                true
            }
            _ => false,
        }
    }

    pub(crate) fn left(&mut self, departure: Departure) {
        self.entries.push(Entry::Left(Box::new(departure)));
    }

    pub(crate) fn draining(&mut self, deadline: Instant) {
        self.entries.push(Entry::Draining(deadline));
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        self.payloads.len()
    }

    /// Empties the batch and keeps its memory for the next tick. Memory beyond a normal tick's need is freed.
    pub(crate) fn clear(&mut self) {
        let (entries, bytes) = (self.entries.len(), self.payloads.len());
        self.entries.clear();
        self.payloads.clear();
        self.entries.shrink_to((2 * entries).max(SPARE_ENTRIES));
        self.payloads.shrink_to((2 * bytes).max(SPARE_BYTES));
    }
}

impl Cursor {
    pub(crate) fn is_at_end(&self, batch: &Batch) -> bool {
        self.entry >= batch.entries.len()
    }

    pub(crate) fn left(&self, batch: &Batch) -> usize {
        batch.entries.len().saturating_sub(self.entry)
    }

    /// The frames still to come: their sessions and lengths.
    pub(crate) fn frames_left(&self, batch: &Batch) -> impl Iterator<Item = (SessionId, u64)> {
        let left = batch.entries.get(self.entry..).unwrap_or_default();
        left.iter().filter_map(|entry| match entry {
            Entry::Frame(session, len) => Some((*session, u64::from(*len))),
            Entry::Joined(_) | Entry::Link(_) | Entry::Left(_) | Entry::Draining(_) => None,
        })
    }

    pub(crate) fn next<'a>(&mut self, batch: &'a Batch) -> Option<Event<'a>> {
        let entry = batch.entries.get(self.entry)?;
        self.entry += 1;
        Some(match entry {
            Entry::Joined(joined) => Event::Joined {
                session: joined.session,
                player: &joined.player,
                remote: joined.remote,
            },
            Entry::Frame(session, len) => Event::Frame {
                session: *session,
                payload: self.payload(batch, *len),
            },
            Entry::Link(entry) => Event::Link {
                session: entry.0,
                link: entry.1.clone(),
            },
            Entry::Left(departure) => Event::Left(departure),
            Entry::Draining(deadline) => Event::Draining {
                deadline: *deadline,
            },
        })
    }

    fn payload<'a>(&mut self, batch: &'a Batch, len: u32) -> &'a [u8] {
        let start = self.payload;
        self.payload += usize::try_from(len).unwrap_or(usize::MAX);
        batch.payloads.get(start..self.payload).unwrap_or_default()
    }
}

/// The memory that an empty batch may keep.
const SPARE_ENTRIES: usize = 1_024;
const SPARE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 24, "{}", size_of::<Entry>());
    }

    #[test]
    fn payloads_come_out_as_they_went_in_also_when_a_drain_stops_half_way() {
        let session = SessionId::from_bytes([7; 16]);
        let mut batch = Batch::default();
        for payload in [&b"one"[..], b"", b"three"] {
            batch.frame(session, payload);
        }
        let mut cursor = Cursor::default();
        let mut next = |batch| match cursor.next(batch) {
            Some(Event::Frame { payload, .. }) => Some(payload.to_vec()),
            _ => None,
        };
        assert_eq!(next(&batch).as_deref(), Some(&b"one"[..]));
        assert_eq!(next(&batch).as_deref(), Some(&b""[..]));
        assert_eq!(next(&batch).as_deref(), Some(&b"three"[..]));
        assert_eq!(next(&batch), None);
        assert!(cursor.is_at_end(&batch));
    }

    #[test]
    fn a_batch_does_not_keep_the_memory_of_one_exceptional_tick() {
        let mut batch = Batch::default();
        for _ in 0..1_000 {
            batch.frame(SessionId::from_bytes([0; 16]), &[0; 10_000]);
        }
        batch.clear();
        batch.clear();
        assert!(batch.payloads.capacity() <= SPARE_BYTES);
        assert!(batch.entries.capacity() <= SPARE_ENTRIES);
    }
}
