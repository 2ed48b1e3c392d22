//! A frozen peer, and a living one whose data the path loses: only a whole path shows that the peer is frozen.

use std::time::Duration;

use lastword_keepalive::{Diagnosis, Silence};

use crate::world::{COMPETITIVE, CUT, Faults, Lost, NONE, STANDARD, World, secs};

const FROZEN: Faults = Faults {
    frozen: true,
    ..NONE
};

/// Something that happens to the path.
type Event = fn(&mut World);

const NOTHING: Event = |_| {};
const EVENTS: [(&str, Event); 4] = [
    ("sent again", |world| world.lost.sent_again += 1),
    ("received twice", |world| world.lost.received_twice += 1),
    ("out of order", World::arrives_out_of_order),
    ("arrived again", World::arrives_again),
];

/// Plays a silence of a peer whose kernel answers each question. `early` happens 3 s into it, and `late` after 10 s.
fn silence_with(early: Event, late: Event) -> World {
    let mut world = World::new(STANDARD);
    assert_eq!(world.run(secs(60)), None);
    world.faults = FROZEN;
    assert_eq!(world.run(secs(3)), None);
    early(&mut world);
    assert_eq!(world.run(secs(7)), None);
    late(&mut world);
    world
}

#[test]
fn a_silence_without_a_loss_is_a_frozen_peer() {
    let mut world = silence_with(NOTHING, NOTHING);
    assert_eq!(world.verdict(secs(9)).silence, Silence::PeerFrozen);
    let links = [Some(Diagnosis::Undecided), Some(Diagnosis::PeerFrozen)];
    assert!(world.links().ends_with(&links[1..]), "{:?}", world.links());
}

#[test]
fn a_loss_during_the_questions_leaves_a_silence() {
    for (name, event) in EVENTS {
        let mut world = silence_with(NOTHING, event);
        assert_eq!(
            world.verdict(secs(20)).silence,
            Silence::PeerSilent,
            "{name}"
        );
        let last = world.links().pop().expect("it was reported");
        assert_eq!(last, Some(Diagnosis::PeerSilent), "{name}");
    }
}

/// The last look before the silence is the baseline, so what was lost before the first question counts too.
#[test]
fn a_loss_before_the_first_question_leaves_a_silence() {
    for (name, event) in EVENTS {
        let mut world = silence_with(event, NOTHING);
        assert_eq!(
            world.verdict(secs(20)).silence,
            Silence::PeerSilent,
            "{name}"
        );
    }
}

/// The peer does not hear our acknowledgements, so its kernel sends its data again and again. It was heard all the time: no
/// retry of it is still to come, as after an outage.
#[test]
fn data_that_comes_again_before_the_first_question_postpones_no_verdict() {
    let given_up_at = |event: Event| {
        let mut world = World::new(STANDARD);
        assert_eq!(world.run(secs(60)), None);
        world.faults = FROZEN;
        while world.pings == 0 || world.links().is_empty() {
            event(&mut world);
            assert_eq!(world.run(Duration::from_millis(250)), None);
        }
        world.verdict(secs(20));
        world.now
    };
    assert_eq!(given_up_at(World::arrives_again), given_up_at(NOTHING));
}

/// Data that came after the last look may have come once only, so the first look in the silence is the baseline for it.
#[test]
fn data_after_the_last_look_before_a_silence_is_no_loss() {
    let mut world = World::new(STANDARD);
    assert_eq!(world.run(secs(60)), None);
    let looks = world.samples;
    world.beats_again(Duration::from_millis(300));
    assert_eq!(world.samples, looks, "a look has just come");
    world.faults = FROZEN;
    assert_eq!(world.verdict(secs(20)).silence, Silence::PeerFrozen);
}

/// A peer that freezes acknowledges later than before, so the kernel sends a copy of what has arrived.
#[test]
fn a_copy_that_arrives_twice_before_the_first_question_is_no_loss() {
    let copied: Event = |world| {
        world.lost.sent_again += 1;
        world.lost.received_twice += 1;
    };
    let mut world = silence_with(copied, NOTHING);
    assert_eq!(world.verdict(secs(9)).silence, Silence::PeerFrozen);
    let mut world = silence_with(NOTHING, copied);
    assert_eq!(world.verdict(secs(9)).silence, Silence::PeerSilent);
}

#[test]
fn a_loss_before_the_silence_does_not_count() {
    let mut world = World::new(STANDARD);
    assert_eq!(world.run(secs(30)), None);
    world.lost = Lost {
        sent_again: 40,
        received_twice: 7,
        out_of_order: 9,
    };
    world.arrives_again();
    assert_eq!(world.run(secs(30)), None);
    world.faults = FROZEN;
    assert_eq!(world.verdict(secs(20)).silence, Silence::PeerFrozen);
}

/// The peer's kernel retries ever more seldom, so its few retries meet the seconds in which the link is down.
#[test]
fn a_client_behind_a_flapping_link_is_never_called_frozen() {
    for (timing, peer_rto_max) in [
        (COMPETITIVE, secs(120)),
        (COMPETITIVE, secs(1)),
        (STANDARD, secs(120)),
    ] {
        for shift_ms in (0..3_500).step_by(500) {
            let mut world = World::new(timing);
            world.peer_rto_max = peer_rto_max;
            world.writes_every = Some(Duration::from_millis(50));
            assert_eq!(world.run(secs(20) + Duration::from_millis(shift_ms)), None);
            for _ in 0..12 {
                world.faults = CUT;
                let down = world.run(Duration::from_millis(2_500));
                world.faults = NONE;
                let Some(verdict) = down.or_else(|| world.run(secs(1))) else {
                    continue;
                };
                assert_ne!(verdict.silence, Silence::PeerFrozen, "{shift_ms} ms");
                break;
            }
            let frozen = Some(Diagnosis::PeerFrozen);
            assert!(!world.links().contains(&frozen), "{:?}", world.told);
        }
    }
}

/// The window of a frozen peer closes while data is in flight. The kernel sends it again, and that shows no loss.
#[test]
fn data_sent_again_to_a_closed_window_is_no_loss() {
    let mut world = World::new(STANDARD);
    world.writes_every = Some(Duration::from_millis(50));
    assert_eq!(world.run(secs(60)), None);
    world.faults = FROZEN;
    assert_eq!(world.run(secs(9)), None);
    world.faults.window_shut = true;
    assert_eq!(world.run(secs(1)), None);
    world.lost.sent_again += 1;
    assert_eq!(world.verdict(secs(9)).silence, Silence::PeerFrozen);
}
