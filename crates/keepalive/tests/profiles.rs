//! The rules of profiles: the built-in ones keep them, and an error names the broken rule and the allowed range.

use std::time::Duration;

use lastword_keepalive::{Profile, ProfileError, RETRIES_DEFAULT, kernel_give_up};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The error of a changed standard profile, or `None` where it is valid.
fn told(change: impl FnOnce(&mut Profile)) -> Option<String> {
    let mut profile = Profile::standard();
    change(&mut profile);
    profile.validate().err().map(|error| error.to_string())
}

#[test]
fn every_built_in_profile_is_valid_and_found_by_its_name() {
    for name in Profile::NAMES {
        let profile = Profile::builtin(name).unwrap();
        assert_eq!(profile.name.as_str(), name);
        assert_eq!(profile.validate(), Ok(()), "{name}");
    }
    assert_eq!(Profile::builtin("Standard"), None);
    assert_eq!(Profile::default(), Profile::standard());
}

#[test]
fn with_every_built_in_profile_our_timer_decides_two_seconds_before_the_kernel() {
    for profile in Profile::NAMES.map(|name| Profile::builtin(name).unwrap()) {
        let Some(dead) = profile.dead else {
            assert_eq!(profile.name.as_str(), "debugger");
            continue;
        };
        let give_up = kernel_give_up(profile.rto_max, RETRIES_DEFAULT);
        assert!(give_up >= dead + ms(2_000), "{}: {give_up:?}", profile.name);
        assert!(profile.knobs().keepalive_end().unwrap() >= dead + ms(5_000));
    }
}

#[test]
fn the_limits_of_each_range_are_allowed() {
    assert_eq!(told(|p| p.heartbeat = ms(100)), None);
    assert_eq!(told(|p| p.suspect = p.heartbeat * 3 / 2), None);
    assert_eq!(told(|p| p.dead = Some(p.suspect + ms(2_500))), None);
    assert_eq!(told(|p| p.resume_window = Duration::ZERO), None);
    assert_eq!(told(|p| p.resume_window = ms(86_400_000)), None);
    assert_eq!(told(|p| p.rto_max = Some(ms(120_000))), None);
    assert_eq!(told(|p| p.rto_max = None), None);
    let longest = |p: &mut Profile| {
        p.heartbeat = ms(600_000);
        p.suspect = ms(900_000);
        p.dead = Some(ms(922_600));
        p.rto_max = None;
    };
    assert_eq!(told(longest), None);
}

#[test]
fn a_broken_rule_names_the_key_the_value_and_what_is_allowed() {
    let heartbeat = told(|p| p.heartbeat = ms(99));
    assert_eq!(
        heartbeat.unwrap(),
        "`heartbeat` is 99ms; allowed is 100ms to 600s"
    );
    let heartbeat = told(|p| p.heartbeat = ms(600_001));
    assert_eq!(
        heartbeat.unwrap(),
        "`heartbeat` is 600.001s; allowed is 100ms to 600s"
    );
    let suspect = told(|p| p.suspect = ms(7_499));
    assert_eq!(
        suspect.unwrap(),
        "`suspect` is 7.499s; allowed is 7.5s (1.5 heartbeats) to 900s"
    );
    let suspect = told(|p| p.suspect = ms(900_001));
    assert!(suspect.unwrap().starts_with("`suspect` is 900.001s"));
    let dead = told(|p| p.dead = Some(ms(9_999)));
    assert_eq!(
        dead.unwrap(),
        "`dead` is 9.999s; allowed is 10s (`suspect` + 2.5s, for the inquiry) to 922.6s (Linux gives up 2s later), \
         or none"
    );
    let dead = told(|p| p.dead = Some(ms(922_601)));
    assert!(dead.unwrap().starts_with("`dead` is 922.601s"));
    let window = told(|p| p.resume_window = ms(86_400_001));
    assert_eq!(
        window.unwrap(),
        "`resume_window` is 86400.001s; allowed is 0s to 86400s"
    );
}

#[test]
fn a_limit_of_retransmissions_is_held_against_the_dead_limit() {
    let rto_max = told(|p| p.rto_max = Some(ms(999)));
    assert_eq!(
        rto_max.unwrap(),
        "`rto_max` is 999ms; allowed is 1s to 120s"
    );
    let rto_max = told(|p| p.rto_max = Some(ms(120_001)));
    assert_eq!(
        rto_max.unwrap(),
        "`rto_max` is 120.001s; allowed is 1s to 120s"
    );
    let rto_max = told(|p| p.rto_max = Some(ms(1_100)));
    assert_eq!(
        rto_max.unwrap(),
        "`rto_max` is 1.1s, with which the kernel gives up after 15.7s; allowed is 1.2s (it gives up at \
         `dead` + 2s) to 120s, or none"
    );
    assert_eq!(told(|p| p.rto_max = Some(ms(1_200))), None);
    let never_dead = |p: &mut Profile| {
        p.rto_max = Some(ms(1_000));
        p.dead = None;
    };
    assert_eq!(told(never_dead), None);
}

#[test]
fn a_custom_profile_is_checked_with_its_name() {
    let custom = |name: &str, heartbeat: Duration| {
        Profile::custom(
            name,
            heartbeat,
            ms(1_500),
            Some(ms(5_000)),
            Duration::ZERO,
            None,
        )
    };
    assert_eq!(custom("arena_2", ms(500)).unwrap().name.as_str(), "arena_2");
    let refused = custom("Arena\u{1b}", ms(500)).unwrap_err();
    assert_eq!(refused.key(), "name");
    assert_eq!(
        refused.to_string(),
        r#"`name` is "Arena\u{1b}"; allowed are 1 to 32 characters of a to z, 0 to 9 and _"#
    );
    let refused = custom("arena_2", ms(5_000)).unwrap_err();
    assert!(matches!(refused, ProfileError::Suspect { .. }), "{refused}");
}

#[test]
fn no_values_however_wild_make_the_check_fail_itself() {
    for wild in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let profile = Profile {
            heartbeat: wild,
            suspect: wild,
            dead: Some(wild),
            resume_window: wild,
            rto_max: Some(wild),
            ..Profile::standard()
        };
        assert!(profile.validate().is_err());
        assert!(profile.knobs().keepalive_count >= 1);
        assert!(told(|p| p.suspect = wild).is_some());
        assert!(told(|p| p.dead = Some(wild)).is_some());
        assert!(told(|p| p.rto_max = Some(wild)).is_some());
    }
}
