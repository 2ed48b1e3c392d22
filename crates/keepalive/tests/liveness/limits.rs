//! When the verdict falls: not before its limit, not because of a stall of ours, and not while nobody listens.

use std::time::Duration;

use lastword_keepalive::{Act, Liveness, Sample, Silence, Time, Timing, View};

use crate::world::{Faults, NONE, STANDARD, START, World};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn live() -> Liveness {
    let mut liveness = Liveness::new(START, false, false);
    liveness.go_live(START, STANDARD, None);
    liveness
}

fn view(stalled: Duration) -> View {
    View {
        sample: Some(Sample::default()),
        stalled,
    }
}

/// Goes on to the verdict, handing in each deadline as it comes.
fn verdict(liveness: &mut Liveness, stalled: Duration) -> (Time, lastword_keepalive::Verdict) {
    loop {
        let (now, _) = liveness.poll_timeout(false);
        assert!(now < START + secs(100), "no verdict");
        match liveness.on_timeout(now, false, &view(stalled)) {
            Some(Act::GiveUp(verdict)) => return (now, verdict),
            Some(Act::Ping) => liveness.pinged(now),
            None => {}
        }
    }
}

#[test]
fn a_silence_lasts_for_the_dead_limit_and_no_longer() {
    let mut liveness = live();
    liveness.heard(START + secs(4));
    let (at, verdict) = verdict(&mut liveness, Duration::ZERO);
    assert_eq!(at, START + secs(19));
    assert_eq!(verdict.since, START + secs(4));
}

#[test]
fn a_stall_of_ours_extends_every_limit_and_is_stated() {
    let mut liveness = live();
    let stalled = secs(7);
    let (at, verdict) = verdict(&mut liveness, stalled);
    assert_eq!(at, START + secs(15) + stalled);
    assert_eq!((verdict.since, verdict.own_stall), (START, stalled));
}

#[test]
fn a_look_that_comes_late_is_a_stall_of_ours_too() {
    let mut liveness = live();
    let late = START + secs(60);
    let asked = liveness.on_timeout(late, false, &view(Duration::ZERO));
    assert_eq!(asked, Some(Act::Ping), "it is asked first");
    liveness.pinged(late);
    let (at, verdict) = verdict(&mut liveness, Duration::ZERO);
    assert!(at >= late + secs(7), "{at:?}");
    assert!(verdict.own_stall >= secs(52));
}

#[test]
fn samples_that_come_late_excuse_what_was_unanswered_meanwhile() {
    let mut liveness = live();
    let unanswered = View {
        sample: Some(Sample {
            unacked: 1,
            retransmits: 3,
            snd_wnd: 1_000,
            last_ack: secs(100),
            ..Sample::default()
        }),
        stalled: Duration::ZERO,
    };
    liveness.wrote(START);
    let mut now = START;
    for _ in 0..8 {
        now = now + secs(1);
        liveness.heard(now);
        assert_eq!(liveness.sampled(now, unanswered.sample), None);
    }
    assert!(liveness.is_doubtful(now));
    // The process is stopped for a minute; its client talks on.
    now = now + secs(60);
    liveness.heard(now);
    let acts = liveness.on_timeout(now, false, &unanswered);
    assert!(!matches!(acts, Some(Act::GiveUp(_))), "{acts:?}");
}

#[test]
fn a_byte_ends_a_silence_at_its_last_moment() {
    let mut liveness = live();
    let by = START + secs(15);
    while liveness.poll_timeout(false).0 < by {
        let (now, _) = liveness.poll_timeout(false);
        if liveness.on_timeout(now, false, &view(Duration::ZERO)) == Some(Act::Ping) {
            liveness.pinged(now);
        }
    }
    liveness.heard(by);
    let act = liveness.on_timeout(by, false, &view(Duration::ZERO));
    assert!(!matches!(act, Some(Act::GiveUp(_))), "{act:?}");
}

#[test]
fn nobody_is_silent_while_nobody_listens_but_a_path_may_die() {
    let mut world = World::new(STANDARD);
    world.liveness.paused(world.now);
    world.faults = Faults {
        frozen: true,
        ..NONE
    };
    assert_eq!(world.run(secs(120)), None, "it may talk, for all we know");
    world.faults = Faults {
        outbound: true,
        inbound: true,
        ..NONE
    };
    assert_eq!(world.verdict(secs(30)).silence, Silence::PathDead);
}

#[test]
fn a_peer_that_talks_and_takes_nothing_is_found_with_its_next_byte() {
    let mut liveness = Liveness::new(START, false, false);
    liveness.go_live(START, STANDARD, Some(secs(10)));
    let shut = Some(Sample {
        notsent: 500,
        ..Sample::default()
    });
    liveness.wrote(START);
    for n in 1..=51 {
        let now = START + Duration::from_millis(250) * n;
        if n % 4 == 0 && n < 40 {
            liveness.heard(now);
        }
        // Without a byte of its own after the limit the silence decides.
        assert_eq!(liveness.sampled(now, shut), None, "{n}");
    }
    let now = START + Duration::from_millis(12_900);
    liveness.heard(now);
    assert!(liveness.wants_sample(now), "at once, and not in its turn");
    let verdict = liveness.sampled(now, shut).expect("a verdict");
    assert_eq!(verdict.silence, Silence::PeerNotReading);
    assert!(verdict.since <= START + secs(1));
}

#[test]
fn who_is_never_given_up_is_suspect_and_left_alone() {
    let mut world = World::new(Timing {
        dead_ms: 0,
        ..STANDARD
    });
    world.faults = Faults {
        frozen: true,
        ..NONE
    };
    assert_eq!(world.run(secs(600)), None);
    assert_eq!(world.pings, 0);
    assert!(!world.links().is_empty());
}
