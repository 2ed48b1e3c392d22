//! The machine under virtual time: single rules, the bugs of others, and properties of any series of events.

use proptest::prelude::*;

use super::*;

fn rules() -> Rules {
    Rules {
        give_up_after: Duration::from_secs(60),
        redirect_hosts: vec!["eu2.example.net".to_owned(), "::1".to_owned()],
        tls: true,
    }
}

fn told(advice: Advice, delay: Duration) -> PeerGoodbye {
    PeerGoodbye {
        over: true,
        code: 0,
        cause: None,
        advice,
        delay,
        address: String::new(),
        reason: String::new(),
    }
}

fn sent_to(address: &str) -> PeerGoodbye {
    PeerGoodbye {
        address: address.to_owned(),
        ..told(Advice::Elsewhere, Duration::ZERO)
    }
}

fn at(ms: u64) -> Time {
    Time::from_micros(ms * 1_000)
}

/// A client that has begun its first attempt, at the origin.
fn dialling(rules: Rules) -> Retries {
    let mut retries = Retries::new(rules);
    retries.begin(Time::ORIGIN, None);
    assert_eq!(retries.poll(Time::ORIGIN), Step::Dial(None));
    retries
}

/// Fails the attempt under way, with the longest draw, and begins the next one at its time. Returns the wait.
fn fail_and_dial(retries: &mut Retries, now: &mut Time) -> Duration {
    let next = retries.failed(*now, false, None, u64::MAX);
    let Next::Retry { after, .. } = next else {
        panic!("{next:?}");
    };
    *now = *now + after;
    assert_eq!(retries.poll(*now), Step::Dial(None));
    after
}

#[test]
fn waits_double_up_to_ten_seconds_and_each_is_a_random_part() {
    let mut retries = dialling(Rules {
        give_up_after: Duration::MAX,
        ..rules()
    });
    let mut now = Time::ORIGIN;
    for limit in [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
        let after = fail_and_dial(&mut retries, &mut now);
        let limit = Duration::from_millis(limit);
        assert_eq!(limit - after, Duration::from_micros(1));
    }
    let shortest = retries.failed(now, false, None, 0);
    let attempt = 9;
    let after = Duration::ZERO;
    assert_eq!(shortest, Next::Retry { attempt, after });
    assert_eq!(part(MOST, u64::MAX / 2), Duration::from_micros(4_999_999));
}

#[test]
fn a_server_that_names_a_delay_is_given_between_one_and_two_of_them() {
    for (random, delay, after) in [
        (0, 20_000, 20_000_000),
        (u64::MAX, 20_000, 39_999_999),
        (0, 200_000, 200_000_000),
        // At most five minutes, even if the server asks for more.
        (u64::MAX, 200_000, 299_999_999),
        (0, 100_000_000, 300_000_000),
        (u64::MAX, 100_000_000, 300_000_000),
        // Our own back-off is longer.
        (u64::MAX, 10, 249_999),
    ] {
        let mut retries = dialling(Rules {
            give_up_after: Duration::MAX,
            ..rules()
        });
        for advice in [Advice::MayReconnect, Advice::AfterDelay, Advice::Elsewhere] {
            retries.backed_off = 0;
            let told = told(advice, Duration::from_millis(delay));
            retries.failed(Time::ORIGIN, false, Some(&told), random);
            assert_eq!(retries.next_at().as_micros(), after, "{advice} {delay}");
        }
    }
}

#[test]
fn do_not_reconnect_ends_the_attempts() {
    let mut retries = dialling(rules());
    let told = told(Advice::DoNot, Duration::ZERO);
    let next = retries.failed(at(5), false, Some(&told), 0);
    assert_eq!(next, Next::Refused);
    retries.woke(Duration::from_secs(3_600));
    assert_eq!(retries.poll(Time::NEVER), Step::Rest);
}

#[test]
fn an_attempt_that_cannot_succeed_is_the_last() {
    let mut retries = dialling(rules());
    assert_eq!(retries.failed(at(5), true, None, 0), Next::Refused);
    assert_eq!(retries.poll(Time::NEVER), Step::Rest);
}

#[test]
fn the_attempts_end_when_the_next_would_begin_too_late() {
    let mut retries = dialling(rules());
    let next = retries.failed(at(59_999), false, None, u64::MAX);
    assert_eq!(next, Next::GiveUp);
    assert_eq!(retries.poll(Time::NEVER), Step::Rest);
    // A delay of the server that reaches beyond the end does so, too.
    let mut retries = dialling(rules());
    let told = told(Advice::AfterDelay, Duration::from_secs(61));
    let next = retries.failed(at(1), false, Some(&told), 0);
    assert_eq!(next, Next::GiveUp);
}

#[test]
fn storm_329_never_again_after_the_last_attempt() {
    // apache/storm#429: after the most attempts the client discarded everything for ever.
    let mut retries = dialling(rules());
    assert_eq!(
        retries.failed(at(60_000), false, None, u64::MAX),
        Next::GiveUp
    );
    retries.begin(at(90_000), None);
    assert_eq!(retries.poll(at(90_000)), Step::Dial(None));
    // The time to give up begins anew.
    let next = retries.failed(at(100_000), false, None, 0);
    assert!(matches!(next, Next::Retry { attempt: 1, .. }), "{next:?}");
}

