use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use lastword_session::{Config, Framing, Limits};

use super::*;

#[test]
fn members_and_entries_come_and_go_together() {
    let ([lobby, arena], memberships) = rooms();
    let (ann, bob) = (id(1), id(2));
    assert!(join(&lobby, ann) && join(&lobby, ann) && join(&arena, ann) && join(&lobby, bob));
    assert_eq!(memberships.entries(), [(ann, 2), (bob, 1)]);

    assert!(lobby.leave(ann));
    assert!(!lobby.leave(ann), "once is enough");
    assert_eq!(memberships.entries(), [(ann, 1), (bob, 1)]);
    assert!(lobby.members().contains_key(&bob) && arena.members().contains_key(&ann));

    memberships.depart(ann);
    assert!(arena.members().is_empty());
    assert!(lobby.leave(bob));
    assert_eq!(memberships.entries(), []);
}

#[test]
fn who_is_not_live_leaves_no_entry() {
    let ([lobby], memberships) = rooms();
    assert!(!lobby.join(id(1), &mailbox(), || false));
    assert!(lobby.members().is_empty());
    assert_eq!(memberships.entries(), []);
}

#[test]
fn a_dropped_room_takes_its_entries_along_and_no_others() {
    let ([lobby, arena], memberships) = rooms();
    let (ann, bob) = (id(1), id(2));
    assert!(join(&lobby, ann) && join(&arena, ann) && join(&arena, bob));
    let other_handle = Arc::clone(&arena);
    drop(arena);
    assert_eq!(memberships.entries(), [(ann, 2), (bob, 1)]);
    drop(other_handle);
    assert_eq!(memberships.entries(), [(ann, 1)]);
    drop(lobby);
    assert_eq!(memberships.entries(), []);
}

/// A departure that has closed the mailbox and waits for this lock will find the entry made under it.
#[test]
fn whether_a_session_is_live_is_asked_when_nobody_can_depart() {
    let ([lobby], memberships) = rooms();
    let nobody_can_depart = || memberships.rooms.try_lock().is_err();
    assert!(lobby.join(id(1), &mailbox(), nobody_can_depart));
}

/// The departure would wait forever if it locked one of the other rooms.
#[test]
fn of_ten_thousand_rooms_a_departure_touches_its_own_only() {
    let memberships = Arc::<Memberships>::default();
    let room = || Arc::new(Room::new(Arc::clone(&memberships)));
    let others: Vec<_> = std::iter::repeat_with(room).take(10_000).collect();
    assert!(others.iter().all(|room| join(room, id(1))));
    let own = room();
    assert!(join(&own, id(1)) && join(&own, id(2)));

    let locked: Vec<_> = others.iter().map(|room| room.members()).collect();
    let (departed, departure) = mpsc::channel();
    std::thread::spawn({
        let memberships = Arc::clone(&memberships);
        move || {
            memberships.depart(id(2));
            memberships.depart(id(3));
            departed.send(())
        }
    });
    departure
        .recv_timeout(Duration::from_secs(20))
        .expect("it waits for none of them");
    drop(locked);
    assert_eq!(own.members().keys().collect::<Vec<_>>(), [&id(1)]);
    assert_eq!(memberships.entries(), [(id(1), 10_001)]);
}

#[test]
fn joins_leaves_and_drops_that_race_a_departure_leave_nothing() {
    let ([lobby], memberships) = rooms();
    let sessions: Vec<_> = (0..RACES).map(|_| AtomicBool::new(true)).collect();
    let (line, joins) = (Barrier::new(RACERS + 1), AtomicU32::new(0));
    let mut left_over = 0;
    std::thread::scope(|scope| {
        for _ in 0..RACERS {
            scope.spawn(|| {
                for (n, live) in (0..).zip(&sessions) {
                    line.wait();
                    come_and_go(&lobby, id(n), live, &joins);
                    line.wait();
                }
            });
        }
        for (n, live) in (0..).zip(&sessions) {
            line.wait();
            let enough = joins.load(Ordering::SeqCst) + 1 + n % 16;
            while joins.load(Ordering::SeqCst) < enough {
                std::thread::yield_now();
            }
            live.store(false, Ordering::SeqCst);
            memberships.depart(id(n));
            line.wait();
            // The other threads start again only when this thread is back at the barrier.
            left_over += lobby.members().len() + memberships.entries().len();
        }
    });
    assert_eq!(left_over, 0, "of {RACES} sessions");
}

#[test]
fn a_crowd_that_left_is_not_kept_room_for() {
    let ([lobby], memberships) = rooms();
    assert!((0..10_000).all(|n| join(&lobby, id(n))));
    (1..5_000).for_each(|n| assert!(lobby.leave(id(n))));
    (5_000..10_000).for_each(|n| memberships.depart(id(n)));
    assert_eq!(memberships.entries(), [(id(0), 1)]);
    let kept = (
        lobby.members().capacity(),
        lock(&memberships.rooms).capacity(),
    );
    assert!(kept.0 < 100 && kept.1 < 100, "{kept:?}");
}

impl Memberships {
    /// The sessions with an entry, and the number of rooms of each.
    fn entries(&self) -> Vec<(SessionId, usize)> {
        let rooms = lock(&self.rooms);
        let mut entries: Vec<_> = rooms.iter().map(|(id, of)| (*id, of.len())).collect();
        entries.sort_unstable();
        entries
    }
}

/// Joins and leaves until the session departs, and joins another room that is dropped at once. It does not leave
/// after the departure: then only the departure removes the session.
fn come_and_go(lobby: &Arc<Room>, session: SessionId, live: &AtomicBool, joins: &AtomicU32) {
    let is_live = || live.load(Ordering::SeqCst);
    let mailbox = mailbox();
    while is_live() {
        let other = Arc::new(Room::new(Arc::clone(&lobby.memberships)));
        other.join(session, &mailbox, is_live);
        if lobby.join(session, &mailbox, is_live) {
            joins.fetch_add(1, Ordering::SeqCst);
        }
        drop(other);
        if is_live() {
            lobby.leave(session);
        }
        // Gives the other threads a turn, on any number of cores.
        std::thread::yield_now();
    }
}

fn rooms<const N: usize>() -> ([Arc<Room>; N], Arc<Memberships>) {
    let memberships = Arc::<Memberships>::default();
    let rooms = [(); N].map(|()| Arc::new(Room::new(Arc::clone(&memberships))));
    (rooms, memberships)
}

fn join(room: &Arc<Room>, session: SessionId) -> bool {
    room.join(session, &mailbox(), || true)
}

fn mailbox() -> Arc<Mailbox> {
    Arc::new(Mailbox::new(Arc::new(Config {
        framing: Framing::Native,
        limits: Limits::default(),
        behind_proxy: false,
    })))
}

fn id(n: u32) -> SessionId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    SessionId::from_bytes(bytes)
}

const RACES: u32 = 3_000;
const RACERS: usize = 2;
