use lastword_sys::TcpInfo;

use super::*;
use crate::config::{Network, ProfileConfig, RtoMax, SecondLogin};
use crate::tls::CertificateFiles;

const LINUX: KernelAbilities = KernelAbilities {
    is_linux: true,
    tcp_info: told(TcpInfoFields::Window),
    rto_max: true,
    retries: Some(15),
};
const OLD_LINUX: KernelAbilities = KernelAbilities {
    rto_max: false,
    ..LINUX
};
const ELSEWHERE: KernelAbilities = KernelAbilities {
    is_linux: false,
    tcp_info: told(TcpInfoFields::Nothing),
    rto_max: false,
    retries: None,
};

const fn told(fields: TcpInfoFields) -> TcpInfo {
    TcpInfo {
        fields,
        is_tested: true,
    }
}

fn with(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    assert_eq!(config.validate(), Ok(()));
    config
}

fn reach(config: &Config, cause: Cause, profile: &str, kernel: KernelAbilities) -> Reach {
    let profiles = config.profiles();
    let profile = profiles.iter().find(|each| each.name.as_str() == profile);
    config.reach(cause, profile.unwrap(), kernel)
}

/// The reach of a cause in a session of the default profile.
fn usual(config: &Config, cause: Cause) -> Reach {
    config.reach(cause, &config.default_profile(), LINUX)
}

fn never(path: &str, value: &str, consequence: &'static str) -> Reach {
    Reach::Never(key(path, value, consequence))
}

fn within_ms(ms: u64) -> Reach {
    Reach::Within(Duration::from_millis(ms))
}

fn by_kernel_ms(keepalive: impl Into<Option<u64>>, retransmission: u64) -> Reach {
    Reach::ByKernel(Some(GiveUp {
        keepalive: keepalive.into().map(Duration::from_millis),
        retransmission: Duration::from_millis(retransmission),
        own_queue: None,
    }))
}

/// The reach of `local_network_down`: keepalive sends no probes while data waits.
fn down_by_kernel_ms(retransmission: u64, own_queue: u64) -> Reach {
    Reach::ByKernel(Some(GiveUp {
        keepalive: None,
        retransmission: Duration::from_millis(retransmission),
        own_queue: Some(Duration::from_millis(own_queue)),
    }))
}

fn certificates() -> Vec<CertificateFiles> {
    vec![CertificateFiles {
        certificate: "cert.pem".into(),
        key: "key.pem".into(),
    }]
}

fn proxies() -> Vec<Network> {
    vec!["10.0.0.0/8".parse().unwrap()]
}

/// Configurations that differ in every value that a rule uses.
fn configs() -> Vec<Config> {
    let mut configs = vec![Config::default()];
    for profile in Profile::NAMES {
        configs.push(with(|c| c.liveness.profile = profile.to_owned()));
    }
    configs.push(with(|c| c.listen[0].behind_proxy = true));
    configs.push(with(|c| c.listen[0].proxy = proxies()));
    configs.push(with(|c| c.listen[0].tls = certificates()));
    configs.push(with(|c| c.kernel.rto_max = RtoMax::Off));
    configs.push(with(|c| c.kernel.keepalive = false));
    configs.push(with(|c| c.timeouts.idle_ms = 60_000));
    configs.push(with(|c| c.timeouts.outbound_age_ms = 0));
    configs.push(with(|c| c.rates.frames_per_second = 100));
    configs
}

#[test]
fn every_cause_has_its_answer_and_what_is_not_produced_is_not_built() {
    for config in configs() {
        for kernel in [LINUX, OLD_LINUX, ELSEWHERE] {
            for (cause, profile) in Cause::ALL
                .into_iter()
                .flat_map(|cause| config.profiles().into_iter().map(move |p| (cause, p)))
            {
                let reach = config.reach(cause, &profile, kernel);
                let is_unbuilt = reach == Reach::Never(UnreachableReason::NotBuilt);
                assert_eq!(is_unbuilt, !cause.is_produced(), "{cause}");
                let is_timed = matches!(reach, Reach::Within(_) | Reach::ByKernel(_));
                assert!(!is_timed || cause.is_silent(), "{cause}: {reach:?}");
                assert!(reach != Reach::Can || !cause.is_silent(), "{cause}");
            }
        }
    }
}

#[test]
fn by_default_all_that_is_produced_can_occur_but_idle_denied_addresses_rates_and_layers() {
    let config = Config::default();
    let can = |cause: Cause| {
        let mut profiles = config.profiles().into_iter();
        profiles.any(|profile| config.reach(cause, &profile, LINUX).is_possible())
    };
    let cannot = Cause::ALL.into_iter().filter(|cause| !can(*cause));
    let cannot: Vec<_> = cannot.filter(|cause| cause.is_produced()).collect();
    let off = [
        Cause::TlsTruncated,
        Cause::Idle,
        Cause::RateLimited,
        Cause::TlsFailed,
        Cause::TlsTimeout,
        Cause::ProxyHeaderInvalid,
        Cause::AddressDenied,
    ];
    assert_eq!(cannot, off);
}