#[test]
fn buzz_3774_traffic_cancels_backoff() {
    // block/buzz#3774: ordinary traffic asked for a connection, and that cancelled the wait.
    let mut retries = dialling(rules());
    retries.failed(at(0), false, None, u64::MAX);
    retries.begin(at(1), None);
    assert_eq!(retries.poll(at(1)), Step::Wait(Time::from_micros(249_999)));
    // Also after the attempts were given up.
    let told = told(Advice::AfterDelay, Duration::from_secs(120));
    let mut retries = dialling(rules());
    retries.failed(at(0), false, Some(&told), 0);
    retries.begin(at(1), None);
    assert_eq!(retries.poll(at(1)), Step::Wait(at(120_000)));
}

#[test]
fn amethyst_3219_backoff_reset() {
    // vitorpamplona/amethyst#3219: a server that welcomes and resets at once was dialled every 3 s for ever, since each
    // welcome reset the back-off.
    let mut retries = Retries::new(rules());
    let mut now = Time::ORIGIN;
    let mut waits = Vec::new();
    for _ in 0..8 {
        retries.begin(now, None);
        assert_eq!(retries.poll(now), Step::Dial(None));
        retries.welcomed();
        retries.lost(now, Duration::from_millis(9_999), None, u64::MAX);
        waits.push(retries.next_at().since(now).as_millis());
        now = retries.next_at();
    }
    assert_eq!(waits, [249, 499, 999, 1_999, 3_999, 7_999, 9_999, 9_999]);
    // A connection that was heard for 10 s is another matter.
    retries.begin(now, None);
    assert_eq!(retries.poll(now), Step::Dial(None));
    retries.welcomed();
    retries.lost(now, LASTING, None, u64::MAX);
    assert_eq!(retries.next_at().since(now).as_millis(), 249);
}

#[test]
fn whatsapp_rust_1376_clock_jump() {
    // oxidezap/whatsapp-rust#1376: a jump of the clock, after a sleep, ended connections that were seconds old.
    let mut retries = dialling(rules());
    retries.welcomed();
    retries.woke(Duration::from_secs(12 * 3_600));
    assert_eq!(retries.poll(Time::NEVER), Step::Rest);
    assert_eq!(retries.state, State::Live);
}

#[test]
fn after_a_wake_an_attempt_begins_at_once_and_the_back_off_anew() {
    let mut retries = dialling(rules());
    let mut now = Time::ORIGIN;
    for _ in 0..5 {
        fail_and_dial(&mut retries, &mut now);
    }
    retries.failed(now, false, None, u64::MAX);
    assert!(matches!(retries.poll(now), Step::Wait(_)));
    retries.woke(Duration::from_secs(1));
    assert_eq!(retries.poll(now), Step::Dial(None));
    let after = fail_and_dial(&mut retries, &mut now);
    assert_eq!(after.as_millis(), 249);
}

#[test]
fn an_attempt_that_a_sleep_cut_short_is_followed_by_another_however_late() {
    // The clocks of some systems go on in a sleep. The attempt then fails hours after it began.
    let mut retries = dialling(rules());
    retries.woke(Duration::from_secs(3_600));
    let next = retries.failed(at(3_600_000), false, None, 0);
    assert!(matches!(next, Next::Retry { .. }), "{next:?}");
    assert_eq!(retries.poll(at(3_600_000)), Step::Dial(None));
    // One attempt, and not an endless series.
    let next = retries.failed(at(3_600_001), false, None, 0);
    assert_eq!(next, Next::GiveUp);
}

#[test]
fn a_sleep_does_not_evade_the_delay_of_the_server_and_counts_towards_it() {
    let told = told(Advice::AfterDelay, Duration::from_secs(30));
    let mut retries = dialling(rules());
    retries.failed(at(0), false, Some(&told), 0);
    retries.woke(Duration::from_secs(10));
    assert_eq!(retries.poll(at(0)), Step::Wait(at(20_000)));
    retries.woke(Duration::from_secs(20));
    assert_eq!(retries.poll(at(0)), Step::Dial(None));
}

