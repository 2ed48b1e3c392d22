use lastword_session::{Limits, Rate};

use super::*;

/// The default configuration with one change.
fn with(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// The only error of a configuration.
fn only_error(config: &Config) -> ConfigError {
    let errors = config.validate().unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.into_iter().next().unwrap()
}

fn own_profile(config: ProfileConfig) -> Config {
    with(|c| {
        c.liveness.profiles.insert("mine".to_owned(), config);
    })
}

#[test]
fn the_defaults_are_valid_and_those_of_the_session_core() {
    let config = Config::default();
    assert_eq!(config.validate(), Ok(()));
    assert_eq!(config.session_limits(), Limits::default());
    assert_eq!(config.default_profile(), Profile::standard());
}

#[test]
fn every_limit_and_timeout_reaches_the_session_core() {
    let config = with(|c| {
        c.limits.hello_bytes_max = 2_000;
        c.limits.frame_bytes_max = 3_000;
        c.limits.outbound_frame_bytes_max = 3_500;
        c.limits.outbound_bytes_max = 4_000;
        c.rates = RatesConfig {
            frames_per_second: 50,
            frames_burst: 60,
            bytes_per_second: 5_000,
            bytes_burst: 6_000,
            over_ms: 7_000,
        };
        c.timeouts = TimeoutsConfig {
            proxy_ms: 100,
            tls_ms: 107,
            hello_ms: 101,
            auth_ms: 102,
            frame_ms: 103,
            linger_ms: 104,
            outbound_age_ms: 0,
            write_progress_ms: 1_004,
            idle_ms: 1_005,
            delivery_ms: 106,
        };
    });
    let limits = Limits {
        hello_bytes_max: 2_000,
        frame_bytes_max: 3_000,
        outbound_frame_bytes_max: 3_500,
        frame_rate: Some(Rate {
            per_second: 50,
            burst: 60,
        }),
        byte_rate: Some(Rate {
            per_second: 5_000,
            burst: 6_000,
        }),
        over_rate_timeout: Some(from_ms(7_000)),
        proxy_timeout: from_ms(100),
        tls_timeout: from_ms(107),
        hello_timeout: from_ms(101),
        auth_timeout: from_ms(102),
        frame_timeout: from_ms(103),
        linger_timeout: from_ms(104),
        outbound_bytes_max: 4_000,
        outbound_age_max: None,
        write_progress_timeout: Some(from_ms(1_004)),
        idle_timeout: Some(from_ms(1_005)),
        delivery_timeout: from_ms(106),
    };
    assert_eq!(config.session_limits(), limits);
}

#[test]
fn a_number_is_allowed_up_to_its_bounds_and_refused_beyond_them() {
    let frame = |bytes| {
        with(|c| {
            c.limits.frame_bytes_max = bytes;
            c.limits.inbox_bytes_max = 1 << 30;
            c.limits.outbound_bytes_max = 1 << 30;
        })
    };
    for bytes in [1_024, 16_777_215] {
        assert_eq!(frame(bytes).validate(), Ok(()), "{bytes}");
    }
    for bytes in [0, 1_023, 16_777_216, u32::MAX] {
        let error = frame(bytes).validate().unwrap_err().remove(0);
        assert_eq!(error.key, "limits.frame_bytes_max");
        assert_eq!(error.value, bytes.to_string());
        assert_eq!(error.allowed, "1024 to 16777215");
        assert!(!error.remedy.is_empty());
    }
}

#[test]
fn zero_turns_off_what_can_be_off_and_nothing_else() {
    let off = with(|c| {
        c.timeouts.outbound_age_ms = 0;
        c.timeouts.idle_ms = 0;
        c.drain.timeout_ms = 0;
    });
    assert_eq!(off.validate(), Ok(()));
    let error = only_error(&with(|c| c.timeouts.hello_ms = 0));
    assert_eq!(error.key, "timeouts.hello_ms");
    let error = only_error(&with(|c| c.timeouts.outbound_age_ms = 99));
    assert_eq!(error.allowed, "0 (off), or 100 to 600000");
}

#[test]
fn caps_below_the_frame_limit_are_refused() {
    let error = only_error(&with(|c| c.limits.inbox_bytes_max = 65_535));
    assert_eq!(error.key, "limits.inbox_bytes_max");
    assert_eq!(
        error.allowed,
        "65536 (limits.frame_bytes_max) to 1073741824"
    );

    let outbound = |bytes| with(|c| c.limits.outbound_bytes_max = bytes);
    let frame = only_error(&with(|c| c.limits.outbound_frame_bytes_max = 262_141));
    assert_eq!(frame.key, "limits.outbound_bytes_max");
    assert_eq!(outbound(65_540).validate(), Ok(()));
    assert_eq!(
        only_error(&outbound(65_539)).key,
        "limits.outbound_bytes_max"
    );
    assert_eq!(only_error(&outbound(1)).allowed, "1028 to 1073741824");
}

#[test]
fn a_burst_of_zero_is_one_second_and_holds_the_longest_frame() {
    let rates = |frames, bytes| {
        let limits = with(|c| {
            (c.rates.frames_per_second, c.rates.bytes_per_second) = (frames, bytes);
        })
        .session_limits();
        (limits.frame_rate, limits.byte_rate)
    };
    let rate = |per_second, burst| Some(Rate { per_second, burst });
    assert_eq!(rates(0, 0), (None, None));
    assert_eq!(rates(50, 1_024), (rate(50, 50), rate(1_024, 65_540)));
    assert_eq!(rates(1, 100_000), (rate(1, 1), rate(100_000, 100_000)));
}

#[test]
fn a_burst_too_small_for_a_pause_or_a_frame_is_refused() {
    let rates = |change: fn(&mut RatesConfig)| with(|c| change(&mut c.rates));
    let frames: fn(&mut RatesConfig) = |rates| {
        (rates.frames_per_second, rates.frames_burst) = (1_000, 249);
    };
    let error = only_error(&rates(frames));
    assert_eq!(error.key, "rates.frames_burst");
    let allowed = "250 (a quarter of rates.frames_per_second) to 10000000";
    assert_eq!(error.allowed, allowed);
    let frame: fn(&mut RatesConfig) = |rates| {
        (rates.bytes_per_second, rates.bytes_burst) = (1_024, 65_539);
    };
    let error = only_error(&rates(frame));
    assert_eq!(error.remedy, "raise it, or lower limits.frame_bytes_max");
    let pause: fn(&mut RatesConfig) = |rates| {
        (rates.bytes_per_second, rates.bytes_burst) = (1_000_000, 249_999);
    };
    let error = only_error(&rates(pause));
    assert_eq!(error.remedy, "raise it, or lower rates.bytes_per_second");
    // Without a rate a burst means nothing.
    assert_eq!(rates(|rates| rates.frames_burst = 1).validate(), Ok(()));
}

#[test]
fn every_broken_rule_is_reported_at_once_and_in_the_order_of_the_file() {
    let config = with(|c| {
        c.metrics.cohorts = vec!["PC".to_owned()];
        c.liveness.profile = "fast".to_owned();
        c.drain.timeout_ms = u32::MAX;
        c.limits.inbox_frames_max = 0;
        c.listen[0].backlog = 0;
    });
    let errors = config.validate().unwrap_err();
    let keys: Vec<_> = errors.iter().map(|error| error.key.as_str()).collect();
    let expected = [
        "listen.backlog",
        "limits.inbox_frames_max",
        "drain.timeout_ms",
        "liveness.profile",
        "metrics.cohorts",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn the_default_profile_is_the_first_of_all_profiles() {
    let config = with(|c| {
        c.liveness.profile = "mobile".to_owned();
        c.liveness
            .profiles
            .insert("arena".to_owned(), ProfileConfig::default());
    });
    let profiles = config.profiles();
    let names: Vec<_> = profiles
        .iter()
        .map(|profile| profile.name.as_str())
        .collect();
    let expected = [
        "mobile",
        "competitive",
        "standard",
        "background",
        "debugger",
        "arena",
    ];
    assert_eq!(names, expected);
    assert_eq!(config.default_profile(), Profile::mobile());
    assert_eq!(profiles[0], Profile::mobile());
}

#[test]
fn a_built_in_profile_can_be_changed_in_part() {
    let config = with(|c| {
        let changed = ProfileConfig {
            resume_window_ms: Some(90_000),
            ..ProfileConfig::default()
        };
        c.liveness.profiles.insert("mobile".to_owned(), changed);
    });
    assert_eq!(config.validate(), Ok(()));
    let mobile = config
        .profiles()
        .into_iter()
        .find(|p| p.name.as_str() == "mobile")
        .unwrap();
    assert_eq!(
        mobile,
        Profile {
            resume_window: from_ms(90_000),
            ..Profile::mobile()
        }
    );
    assert_eq!(config.profiles().len(), Profile::NAMES.len());
}

#[test]
fn a_profile_of_ones_own_takes_the_rest_from_standard() {
    let config = own_profile(ProfileConfig {
        dead_ms: Some(0),
        rto_max_ms: Some(0),
        ..ProfileConfig::default()
    });
    assert_eq!(config.validate(), Ok(()));
    let mine = config.profiles().pop().unwrap();
    assert_eq!(mine.name.as_str(), "mine");
    assert_eq!((mine.dead, mine.rto_max), (None, None));
    assert_eq!(mine.heartbeat, Profile::standard().heartbeat);
}

#[test]
fn without_rto_max_no_profile_has_one() {
    let config = with(|c| {
        c.kernel.rto_max = RtoMax::Off;
        let slow = ProfileConfig {
            dead_ms: Some(60_000),
            ..ProfileConfig::default()
        };
        c.liveness.profiles.insert("slow".to_owned(), slow);
    });
    assert!(
        config
            .profiles()
            .iter()
            .all(|profile| profile.rto_max.is_none())
    );
    assert_eq!(config.validate(), Ok(()));
}

#[test]
fn a_profile_is_refused_in_the_words_of_the_file() {
    let suspect = only_error(&own_profile(ProfileConfig {
        suspect_ms: Some(7_499),
        ..ProfileConfig::default()
    }));
    assert_eq!(suspect.key, "liveness.profiles.mine.suspect_ms");
    assert_eq!(suspect.value, "7499");
    assert_eq!(suspect.allowed, "7500 to 900000");

    let rto_max = only_error(&own_profile(ProfileConfig {
        dead_ms: Some(20_000),
        ..ProfileConfig::default()
    }));
    assert_eq!(rto_max.key, "liveness.profiles.mine.rto_max_ms");
    assert_eq!(rto_max.value, "1200");
    assert!(rto_max.remedy.contains("17000 ms"), "{rto_max}");
}

#[test]
fn the_least_that_is_allowed_is_really_allowed() {
    let suspect = |ms| {
        own_profile(ProfileConfig {
            heartbeat_ms: Some(101),
            suspect_ms: Some(ms),
            ..ProfileConfig::default()
        })
    };
    assert_eq!(only_error(&suspect(151)).allowed, "152 to 900000");
    assert_eq!(suspect(152).validate(), Ok(()));
}

#[test]
fn the_table_of_keys_has_the_ranges_of_the_profiles() {
    let edge = |profile: ProfileConfig| only_error(&own_profile(profile)).allowed;
    let none = ProfileConfig::default;
    let least = || ProfileConfig {
        heartbeat_ms: Some(100),
        suspect_ms: Some(150),
        ..none()
    };
    let cases = [
        (
            "heartbeat_ms",
            ProfileConfig {
                heartbeat_ms: Some(0),
                ..none()
            },
        ),
        (
            "suspect_ms",
            ProfileConfig {
                suspect_ms: Some(0),
                ..least()
            },
        ),
        (
            "dead_ms",
            ProfileConfig {
                dead_ms: Some(1),
                ..least()
            },
        ),
        (
            "rto_max_ms",
            ProfileConfig {
                rto_max_ms: Some(1),
                ..none()
            },
        ),
    ];
    for (name, profile) in cases {
        let key = Key::find(&format!("liveness.profiles.mine.{name}")).unwrap();
        assert_eq!(edge(profile), key.allowed.to_string(), "{name}");
    }
    let beyond_a_day = ProfileConfig {
        resume_window_ms: Some(86_400_001),
        ..none()
    };
    let key = Key::find("liveness.profiles.mine.resume_window_ms").unwrap();
    assert_eq!(edge(beyond_a_day), key.allowed.to_string());
}

#[test]
fn profiles_have_at_most_eight_names_that_can_be_labels() {
    let mut config = Config::default();
    for name in ["a", "b", "c"] {
        config
            .liveness
            .profiles
            .insert(name.to_owned(), ProfileConfig::default());
    }
    assert_eq!(config.validate(), Ok(()));
    config
        .liveness
        .profiles
        .insert("d".to_owned(), ProfileConfig::default());
    let error = only_error(&config);
    assert_eq!(
        (error.key.as_str(), error.value.as_str()),
        ("liveness.profiles", "9 names")
    );

    let mut config = Config::default();
    config
        .liveness
        .profiles
        .insert("My Game".to_owned(), ProfileConfig::default());
    assert_eq!(only_error(&config).value, "\"My Game\"");
}

#[test]
fn cohorts_are_at_most_sixteen_different_labels() {
    let cohorts = |names: &[&str]| {
        with(|c| c.metrics.cohorts = names.iter().map(|n| (*n).to_owned()).collect())
    };
    assert_eq!(cohorts(&["pc", "console_2"]).validate(), Ok(()));
    for names in [&["PC"][..], &[""], &["pc", "pc"], &["none"], &["an-swer"]] {
        assert_eq!(
            only_error(&cohorts(names)).key,
            "metrics.cohorts",
            "{names:?}"
        );
    }
    let names: Vec<_> = (0..17).map(|n| format!("c{n}")).collect();
    let error = only_error(&with(|c| c.metrics.cohorts = names.clone()));
    assert_eq!(error.value, "17 names");
    assert_eq!(
        with(|c| c.metrics.cohorts = names[..16].to_vec()).validate(),
        Ok(())
    );
}

#[test]
fn codes_of_the_game_are_at_most_sixty_four_different_ones_of_its_own() {
    let codes = |codes: &[u16]| with(|c| c.metrics.game_codes = codes.to_vec());
    assert_eq!(codes(&[4_096, u16::MAX]).validate(), Ok(()));
    let error = only_error(&codes(&[4_096, 4_095]));
    assert_eq!(
        error.to_string(),
        "`metrics.game_codes` is 4095; allowed is at most 64 different codes from 4096 to 65535: codes below 4096 are \
         the layer's: choose another"
    );
    let error = only_error(&codes(&[4_100, 4_096, 4_100]));
    assert!(error.remedy.contains("twice"), "{error}");
    let many: Vec<_> = (5_000..5_065).collect();
    assert_eq!(only_error(&codes(&many)).value, "65 codes");
    assert_eq!(codes(&many[1..]).validate(), Ok(()));
}

#[test]
fn every_key_is_found_at_its_path() {
    for (index, key) in Key::all().enumerate() {
        let path = key.path.replace("NAME", "a.b");
        assert_eq!(Key::find(&path).unwrap().path, key.path);
        assert_eq!(Key::position(&path), index);
        assert!(!key.remedy.is_empty(), "{path}");
    }
    assert!(Key::find("liveness.profiles..dead_ms").is_none());
    assert!(Key::find("limits.frame_bytes").is_none());
}
