//! The time of the verdict: not before its limit, not because of our own stall, and not while we do not listen.

use std::time::Duration;

use lastword_keepalive::{
    Diagnosis, KernelSample, Liveness, LivenessAction, SWEEP, Silence, Time, TimeoutReason, Timing,
};

use crate::world::{Faults, NONE, STANDARD, START, World, age_ms, secs};

fn live() -> Liveness {
    let mut liveness = Liveness::new(START, false, false);
    liveness.go_live(START, STANDARD, None);
    liveness
}

/// A kernel that has nothing to tell.
fn quiet() -> Option<KernelSample> {
    Some(KernelSample::default())
}

/// Runs to the verdict and calls `on_timeout` at each deadline.
fn verdict(liveness: &mut Liveness) -> (Time, lastword_keepalive::SilenceVerdict) {
    loop {
        let (now, _) = liveness.poll_timeout(false);
        assert!(now < START + secs(100), "no verdict");
        match liveness.on_timeout(now, false, quiet()) {
            Some(LivenessAction::GiveUp(verdict)) => return (now, verdict),
            Some(LivenessAction::Ping) => liveness.pinged(now),
            None => {}
        }
    }
}

#[test]
fn a_silence_lasts_for_the_dead_limit_and_no_longer() {
    let mut liveness = live();
    liveness.heard(START + secs(4));
    let (at, verdict) = verdict(&mut liveness);
    assert_eq!(at, START + secs(19));
    assert_eq!(verdict.since, START + secs(4));
}

#[test]
fn our_own_stall_is_no_silence_and_is_recorded() {
    let mut liveness = live();
    liveness.stood_still(secs(1));
    liveness.heard(START);
    liveness.stood_still(secs(8));
    let (at, verdict) = verdict(&mut liveness);
    assert_eq!(at, START + secs(15));
    assert_eq!((verdict.since, verdict.stood_still), (START, secs(7)));
    assert_eq!(verdict.late, Duration::ZERO);
    assert_eq!(liveness.real(at), at + secs(8));
}

/// Up to the length at which the clock stands still, our lateness is not excused: it is stated.
#[test]
fn a_verdict_that_comes_a_little_late_by_us_says_by_how_much() {
    let mut liveness = live();
    let late = SWEEP + Duration::from_millis(15);
    loop {
        let (at, due) = liveness.poll_timeout(false);
        let now = if due == TimeoutReason::Dead {
            at + late
        } else {
            at
        };
        match liveness.on_timeout(now, false, quiet()) {
            Some(LivenessAction::GiveUp(verdict)) => {
                assert_eq!(verdict.late, Duration::from_millis(15));
                return;
            }
            Some(LivenessAction::Ping) => liveness.pinged(now),
            None => {}
        }
    }
}

#[test]
fn a_byte_ends_a_silence_at_its_last_moment() {
    let mut liveness = live();
    let by = START + secs(15);
    while liveness.poll_timeout(false).0 < by {
        let (now, _) = liveness.poll_timeout(false);
        if liveness.on_timeout(now, false, quiet()) == Some(LivenessAction::Ping) {
            liveness.pinged(now);
        }
    }
    liveness.heard(by);
    let act = liveness.on_timeout(by, false, quiet());
    assert!(!matches!(act, Some(LivenessAction::GiveUp(_))), "{act:?}");
}

#[test]
fn while_reading_is_paused_a_peer_is_not_silent_but_a_path_may_die() {
    let mut world = World::new(STANDARD);
    world.liveness.paused();
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
    let shut = Some(KernelSample {
        notsent: 500,
        ..KernelSample::default()
    });
    liveness.wrote(START);
    for n in 1..=51 {
        let now = START + Duration::from_millis(250) * n;
        if n % 4 == 0 && n < 40 {
            liveness.heard(now);
        }
        // Without a byte from the peer after the limit, the silence decides.
        assert_eq!(liveness.sampled(now, shut), None, "{n}");
    }
    let now = START + Duration::from_millis(12_900);
    liveness.heard(now);
    assert!(liveness.wants_sample(now), "at once, and not in its turn");
    let verdict = liveness.sampled(now, shut).expect("a verdict");
    assert_eq!(verdict.silence, Silence::PeerNotReading);
    assert!(verdict.since <= START + secs(1));
}

