use std::collections::BTreeMap;

use super::*;

/// The frames of one broadcast that each session got.
type Heard = BTreeMap<SessionId, u32>;

#[test]
fn members_come_go_and_are_found_wherever_the_others_were_moved() {
    let mut members = members(10);
    for n in [9, 0, 4] {
        assert!(members.remove(id(n)).is_some());
        assert!(members.remove(id(n)).is_none(), "once is enough");
    }
    members.insert(id(4), mailbox());
    let here = [1, 2, 3, 4, 5, 6, 7, 8].map(id);
    assert_eq!((sorted(&members), members.len()), (here.to_vec(), 8));
    assert!(here.iter().all(|session| members.contains(*session)));
    assert!(!members.contains(id(0)));
    assert!(
        here.iter()
            .all(|session| members.remove(*session).is_some())
    );
    assert_eq!(members.len(), 0);
}

#[test]
fn a_broadcast_reaches_each_member_once_whatever_the_others_do_meanwhile() {
    let (mut random, mut newcomers) = (Random(7), (1_000_000..).map(id));
    for _ in 0..60 {
        let mut members = members(random.below(5 * PART));
        for _ in 0..3 {
            broadcast_among_changes(&mut members, &mut random, &mut newcomers);
        }
    }
}

/// Sends one broadcast, while sessions join, leave, and leave and join again between its parts.
fn broadcast_among_changes(
    members: &mut Members,
    random: &mut Random,
    newcomers: &mut impl Iterator<Item = SessionId>,
) {
    let (mut heard, mut stayed) = (Heard::new(), sorted(members));
    // The sessions that left or joined meanwhile, with the frames that they had until then.
    let mut done = Heard::new();
    let mut end = members.begin_broadcast();
    while end > 0 {
        end = members.broadcast_part(end, |session, _| *heard.entry(session).or_default() += 1);
        for _ in 0..random.below(PART) {
            match random.below(3) {
                0 => {
                    let session = newcomers.next().expect("it is endless");
                    members.insert(session, mailbox());
                    done.insert(session, 0);
                }
                choice => {
                    let Some(session) = random.of(members) else {
                        continue;
                    };
                    stayed.retain(|other| *other != session);
                    done.insert(session, heard.get(&session).copied().unwrap_or(0));
                    members.remove(session).expect("it is a member");
                    if choice == 1 {
                        members.insert(session, mailbox());
                    }
                }
            }
        }
    }
    assert!(stayed.iter().all(|session| heard.get(session) == Some(&1)));
    for (session, before) in done {
        let frames = heard.get(&session).copied().unwrap_or(0);
        assert!(frames == before && frames <= 1, "{session}: {frames}");
    }
}

#[test]
fn one_lock_covers_only_a_part_of_a_broadcast() {
    let mut members = members(3 * PART + 1);
    let (mut end, mut parts) = (members.begin_broadcast(), Vec::new());
    while end > 0 {
        let mut sent = 0;
        end = members.broadcast_part(end, |_, _| sent += 1);
        parts.push(sent);
    }
    assert_eq!(parts, [PART, PART, PART, 1]);
}

#[test]
fn a_crowd_that_left_is_not_kept_room_for() {
    let mut members = members(10_000);
    for n in 1..10_000 {
        members.remove(id(n));
    }
    let kept = (members.list.capacity(), members.places.capacity());
    assert!(kept.0 < 100 && kept.1 < 100, "{kept:?}");
    assert_eq!(sorted(&members), [id(0)]);
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn of(&mut self, members: &Members) -> Option<SessionId> {
        let place = self.below(members.len().max(1));
        members.sessions().nth(place)
    }
}

fn members(count: usize) -> Members {
    let mut members = Members::default();
    let mailbox = mailbox();
    (0..count).for_each(|n| members.insert(id(n), Arc::clone(&mailbox)));
    members
}

fn sorted(members: &Members) -> Vec<SessionId> {
    let mut sessions: Vec<_> = members.sessions().collect();
    sessions.sort_unstable();
    sessions
}

fn mailbox() -> Arc<Mailbox> {
    Arc::new(Mailbox::new(Arc::default()))
}

fn id(n: usize) -> SessionId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&u32::try_from(n).expect("a few").to_be_bytes());
    SessionId::from_bytes(bytes)
}