/// The bounds stay those of the loss.
#[test]
fn a_bound_has_the_window_in_which_the_player_may_come_back() {
    let window_of = |config: &Config, cause: Cause| {
        let bounds = config.bounds(LINUX);
        let bound = bounds.iter().find(|bound| bound.cause == cause).unwrap();
        (bound.within, bound.window)
    };
    let (dead, frozen) = (Duration::from_millis(15_100), Cause::PeerFrozen);
    let window = Duration::from_secs(60);
    let defaults = Config::default();
    assert_eq!(window_of(&defaults, frozen), (Some(dead), Some(window)));
    assert_eq!(window_of(&defaults, Cause::Idle), (None, None));
    assert_eq!(usual(&defaults, Cause::SupersededByResume), Reach::Can);
    let off = with(|c| {
        let profile = ProfileConfig {
            resume_window_ms: Some(0),
            ..ProfileConfig::default()
        };
        c.liveness.profiles.insert("standard".to_owned(), profile);
    });
    assert_eq!(window_of(&off, frozen), (Some(dead), None));
    assert_eq!(
        usual(&off, Cause::SupersededByResume),
        never(
            "liveness.profiles.standard.resume_window_ms",
            "0",
            "a session ends with its connection"
        )
    );
}

#[test]
fn zero_turns_a_cause_off_and_any_other_value_on() {
    let idle_off = never("timeouts.idle_ms", "0", "off");
    assert_eq!(usual(&Config::default(), Cause::Idle), idle_off);
    let config = with(|c| c.timeouts.idle_ms = 60_000);
    assert_eq!(usual(&config, Cause::Idle), within_ms(60_100));

    assert_eq!(usual(&config, Cause::SendQueueStale), Reach::Can);
    let config = with(|c| c.timeouts.outbound_age_ms = 0);
    let age_off = never("timeouts.outbound_age_ms", "0", "off");
    assert_eq!(usual(&config, Cause::SendQueueStale), age_off);

    for (rate, connections, can) in [(0, 0, false), (1, 0, true), (0, 1, true)] {
        let config = with(|c| {
            c.admission.address_rate_max = rate;
            c.admission.address_connections_max = connections;
        });
        let is_possible = usual(&config, Cause::AddressLimit).is_possible();
        assert_eq!(is_possible, can, "{rate} {connections}");
    }
    let denied = with(|c| c.admission.deny = vec!["192.0.2.1".parse().unwrap()]);
    let allowed = with(|c| c.admission.allow = vec!["192.0.2.1".parse().unwrap()]);
    for config in [denied, allowed] {
        assert_eq!(usual(&config, Cause::AddressDenied), Reach::Can);
    }
}

#[test]
fn a_client_is_rate_limited_where_it_has_a_rate_and_a_time_to_be_over_it() {
    let off = never(
        "rates.frames_per_second",
        "0",
        "off, and so is rates.bytes_per_second",
    );
    assert_eq!(usual(&Config::default(), Cause::RateLimited), off);
    let frames: fn(&mut Config) = |c| c.rates.frames_per_second = 1;
    let bytes: fn(&mut Config) = |c| c.rates.bytes_per_second = 1_024;
    for rate in [frames, bytes] {
        assert_eq!(usual(&with(rate), Cause::RateLimited), Reach::Can);
        let slowed = with(|c| {
            rate(c);
            c.rates.over_ms = 0;
        });
        let words = "a client over its rate is slowed and never closed";
        let slowed = usual(&slowed, Cause::RateLimited);
        assert_eq!(slowed, never("rates.over_ms", "0", words));
    }
}

#[test]
fn a_silence_is_bounded_by_the_dead_limit_of_its_own_profile() {
    let config = Config::default();
    for (profile, ms, with_outage_ms) in [
        ("competitive", 8_100, 17_100),
        ("standard", 15_100, 31_100),
        ("mobile", 20_100, 41_100),
        ("background", 60_100, 121_100),
    ] {
        let bound = |cause| reach(&config, cause, profile, LINUX);
        assert_eq!(bound(Cause::PathDead), within_ms(ms));
        assert_eq!(bound(Cause::PeerSilent), within_ms(with_outage_ms));
    }
}