#[test]
fn another_server_is_followed_only_with_tls_to_an_allowed_host_and_once() {
    let dialled = |rules: Rules, address: &str| {
        let mut retries = dialling(rules);
        retries.failed(at(0), false, Some(&sent_to(address)), 0);
        retries.poll(at(0))
    };
    let to = |text: &str| Step::Dial(Some(text.parse().expect("it is sound")));
    let known = "eu2.example.net:7000";
    assert_eq!(dialled(rules(), known), to(known));
    assert_eq!(dialled(rules(), "[::1]:7000"), to("[::1]:7000"));
    let loud = "EU2.Example.Net:7001";
    assert_eq!(dialled(rules(), loud), to(loud));
    let plain = Rules {
        tls: false,
        ..rules()
    };
    assert_eq!(dialled(plain, known), Step::Dial(None));
    let closed = Rules {
        redirect_hosts: Vec::new(),
        ..rules()
    };
    assert_eq!(dialled(closed, known), Step::Dial(None));
    for address in [
        "",
        "eu2.example.net",
        "eu2.example.net.evil.org:7000",
        "evil.org:7000",
        "https://eu2.example.net:7000",
        "127.0.0.1:7000",
    ] {
        assert_eq!(dialled(rules(), address), Step::Dial(None), "{address}");
    }
    // An address that comes with another advice is none.
    let mut retries = dialling(rules());
    let other = PeerGoodbye {
        advice: Advice::AfterDelay,
        ..sent_to(known)
    };
    retries.failed(at(0), false, Some(&other), 0);
    assert_eq!(retries.poll(at(0)), Step::Dial(None));
    // If the other server does not answer, the game's own server is next.
    let mut retries = dialling(rules());
    retries.failed(at(0), false, Some(&sent_to(known)), 0);
    assert_eq!(retries.poll(at(0)), to(known));
    retries.failed(at(5_000), false, None, 0);
    assert_eq!(retries.poll(at(5_000)), Step::Dial(None));
}

/// One event of a series.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Passes(u64),
    Begins,
    Fails {
        is_final: bool,
        told: Option<(Advice, u64)>,
    },
    Welcomes,
    Loses {
        confirmed: u64,
        told: Option<(Advice, u64)>,
    },
    Wakes(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let advice = prop::sample::select(Advice::ALL.to_vec());
    let told = prop::option::of((advice, 0..700_000_u64));
    let is_final = prop::bool::weighted(0.1);
    prop_oneof![
        (0..20_000_u64).prop_map(Happens::Passes),
        Just(Happens::Begins),
        (is_final, told.clone()).prop_map(|(is_final, told)| Happens::Fails { is_final, told }),
        Just(Happens::Welcomes),
        (0..20_000_u64, told).prop_map(|(confirmed, told)| Happens::Loses { confirmed, told }),
        (1_000..50_000_000_u64).prop_map(Happens::Wakes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// After any events, a wait is no longer than the rules allow, and it always ends in an attempt. At most one attempt
    /// is under way. None begins where the server or the game wants none.
    #[test]
    fn any_series_of_events_keeps_the_rules(
        series in prop::collection::vec((happens(), any::<u64>()), 1..60),
    ) {
        let mut retries = Retries::new(rules());
        let mut now = Time::ORIGIN;
        for (event, random) in series {
            let before = retries.state;
            let owed = retries.owed;
            match event {
                Happens::Passes(ms) => now = now + Duration::from_millis(ms),
                Happens::Begins => retries.begin(now, None),
                Happens::Fails { is_final, told: words } if before == State::Dialling => {
                    let words = words.map(|(advice, ms)| told(advice, Duration::from_millis(ms)));
                    let next = retries.failed(now, is_final, words.as_ref(), random);
                    let is_over = is_final || forbids(words.as_ref());
                    prop_assert_eq!(next == Next::Refused, is_over);
                    let delay = words.map_or(Duration::ZERO, |words| words.delay);
                    let wait = retries.next_at().since(now);
                    prop_assert!(wait >= delay.min(TOLD_MOST));
                    prop_assert!(wait <= MOST.max((delay * 2).min(TOLD_MOST)));
                    if owed {
                        prop_assert!(next != Next::GiveUp);
                    }
                }
                Happens::Welcomes if before == State::Dialling => retries.welcomed(),
                Happens::Loses { confirmed, told: words } if before == State::Live => {
                    let words = words.map(|(advice, ms)| told(advice, Duration::from_millis(ms)));
                    let confirmed = Duration::from_millis(confirmed);
                    let earlier = retries.backed_off;
                    retries.lost(now, confirmed, words.as_ref(), random);
                    let lasted = confirmed >= LASTING;
                    prop_assert_eq!(retries.backed_off, if lasted { 1 } else { earlier + 1 });
                }
                Happens::Wakes(ms) => {
                    retries.woke(Duration::from_millis(ms));
                    prop_assert_eq!(retries.state, before);
                }
                Happens::Fails { .. } | Happens::Welcomes | Happens::Loses { .. } => {}
            }
            let at = retries.next_at();
            match (retries.state, retries.poll(now)) {
                (State::Waiting, Step::Dial(_)) => prop_assert!(now >= at),
                (State::Waiting, Step::Wait(until)) => {
                    prop_assert!(until > now && until == at);
                    prop_assert!(until.since(now) <= TOLD_MOST);
                }
                (_, step) => prop_assert_eq!(step, Step::Rest),
            }
        }
        // A wait always ends in an attempt.
        if retries.state == State::Waiting {
            let dials = matches!(retries.poll(retries.next_at()), Step::Dial(_));
            prop_assert!(dials);
        }
    }
}
