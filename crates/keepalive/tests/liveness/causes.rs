//! The name of each silence.

use std::time::Duration;

use lastword_keepalive::{Diagnosis, KernelSample, Liveness, LivenessAction, Silence};

use crate::world::{COMPETITIVE, CUT, Faults, NONE, STANDARD, START, World, age_ms, secs};

/// The faults, and the silence that each one is.
pub(crate) fn faults() -> [(&'static str, Faults, Silence); 5] {
    [
        ("cut", CUT, Silence::PathDead),
        (
            "theirs lost",
            Faults {
                inbound: true,
                ..NONE
            },
            Silence::PathDead,
        ),
        (
            "ours lost",
            Faults {
                outbound: true,
                ..NONE
            },
            Silence::PathDeadOutbound,
        ),
        (
            "own network",
            Faults { own: true, ..CUT },
            Silence::LocalNetworkDown,
        ),
        (
            "frozen",
            Faults {
                frozen: true,
                ..NONE
            },
            Silence::PeerFrozen,
        ),
    ]
}

/// Each fault comes after a minute in which all was well. The game writes never, or 20 times a second.
#[test]
fn each_silence_has_its_name() {
    for (name, faults, silence) in faults() {
        for writes_every in [None, Some(Duration::from_millis(50))] {
            let mut world = World::new(STANDARD);
            world.writes_every = writes_every;
            assert_eq!(world.run(secs(60)), None, "{name}: all is well");
            assert_eq!(world.links(), [], "{name}");
            world.faults = faults;
            let cut_at = world.now;
            let verdict = world.verdict(secs(30));
            assert_eq!(verdict.silence, silence, "{name}, {writes_every:?}");
            let took = world.now.since(cut_at);
            assert!(took <= secs(15) + secs(2), "{name}: {took:?}");
            assert_eq!(verdict.stood_still, Duration::ZERO, "{name}");
        }
    }
}

#[test]
fn a_window_that_was_shut_for_long_hides_a_cut_only_where_the_kernel_probes_seldom() {
    let shut = Faults {
        window_shut: true,
        frozen: true,
        ..NONE
    };
    for (rto_max, silence) in [
        (Duration::from_millis(1_200), Silence::PathDead),
        (secs(120), Silence::PeerSilent),
    ] {
        let mut world = World::new(STANDARD);
        world.rto_max = rto_max;
        world.writes_every = Some(Duration::from_millis(50));
        world.faults = Faults {
            frozen: false,
            ..shut
        };
        // A peer that sends and takes nothing is another case, with its own limit.
        assert_eq!(world.run(secs(9)), None);
        world.faults = Faults {
            outbound: true,
            inbound: true,
            ..shut
        };
        // Without a bound, the gap between two probes is longer than the whole silence.
        let verdict = world.verdict(secs(30));
        if silence == Silence::PathDead {
            assert_eq!(verdict.silence, silence);
        } else {
            assert_ne!(verdict.silence, Silence::PeerFrozen, "no answer proves it");
        }
    }
}

#[test]
fn a_frozen_peer_behind_a_shut_window_answers_probes() {
    let mut world = World::new(STANDARD);
    world.writes_every = Some(Duration::from_millis(50));
    world.faults = Faults {
        frozen: true,
        window_shut: true,
        ..NONE
    };
    assert_eq!(world.verdict(secs(30)).silence, Silence::PeerFrozen);
}

#[test]
fn a_kernel_that_says_nothing_leaves_a_silence() {
    let mut world = World::new(STANDARD);
    world.has_kernel = false;
    world.faults = CUT;
    assert_eq!(world.verdict(secs(30)).silence, Silence::PeerSilent);
    assert_eq!(world.links(), [Some(Diagnosis::PeerSilent)]);
}

#[test]
fn an_outage_that_ends_in_time_is_reported_and_ends_nothing() {
    let mut world = World::new(STANDARD);
    world.writes_every = Some(Duration::from_millis(50));
    world.run(secs(20));
    world.faults = CUT;
    assert_eq!(world.run(secs(9)), None);
    world.faults = NONE;
    assert_eq!(world.run(secs(60)), None);
    // Our kernel reports at the first look how long it has retried in vain. A byte of the peer may come before its
    // next retry.
    let links = world.links();
    assert_eq!(links.first(), Some(&Some(Diagnosis::PathDead)));
    assert_eq!(links.last(), Some(&None), "{links:?}");
}

/// Bytes arrive all the time, so there is no silence to notice: the unacknowledged data reveals the fault.
#[test]
fn a_path_that_is_dead_outbound_is_suspect_before_it_is_silent() {
    let mut world = World::new(STANDARD);
    world.writes_every = Some(Duration::from_millis(50));
    world.run(secs(20));
    world.faults = Faults {
        outbound: true,
        ..NONE
    };
    let cut_at = world.now.since(START);
    let verdict = world.verdict(secs(30));
    assert_eq!(verdict.silence, Silence::PathDeadOutbound);
    let (told, _) = world.told[0];
    assert!(told - cut_at < secs(9), "{told:?}");
    assert!(world.links().contains(&Some(Diagnosis::PathDeadOutbound)));
}

/// A steady stream sets the retry timer back with each new segment, so that nothing is ever sent again. The missing
/// progress shows the fault.
#[test]
fn a_path_that_is_dead_outbound_needs_no_retry_to_show() {
    for timing in [COMPETITIVE, STANDARD] {
        for round_trip_ms in [0, 24, 50, 100, 200] {
            let mut world = World::new(timing);
            world.round_trip = Duration::from_millis(round_trip_ms);
            world.never_retries = true;
            world.writes_every = Some(Duration::from_millis(50));
            assert_eq!(world.run(secs(20)), None, "{round_trip_ms} ms");
            assert_eq!(world.links(), [], "{round_trip_ms} ms");
            world.faults = Faults {
                outbound: true,
                ..NONE
            };
            let cut_at = world.now;
            let verdict = world.verdict(secs(30));
            let name = format!("{round_trip_ms} ms, {timing:?}");
            assert_eq!(verdict.silence, Silence::PathDeadOutbound, "{name}");
            assert_eq!(world.links().pop(), Some(Some(Diagnosis::PathDeadOutbound)));
            let told = world.told.last().expect("a suspicion").0;
            let question = Duration::from_millis(timing.suspect_ms.into());
            assert!(told - cut_at.since(START) < question + secs(3), "{name}");
        }
    }
}

#[test]
fn without_a_retry_a_cut_of_both_directions_is_no_cut_of_ours() {
    let mut world = World::new(STANDARD);
    world.round_trip = Duration::from_millis(100);
    world.never_retries = true;
    world.writes_every = Some(Duration::from_millis(50));
    world.run(secs(20));
    world.faults = CUT;
    assert_eq!(world.verdict(secs(30)).silence, Silence::PathDead);
}

/// A peer that sends and does not read is found only by its closed window.
#[test]
fn a_closed_window_is_a_peer_that_does_not_read_at_every_round_trip() {
    for round_trip_ms in [0, 24, 100, 200] {
        let mut world = World::new(STANDARD);
        world.round_trip = Duration::from_millis(round_trip_ms);
        world.writes_every = Some(Duration::from_millis(50));
        world.run(secs(20));
        world.faults = Faults {
            window_shut: true,
            ..NONE
        };
        let verdict = world.verdict(secs(15));
        assert_eq!(
            verdict.silence,
            Silence::PeerNotReading,
            "{round_trip_ms} ms"
        );
    }
}

/// The last sample decides. So the system is asked also where the samples before it seemed to show the cause.
#[test]
fn the_system_is_asked_before_each_verdict_even_where_the_cause_seemed_known() {
    let mut liveness = Liveness::new(START, false, false);
    liveness.go_live(START, COMPETITIVE, None);
    liveness.wrote(START);
    let (mut seen, dead_at) = (None, START + secs(8));
    loop {
        let (now, _) = liveness.poll_timeout(false);
        let retries = u8::try_from(now.since(START).as_secs()).expect("it is short");
        // Half of the retries stay in this host's queue until the last moment.
        let sent_again = if now < dead_at { retries / 2 } else { retries };
        let sample = KernelSample {
            retransmits: retries,
            unacked: 1,
            snd_wnd: Some(65_535),
            total_retrans: sent_again.into(),
            bytes_retrans: Some(20 * u64::from(sent_again)),
            last_ack_recv_ms: age_ms(now.since(START)),
            ..KernelSample::default()
        };
        let asks_system = liveness.may_blame_path(now);
        match liveness.on_timeout(now, false, Some(sample)) {
            Some(LivenessAction::GiveUp(verdict)) => {
                assert!(asks_system);
                assert_eq!(seen, Some(Some(Diagnosis::LocalNetworkDown)));
                assert_eq!(verdict.silence, Silence::PathDead);
                return;
            }
            Some(LivenessAction::Ping) => liveness.pinged(now),
            None => {}
        }
        assert!(!asks_system || now >= dead_at, "it costs 30 us");
        seen = liveness.poll_suspicion().or(seen);
    }
}
