use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use lastword_session::Config;

use super::super::members::PART;
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
    assert!(lobby.members().contains(bob) && arena.members().contains(ann));

    memberships.depart(ann);
    assert_eq!(arena.members().len(), 0);
    assert!(lobby.leave(bob));
    assert_eq!(memberships.entries(), []);
}

#[test]
fn a_session_that_is_not_live_leaves_no_entry() {
    let ([lobby], memberships) = rooms();
    assert!(!lobby.join(id(1), &mailbox(), || false));
    assert_eq!(lobby.members().len(), 0);
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
fn liveness_is_checked_under_the_lock_of_the_departures() {
    let ([lobby], memberships) = rooms();
    let departures_are_locked_out = || memberships.rooms.try_lock().is_err();
    assert!(lobby.join(id(1), &mailbox(), departures_are_locked_out));
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
    assert!(own.members().sessions().eq([id(1)]));
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
fn memory_of_a_past_crowd_is_given_back() {
    let ([lobby], memberships) = rooms();
    assert!((0..10_000).all(|n| join(&lobby, id(n))));
    (1..5_000).for_each(|n| assert!(lobby.leave(id(n))));
    (5_000..10_000).for_each(|n| memberships.depart(id(n)));
    assert_eq!(memberships.entries(), [(id(0), 1)]);
    let kept = lock(&memberships.rooms).capacity();
    assert!(kept < 100, "{kept}");
}

/// A broadcast that held the members from its beginning to its end would always end before the departure.
#[test]
fn a_departure_waits_for_a_part_of_a_broadcast_and_not_for_all_of_it() {
    let ([lobby], memberships) = rooms();
    assert!((0..20 * PART).all(|n| join(&lobby, id(u32::try_from(n).unwrap()))));
    let given_up = Instant::now() + Duration::from_secs(20);
    let departs_within_a_broadcast = |session: SessionId| {
        let (has_begun, begun) = mpsc::channel::<()>();
        let departed = AtomicBool::new(false);
        let (mut has_begun, mut sent, mut departed_within) = (Some(has_begun), 0, false);
        std::thread::scope(|scope| {
            let (memberships, departed) = (&memberships, &departed);
            scope.spawn(move || {
                begun.recv().expect_err("the broadcast drops it");
                memberships.depart(session);
                departed.store(true, Ordering::SeqCst);
            });
            lobby.broadcast(|_, _| {
                drop(has_begun.take());
                departed_within |= departed.load(Ordering::SeqCst);
                if sent % PART == 0 && !departed_within {
                    // Gives the departure time to come to the lock, which it does not get before this part is over.
                    std::thread::park_timeout(Duration::from_millis(1));
                }
                sent += 1;
            });
        });
        departed_within
    };
    let mut sessions = (0..).map(id);
    while !departs_within_a_broadcast(sessions.next().unwrap()) {
        assert!(Instant::now() < given_up, "every departure waited");
    }
}

#[test]
fn a_broadcast_does_not_overtake_a_caller_that_waits_for_the_members() {
    let ([lobby], _) = rooms();
    assert!(join(&lobby, id(1)));
    let sent = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let held = lock(&lobby.members);
        let waiter = scope.spawn(|| {
            let _members = lobby.members();
            sent.load(Ordering::SeqCst)
        });
        let given_up = Instant::now() + Duration::from_secs(20);
        while lobby.door.try_lock().is_ok() {
            assert!(Instant::now() < given_up, "nobody waits at the door");
            std::thread::yield_now();
        }
        scope.spawn(|| lobby.broadcast(|_, _| sent.store(true, Ordering::SeqCst)));
        drop(held);
        assert!(!waiter.join().unwrap(), "it was overtaken");
    });
    assert!(sent.into_inner());
}

#[test]
fn every_member_gets_two_threads_broadcasts_in_the_same_order() {
    let ([lobby], _) = rooms();
    let members = 3 * u32::try_from(PART).unwrap();
    assert!((0..members).all(|n| join(&lobby, id(n))));
    let heard = Mutex::new(HashMap::<SessionId, Vec<(u32, u32)>>::new());
    let line = Barrier::new(2);
    std::thread::scope(|scope| {
        for talker in 0..2 {
            let (lobby, heard, line) = (&lobby, &heard, &line);
            scope.spawn(move || {
                line.wait();
                for n in 0..50 {
                    lobby.broadcast(|session, _| {
                        lock(heard).entry(session).or_default().push((talker, n));
                        // The other thread takes its turn wherever this one lets it.
                        if session == id(0) {
                            std::thread::yield_now();
                        }
                    });
                }
            });
        }
    });
    let heard = heard.into_inner().unwrap();
    let first = &heard[&id(0)];
    assert_eq!((heard.len(), first.len()), (3 * PART, 100));
    assert!(heard.values().all(|other| other == first));
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
    Arc::new(Mailbox::new(Arc::new(Config::default())))
}

fn id(n: u32) -> SessionId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    SessionId::from_bytes(bytes)
}

const RACES: u32 = 3_000;
const RACERS: usize = 2;
