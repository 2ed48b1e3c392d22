//! The seats of sessions by slot, readable from outside of their connections, at eight bytes each.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use lastword_session::SessionId;

use crate::guard::lock;
use crate::player::{Seat, slot_of};

/// The seats of the sessions that joined and have not departed, by their slots in the table of connections.
///
/// A lock is held for one chunk at a time, and never during any other wait.
#[derive(Debug, Default)]
pub(crate) struct Seats(RwLock<Vec<Arc<Chunk>>>);

type Chunk = Mutex<[Option<Arc<Seat>>; CHUNK]>;

impl Seats {
    /// Adds a session that joined.
    pub(crate) fn put(&self, seat: &Arc<Seat>) {
        let place = place_of(seat.session);
        if let Some(chunk) = self.chunk(place / CHUNK) {
            if let Some(entry) = lock(&chunk).get_mut(place % CHUNK) {
                *entry = Some(Arc::clone(seat));
            }
        }
    }

    /// Removes a session. If another session uses the slot by now, that one stays.
    pub(crate) fn remove(&self, session: SessionId) {
        let place = place_of(session);
        let chunk = self.chunk_at(place / CHUNK);
        let removed = chunk.and_then(|chunk| {
            let mut entries = lock(&chunk);
            let entry = entries.get_mut(place % CHUNK)?;
            entry.take_if(|seat| seat.session == session)
        });
        drop(removed);
    }

    /// The seat of a session, if it is here.
    pub(crate) fn find(&self, session: SessionId) -> Option<Arc<Seat>> {
        let place = place_of(session);
        let chunk = self.chunk_at(place / CHUNK)?;
        let seat = lock(&chunk).get(place % CHUNK)?.clone();
        seat.filter(|seat| seat.session == session)
    }

    /// The wanted seats in the order of their slots, from `first` on. Each seat is read when the iterator reaches its
    /// chunk.
    pub(crate) fn scan<'a>(
        &'a self,
        first: usize,
        wanted: impl Fn(&Seat) -> bool + 'a,
    ) -> impl Iterator<Item = Arc<Seat>> + 'a {
        let mut next = first;
        let chunks = std::iter::from_fn(move || {
            let chunk = self.chunk_at(next / CHUNK)?;
            let entries = lock(&chunk);
            let entries = entries.iter().skip(next % CHUNK).flatten();
            let seats: Vec<_> = entries.filter(|seat| wanted(seat)).cloned().collect();
            next = (next / CHUNK + 1) * CHUNK;
            Some(seats)
        });
        chunks.flatten()
    }

    fn chunk_at(&self, index: usize) -> Option<Arc<Chunk>> {
        let chunks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        chunks.get(index).cloned()
    }

    /// The chunk at this index, which is made if it does not exist.
    fn chunk(&self, index: usize) -> Option<Arc<Chunk>> {
        self.chunk_at(index).or_else(|| {
            let mut chunks = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let len = chunks.len().max(index + 1);
            chunks.resize_with(len, || Arc::new(Mutex::new([const { None }; CHUNK])));
            chunks.get(index).cloned()
        })
    }
}

/// The session's slot, as an index.
pub(crate) fn place_of(session: SessionId) -> usize {
    usize::try_from(slot_of(session)).unwrap_or(usize::MAX)
}

const CHUNK: usize = 256;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use lastword_session::Time;

    use super::*;
    use crate::player::{Data, Joined, Suspicion, random_session};

    fn seat(slot: u32) -> Arc<Seat> {
        Arc::new(Seat {
            session: random_session(slot).unwrap(),
            player: Some(format!("player {slot}").into()),
            data: Data::default(),
            remote: SocketAddr::from(([127, 0, 0, 1], 1)),
            cohort: 0,
            profile: 0,
            suspicion: Suspicion::default(),
            joined: Joined::at(Time::ORIGIN),
        })
    }

    fn slots(seats: &Seats, first: usize) -> Vec<u32> {
        let found = seats.scan(first, |_| true);
        found.map(|seat| slot_of(seat.session)).collect()
    }

    #[test]
    fn seats_are_found_in_the_order_of_their_places_whatever_the_order_they_came_in() {
        let seats = Seats::default();
        for slot in [700, 0, 255, 256, 3] {
            seats.put(&seat(slot));
        }
        assert_eq!(slots(&seats, 0), [0, 3, 255, 256, 700]);
        assert_eq!(slots(&seats, 4), [255, 256, 700]);
        assert_eq!(slots(&seats, 256), [256, 700]);
        assert!(slots(&seats, 701).is_empty());
        assert!(slots(&seats, usize::MAX).is_empty());
        let mut of_player = seats.scan(0, |seat| seat.is_of("player 3"));
        assert_eq!(slot_of(of_player.next().unwrap().session), 3);
        assert!(of_player.next().is_none());
    }

    #[test]
    fn a_departure_takes_its_own_seat_and_not_its_successor_s() {
        let seats = Seats::default();
        let [ann, bob] = [seat(5), seat(5)];
        seats.remove(ann.session);
        seats.put(&ann);
        seats.put(&bob);
        seats.remove(ann.session);
        assert_eq!(slots(&seats, 0), [5]);
        seats.remove(bob.session);
        assert!(slots(&seats, 0).is_empty());
        assert_eq!(Arc::strong_count(&bob), 1);
    }

    #[test]
    fn a_scan_sees_what_stays_once_while_others_come_and_go() {
        let seats = Seats::default();
        let here: Vec<_> = (0..600).map(seat).collect();
        here.iter().for_each(|seat| seats.put(seat));
        let mut scan = seats.scan(0, |_| true);
        let mut seen = vec![slot_of(scan.next().unwrap().session)];
        for gone in [0, 300, 599] {
            seats.remove(here[gone].session);
        }
        seats.put(&seat(900));
        seen.extend(scan.map(|seat| slot_of(seat.session)));
        let stayed: Vec<u32> = (0..600).filter(|slot| ![300, 599].contains(slot)).collect();
        assert_eq!(seen, [&stayed[..], &[900]].concat());
    }
}