/// The window is open, and nothing is sent again: our direction is dead, and nothing is known of what the peer reads.
#[test]
fn a_peer_with_an_open_window_is_never_one_that_does_not_read() {
    let mut liveness = Liveness::new(START, false, false);
    liveness.go_live(START, STANDARD, Some(secs(10)));
    liveness.wrote(START);
    let mut segs_in = 0;
    let mut open = || {
        segs_in += 1;
        Some(KernelSample {
            unacked: 3,
            snd_wnd: Some(65_535),
            segs_in,
            ..KernelSample::default()
        })
    };
    let mut now = START;
    let silence = loop {
        now = now + Duration::from_millis(250);
        assert!(now <= START + secs(16), "it lives for ever");
        liveness.heard(now);
        assert_eq!(liveness.sampled(now, open()), None);
        if let Some(LivenessAction::GiveUp(verdict)) = liveness.on_timeout(now, false, open()) {
            break verdict.silence;
        }
    };
    assert_eq!(silence, Silence::PathDeadOutbound);
}

#[test]
fn a_peer_without_a_dead_limit_is_suspected_and_not_given_up() {
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

/// A closed window, on a path that answers.
fn shut() -> Option<KernelSample> {
    Some(KernelSample {
        notsent: 500,
        ..KernelSample::default()
    })
}

/// A peer whose window is closed and that sends something each second until `talks`.
fn takes_nothing(talks: u64) -> (Liveness, Time) {
    let mut liveness = Liveness::new(START, false, false);
    liveness.go_live(START, STANDARD, Some(secs(10)));
    liveness.wrote(START);
    let now = START + secs(talks);
    assert_eq!(talks_on(&mut liveness, START, now), None);
    (liveness, now)
}

/// Sends something each second from `now` to `end`, and takes nothing.
fn talks_on(liveness: &mut Liveness, mut now: Time, end: Time) -> Option<Silence> {
    while now < end {
        now = now + secs(1);
        stays_silent(liveness, now, shut());
        liveness.heard(now);
        let verdict = liveness.sampled(now, shut());
        if verdict.is_some() {
            assert_eq!(now, end);
            return verdict.map(|verdict| verdict.silence);
        }
    }
    None
}

/// Lets the silence last until `end`, and calls `on_timeout` at each deadline.
fn stays_silent(liveness: &mut Liveness, end: Time, sample: Option<KernelSample>) {
    while liveness.poll_timeout(false).0 < end {
        let (now, _) = liveness.poll_timeout(false);
        match liveness.on_timeout(now, false, sample) {
            Some(LivenessAction::Ping) => liveness.pinged(now),
            act => assert_eq!(act, None),
        }
    }
}

#[test]
fn a_peer_that_thaws_gets_its_full_time_to_read() {
    let (mut liveness, now) = takes_nothing(3);
    let thaws = now + secs(12);
    stays_silent(&mut liveness, thaws, shut());
    liveness.heard(thaws);
    assert_eq!(
        liveness.sampled(thaws, shut()),
        None,
        "it reads from now on"
    );
    let verdict = talks_on(&mut liveness, thaws, thaws + secs(10));
    assert_eq!(verdict, Some(Silence::PeerNotReading));
}

#[test]
fn a_peer_cannot_evade_the_limit_by_repeated_silences() {
    let (mut liveness, mut now) = takes_nothing(1);
    let verdict = loop {
        stays_silent(&mut liveness, now + secs(9), shut());
        now = now + secs(9);
        assert!(now < START + secs(40), "it lives for ever");
        liveness.heard(now);
        if let Some(verdict) = liveness.sampled(now, shut()) {
            break verdict;
        }
    };
    assert_eq!(verdict.silence, Silence::PeerNotReading);
}

#[test]
fn a_peer_that_may_have_waited_for_us_gets_its_full_time() {
    let (mut liveness, now) = takes_nothing(3);
    liveness.paused();
    let resumed = now + secs(60);
    stays_silent(&mut liveness, resumed, shut());
    liveness.resumed(resumed, secs(60));
    let verdict = talks_on(&mut liveness, resumed, resumed + secs(7));
    assert_eq!(verdict, Some(Silence::PeerNotReading));
}

#[test]
fn repeated_pauses_stop_the_clock_and_do_not_set_it_back() {
    let mut world = World::new(STANDARD);
    world.faults = Faults {
        frozen: true,
        ..NONE
    };
    let mut listened = Duration::ZERO;
    let verdict = loop {
        if let Some(verdict) = world.run(secs(4)) {
            break verdict;
        }
        listened += secs(4);
        assert!(listened < secs(30), "it lives for ever");
        world.liveness.paused();
        assert_eq!(world.run(secs(2)), None);
        world.liveness.resumed(world.now, secs(2));
    };
    assert_eq!(verdict.silence, Silence::PeerFrozen);
    assert_eq!(listened, secs(12));
}

/// The machine was paused: its timers come due all at once, while the peer's acknowledgement is still on its way.
#[test]
fn data_unanswered_after_a_pause_of_the_machine_gets_time_for_its_answer() {
    let mut liveness = live();
    liveness.wrote(START);
    liveness.stood_still(secs(60));
    let now = START + Duration::from_millis(20);
    let sent_again = KernelSample {
        unacked: 1,
        retransmits: 1,
        snd_wnd: Some(65_535),
        last_ack_recv_ms: 60_000,
        ..KernelSample::default()
    };
    for _ in 0..8 {
        let act = liveness.on_timeout(now, false, Some(sent_again));
        assert!(!matches!(act, Some(LivenessAction::GiveUp(_))), "{act:?}");
    }
    let answered = KernelSample {
        unacked: 0,
        retransmits: 0,
        bytes_acked: 20,
        last_ack_recv_ms: 0,
        ..sent_again
    };
    let soon = now + Duration::from_millis(300);
    let act = liveness.on_timeout(soon, false, Some(answered));
    assert_eq!(act, None);
    liveness.heard(soon);
    liveness.poll_suspicion();
    assert!(!liveness.is_doubtful(soon));
    // A peer that stays unanswered is still given up.
    let mut dead = live();
    dead.wrote(START);
    dead.stood_still(secs(60));
    let mut now = now;
    loop {
        match dead.on_timeout(now, false, Some(sent_again)) {
            Some(LivenessAction::GiveUp(_)) => break,
            Some(LivenessAction::Ping) => dead.pinged(now),
            None => {}
        }
        now = now + Duration::from_millis(250);
        assert!(now < START + secs(16), "it lives for ever");
    }
}

/// Progress before this look does not count as progress now: the kernel reports how long it has retried in vain.
#[test]
fn a_path_that_died_between_two_looks_is_doubtful_at_the_next() {
    let busy = |bytes_acked, retransmits, last_ack_recv_ms| {
        Some(KernelSample {
            unacked: 9,
            notsent: 16_384,
            snd_wnd: Some(65_535),
            bytes_acked,
            retransmits,
            last_ack_recv_ms,
            ..KernelSample::default()
        })
    };
    let mut liveness = live();
    liveness.wrote(START);
    liveness.heard(START + secs(1));
    liveness.sampled(START + secs(1), busy(1_000, 0, 0));
    // Four seconds with progress, then two without.
    let now = START + secs(7);
    liveness.sampled(now, busy(90_000, 3, 2_000));
    assert!(liveness.is_doubtful(now));
    let mut slow = live();
    slow.wrote(START);
    slow.sampled(now, busy(90_000, 0, 0));
    assert!(!slow.is_doubtful(now), "what is under way is no doubt");
    let mut lossy = live();
    lossy.wrote(START);
    lossy.sampled(now, busy(90_000, 3, 300));
    assert!(!lossy.is_doubtful(now), "it was acknowledged just now");
}

#[test]
fn a_silence_is_doubtful_until_it_ends_also_after_our_own_stall() {
    let mut liveness = live();
    for ms in [6_250, 7_500] {
        let due = START + Duration::from_millis(ms);
        let act = liveness.on_timeout(due, false, quiet());
        assert_eq!(act, Some(LivenessAction::Ping));
        liveness.pinged(due);
    }
    liveness.stood_still(secs(4));
    let now = START + Duration::from_millis(7_520);
    liveness.on_timeout(now, false, quiet());
    assert!(liveness.is_doubtful(now));
}

#[test]
fn without_a_heartbeat_a_silent_peer_is_asked_once_a_second_too() {
    let mut liveness = Liveness::new(START, true, false);
    let timing = Timing {
        heartbeat_ms: 0,
        ..STANDARD
    };
    liveness.go_live(START, timing, None);
    let mut pings = 0;
    loop {
        let (now, _) = liveness.poll_timeout(false);
        match liveness.on_timeout(now, false, quiet()) {
            Some(LivenessAction::GiveUp(_)) => break,
            Some(LivenessAction::Ping) => {
                liveness.pinged(now);
                pings += 1;
            }
            None => {}
        }
    }
    assert_eq!(pings, 8);
}

/// Linux answers segments outside its window only once in 500 ms: it may have skipped the last probe.
#[test]
fn one_probe_without_an_answer_behind_a_shut_window_is_no_dead_path() {
    let mut liveness = live();
    liveness.wrote(START);
    let answered = START + secs(9);
    let verdict = loop {
        let (now, _) = liveness.poll_timeout(false);
        let is_answered = now <= answered;
        let sample = Some(KernelSample {
            notsent: 500,
            probes: u8::from(!is_answered),
            last_ack_recv_ms: age_ms(now.since(answered)),
            ..KernelSample::default()
        });
        match liveness.on_timeout(now, false, sample) {
            Some(LivenessAction::GiveUp(verdict)) => break verdict,
            Some(LivenessAction::Ping) => liveness.pinged(now),
            None => {}
        }
    };
    assert_eq!(verdict.silence, Silence::PeerFrozen);
}

/// Linux before 5.4 does not count what arrives out of order, so a silence does not prove that the path was whole.
#[test]
fn a_kernel_that_lacks_a_counter_of_losses_calls_no_peer_frozen() {
    for (rcv_ooopack, silence) in [(Some(0), Silence::PeerFrozen), (None, Silence::PeerSilent)] {
        let sample = Some(KernelSample {
            snd_wnd: Some(65_535),
            rcv_ooopack,
            ..KernelSample::default()
        });
        let mut liveness = live();
        let verdict = loop {
            let (now, _) = liveness.poll_timeout(false);
            assert!(now < START + secs(100), "no verdict");
            match liveness.on_timeout(now, false, sample) {
                Some(LivenessAction::GiveUp(verdict)) => break verdict,
                Some(LivenessAction::Ping) => liveness.pinged(now),
                None => {}
            }
        };
        assert_eq!(verdict.silence, silence);
    }
}

#[test]
fn a_peer_whose_window_is_not_known_is_never_said_not_to_read() {
    for (snd_wnd, is_found) in [(Some(0), true), (None, false)] {
        let sample = shut().map(|shut| KernelSample { snd_wnd, ..shut });
        let mut liveness = Liveness::new(START, false, false);
        liveness.go_live(START, STANDARD, Some(secs(10)));
        liveness.wrote(START);
        let mut verdicts = (1..=80).filter_map(|n| {
            let now = START + Duration::from_millis(250) * n;
            liveness.heard(now);
            liveness.sampled(now, sample)
        });
        let silence = verdicts.next().map(|verdict| verdict.silence);
        assert_eq!(silence, is_found.then_some(Silence::PeerNotReading));
    }
}

/// The kernel's ages are whole ticks of its clock, 10 ms at the most, and up to one tick too old. An acknowledgement
/// that comes together with the question can thus seem older than the question. The ages run on while this process stands
/// still.
#[test]
fn an_answer_that_seems_a_tick_older_than_the_question_is_an_answer() {
    for (tick_ms, looks_like) in [
        (0, Diagnosis::PeerFrozen),
        (4, Diagnosis::PeerFrozen),
        (10, Diagnosis::PeerFrozen),
        (50, Diagnosis::Undecided),
    ] {
        let stall_ms = 30_000;
        let sample = |last_ack_recv_ms| KernelSample {
            snd_wnd: Some(65_536),
            last_ack_recv_ms,
            ..KernelSample::default()
        };
        let mut liveness = live();
        let old = Some(sample(5_000));
        let asked = START + Duration::from_millis(6_250);
        liveness.on_timeout(asked, false, old);
        liveness.pinged(asked);
        liveness.on_timeout(liveness.suspect_limit_at(), false, old);
        liveness.stood_still(Duration::from_millis(stall_ms.into()));
        for age_ms in [1_270, 2_350] {
            let now = asked + Duration::from_millis(age_ms.into());
            liveness.sampled(now, Some(sample(stall_ms + age_ms + tick_ms)));
        }
        let suspicion = liveness.poll_suspicion();
        assert_eq!(suspicion, Some(Some(looks_like)), "{tick_ms} ms");
    }
}

/// One sweep may find the question and the suspicion due together: the peer's answer must come first.
#[test]
fn a_quiet_peer_is_asked_and_has_time_to_answer_however_close_the_suspicion_is() {
    let timing = Timing {
        heartbeat_ms: 200,
        suspect_ms: 300,
        dead_ms: 2_800,
    };
    for late_ms in [250, 299, 300, 350, 399] {
        let mut liveness = Liveness::new(START, false, false);
        liveness.go_live(START, timing, None);
        let mut heard = START;
        for _ in 0..20 {
            let looked = heard + Duration::from_millis(late_ms);
            let act = liveness.on_timeout(looked, false, quiet());
            assert_eq!(act, Some(LivenessAction::Ping), "{late_ms} ms");
            liveness.pinged(looked);
            let (next, _) = liveness.poll_timeout(false);
            assert!(next >= looked + Duration::from_millis(100), "{late_ms} ms");
            heard = looked + Duration::from_millis(99);
            liveness.heard(heard);
            assert_eq!(liveness.poll_suspicion(), None, "{late_ms} ms");
        }
    }
}