#[test]
fn without_a_dead_limit_the_kernel_ends_it_with_the_options_of_its_own_profile() {
    let path_dead = |config: &Config, kernel| reach(config, Cause::PathDead, "debugger", kernel);
    for listener in Profile::NAMES {
        let config = with(|c| c.liveness.profile = listener.to_owned());
        for kernel in [LINUX, OLD_LINUX] {
            assert_eq!(path_dead(&config, kernel), by_kernel_ms(65_000, 924_600));
        }
        assert_eq!(path_dead(&config, ELSEWHERE), Reach::ByKernel(None));
    }
    let config = with(|c| {
        let hurried = ProfileConfig {
            dead_ms: Some(0),
            ..ProfileConfig::default()
        };
        c.liveness.profiles.insert("hurried".to_owned(), hurried);
    });
    let hurried = |kernel| reach(&config, Cause::PathDead, "hurried", kernel);
    assert_eq!(hurried(LINUX), by_kernel_ms(65_000, 17_000));
    assert_eq!(hurried(OLD_LINUX), by_kernel_ms(65_000, 924_600));
    assert_eq!(
        reach(&config, Cause::PeerSilent, "debugger", LINUX),
        never("liveness.profiles.debugger.dead_ms", "0", "never")
    );
}

#[test]
fn without_keepalive_only_data_of_ours_lets_the_kernel_end_what_has_no_dead_limit() {
    let config = with(|c| c.kernel.keepalive = false);
    let path_dead = |profile| reach(&config, Cause::PathDead, profile, LINUX);
    assert_eq!(path_dead("debugger"), by_kernel_ms(None, 924_600));
    assert_eq!(path_dead("standard"), within_ms(15_100));
    for profile in config.profiles() {
        assert!(!config.knobs(&profile).keepalive);
    }
}

#[test]
fn with_a_dead_limit_our_own_verdict_comes_two_seconds_before_the_kernel_s() {
    for config in configs() {
        for (profile, kernel) in config
            .profiles()
            .into_iter()
            .flat_map(|profile| [(profile, LINUX), (profile, OLD_LINUX)])
        {
            let give_up = config.give_up(&profile, kernel).unwrap().earliest();
            let two_seconds = Duration::from_secs(2);
            assert!(
                profile
                    .dead
                    .is_none_or(|dead| dead + two_seconds <= give_up),
                "{profile:?}"
            );
        }
    }
}

#[test]
fn with_few_retries_the_kernel_is_first_where_its_time_is_not_two_seconds_behind_the_dead_limit() {
    let with_retries = |retries| KernelAbilities {
        retries: Some(retries),
        ..LINUX
    };
    let config = Config::default();
    let standard = |cause, retries| reach(&config, cause, "standard", with_retries(retries));
    for (retries, expected) in [
        (5, by_kernel_ms(20_000, 5_000)),
        (8, by_kernel_ms(20_000, 8_600)),
        (14, by_kernel_ms(20_000, 15_800)),
        (15, within_ms(15_100)),
        (60, within_ms(15_100)),
    ] {
        assert_eq!(standard(Cause::PathDead, retries), expected, "{retries}");
    }
    let down = standard(Cause::LocalNetworkDown, 8);
    assert_eq!(down, down_by_kernel_ms(8_600, 4_000));
    assert_eq!(standard(Cause::PeerFrozen, 8), within_ms(15_100));
    let competitive = |retries| {
        let kernel = with_retries(retries);
        reach(&config, Cause::PathDead, "competitive", kernel)
    };
    assert_eq!(competitive(11), within_ms(8_100));
    assert!(matches!(competitive(10), Reach::ByKernel(_)));
    let unknown = KernelAbilities {
        retries: None,
        ..LINUX
    };
    let standard = reach(&config, Cause::PathDead, "standard", unknown);
    assert_eq!(standard, within_ms(15_100), "the default is assumed");
}

#[test]
fn behind_a_proxy_a_path_is_dead_only_where_the_kernel_is_first() {
    let config = with(|c| c.listen[0].behind_proxy = true);
    let path_dead = |profile| reach(&config, Cause::PathDead, profile, LINUX);
    let silent = never(
        "listen.behind_proxy",
        "true",
        "such a silence is recorded as peer_silent",
    );
    assert_eq!(path_dead("standard"), silent);
    assert_eq!(path_dead("mobile"), silent);
    assert_eq!(path_dead("debugger"), by_kernel_ms(65_000, 924_600));
    assert_eq!(usual(&config, Cause::PeerSilent), within_ms(15_100));
    let config = with(|c| c.listen[0].proxy = proxies());
    let silent = never(
        "listen.proxy",
        "a list",
        "such a silence is recorded as peer_silent",
    );
    assert_eq!(usual(&config, Cause::PathDead), silent);
    assert_eq!(usual(&config, Cause::PeerSilent), within_ms(15_100));
}

#[test]
fn a_proxy_header_is_awaited_only_from_listed_proxies() {
    let none = never("listen.proxy", "[]", "no PROXY header is awaited");
    assert_eq!(usual(&Config::default(), Cause::ProxyHeaderInvalid), none);
    let config = with(|c| c.listen[0].proxy = proxies());
    assert_eq!(usual(&config, Cause::ProxyHeaderInvalid), Reach::Can);
}

#[test]
fn tls_fails_only_where_there_are_certificates() {
    let none = never("listen.tls", "[]", "there is no TLS");
    let config = with(|c| c.listen[0].tls = certificates());
    for cause in [Cause::TlsFailed, Cause::TlsTimeout, Cause::TlsTruncated] {
        assert_eq!(usual(&Config::default(), cause), none);
        assert_eq!(usual(&config, cause), Reach::Can);
    }
}

#[test]
fn causes_by_kernel_evidence_are_found_at_the_dead_limit_or_never() {
    let config = Config::default();
    let by_evidence = [
        Cause::PathDead,
        Cause::PathDeadOutbound,
        Cause::LocalNetworkDown,
        Cause::PeerFrozen,
    ];
    for cause in by_evidence {
        assert_eq!(usual(&config, cause), within_ms(15_100), "{cause}");
    }
    assert_eq!(usual(&config, Cause::PeerNotReading), within_ms(15_100));
    let kernel_only = reach(&config, Cause::LocalNetworkDown, "debugger", OLD_LINUX);
    assert_eq!(kernel_only, down_by_kernel_ms(924_600, 7_500));
    let debugged = |cause| reach(&config, cause, "debugger", LINUX);
    assert_eq!(
        debugged(Cause::PeerFrozen),
        never("liveness.profiles.debugger.dead_ms", "0", "never")
    );
    let off = with(|c| c.timeouts.write_progress_ms = 0);
    assert_eq!(
        usual(&off, Cause::PeerNotReading),
        never("timeouts.write_progress_ms", "0", "off")
    );
}

#[test]
fn a_kernel_without_evidence_tells_fewer_causes_apart() {
    let config = Config::default();
    let elsewhere = |cause| reach(&config, cause, "standard", ELSEWHERE);
    for cause in [Cause::ResetAfterOutage, Cause::LocalNetworkDown] {
        let why = UnreachableReason::Kernel("this kernel gives no TCP_INFO");
        assert_eq!(elsewhere(cause), Reach::Never(why));
    }
    assert!(!elsewhere(Cause::SocketDestroyed).is_possible());
    // Here the kernel reports its own give-up by an error, at an unknown time.
    assert_eq!(elsewhere(Cause::PathDead), Reach::ByKernel(None));
    assert_eq!(elsewhere(Cause::PeerSilent), within_ms(15_100));
    assert_eq!(
        reach(&config, Cause::SocketDestroyed, "standard", OLD_LINUX),
        Reach::Can
    );
}

#[test]
fn each_part_of_tcp_info_adds_the_causes_that_need_it() {
    let config = Config::default();
    let by_counters = [
        Cause::ResetAfterOutage,
        Cause::PathDeadOutbound,
        Cause::LocalNetworkDown,
    ];
    let by_window = [Cause::PeerFrozen, Cause::PeerNotReading];
    for fields in [
        TcpInfoFields::Nothing,
        TcpInfoFields::State,
        TcpInfoFields::Counters,
        TcpInfoFields::Losses,
        TcpInfoFields::Window,
    ] {
        let kernel = KernelAbilities {
            tcp_info: told(fields),
            ..LINUX
        };
        let can = |cause: &Cause| reach(&config, *cause, "standard", kernel).is_possible();
        let counters = by_counters.iter().all(can);
        assert_eq!(counters, by_counters.iter().any(can), "{fields:?}");
        assert_eq!(counters, fields >= TcpInfoFields::Counters, "{fields:?}");
        let window = by_window.iter().all(can);
        assert_eq!(window, by_window.iter().any(can), "{fields:?}");
        assert_eq!(window, fields == TcpInfoFields::Window, "{fields:?}");
    }
}

#[test]
fn only_our_own_clocks_give_a_bound() {
    assert_eq!(within_ms(5).bound(), Some(Duration::from_millis(5)));
    for reach in [
        Reach::Can,
        by_kernel_ms(1, 2),
        Reach::ByKernel(None),
        Reach::Never(UnreachableReason::NotBuilt),
    ] {
        assert_eq!(reach.bound(), None);
    }
}

#[test]
fn both_causes_of_a_second_login_occur_unless_all_are_allowed() {
    for cause in [Cause::AlreadyLoggedIn, Cause::ReplacedByLogin] {
        for (policy, can) in [
            (SecondLogin::Auto, true),
            (SecondLogin::Replace, true),
            (SecondLogin::Refuse, true),
            (SecondLogin::Allow, false),
        ] {
            let config = with(|c| c.sessions.second_login = policy);
            let reach = config.reach(cause, &Profile::standard(), LINUX);
            assert_eq!(reach.is_possible(), can, "{cause} {policy}");
        }
    }
}
