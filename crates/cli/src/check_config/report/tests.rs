use std::collections::BTreeSet;

use lastword::config::{ProfileConfig, TcpInfo, TcpInfoFields};

use super::super::table::WIDTH;
use super::*;

const LINUX: KernelAbilities = KernelAbilities {
    is_linux: true,
    tcp_info: told(TcpInfoFields::Window),
    rto_max: true,
    retries: Some(15),
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

fn report(config: &Config, kernel: KernelAbilities) -> String {
    assert_eq!(config.validate(), Ok(()));
    Report::new(config, kernel).to_string()
}

fn with(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// The lines below a heading, up to the next empty one.
fn section<'a>(report: &'a str, heading: &str) -> Vec<&'a str> {
    let lines = report.lines().skip_while(|line| !line.starts_with(heading));
    let lines: Vec<_> = lines.skip(1).take_while(|line| !line.is_empty()).collect();
    assert!(!lines.is_empty(), "{heading}: {report}");
    lines
}

/// The causes that a section names.
fn causes(lines: &[&str]) -> BTreeSet<u16> {
    let words = lines.iter().flat_map(|line| line.split([' ', ',', ':']));
    words
        .filter_map(Cause::from_label)
        .map(Cause::code)
        .collect()
}

#[test]
fn every_cause_can_or_cannot_occur_and_none_does_both() {
    let configs = [
        Config::default(),
        with(|c| c.listen[0].behind_proxy = true),
        with(|c| c.timeouts.idle_ms = 1_000),
    ];
    let all: BTreeSet<_> = Cause::ALL.into_iter().map(Cause::code).collect();
    for (config, kernel) in configs
        .iter()
        .flat_map(|config| [(config, LINUX), (config, ELSEWHERE)])
    {
        let told = report(config, kernel);
        let can = causes(&section(&told, "These causes can occur"));
        // One reason names a cause, too. It may be broken into two lines.
        let words: Vec<_> = section(&told, "These causes cannot occur")
            .iter()
            .flat_map(|line| line.split_whitespace())
            .collect();
        let words = words.join(" ");
        let cannot = causes(&[words.replace("recorded as peer_silent", "").as_str()]);
        assert!(can.is_disjoint(&cannot), "{told}");
        assert_eq!(&can | &cannot, all, "{told}");
    }
}

#[test]
fn the_bounds_of_the_defaults_are_reported_by_profile() {
    let told = report(&Config::default(), LINUX);
    let expected = [
        "  path_dead           standard 15.1 s · competitive 8.1 s · mobile 20.1 s · background 60.1 s ·",
        "                      debugger never by heartbeat; the kernel: keepalive 65 s, unacknowledged data",
        "                      from 924.6 s on",
        "  path_dead_outbound  standard 15.1 s · competitive 8.1 s · mobile 20.1 s · background 60.1 s ·",
        "                      debugger never",
        "  local_network_down  standard 15.1 s · competitive 8.1 s · mobile 20.1 s · background 60.1 s ·",
        "                      debugger never by heartbeat; the kernel: an idle connection never,",
        "                      unacknowledged data from 924.6 s on, data that its own queue drops from 7.5 s",
        "                      on",
        "  peer_silent         standard 31.1 s · competitive 17.1 s · mobile 41.1 s · background 121.1 s ·",
        "                      debugger never",
        "  peer_frozen         standard 15.1 s · competitive 8.1 s · mobile 20.1 s · background 60.1 s ·",
        "                      debugger never",
        "  peer_not_reading    standard 15.1 s · competitive 11.1 s · mobile 15.1 s · background 30.1 s ·",
        "                      debugger 15.1 s",
        "  idle                never",
    ];
    assert_eq!(section(&told, "Silent causes"), expected);
    let cannot = section(&told, "These causes cannot occur");
    let idle = cannot.iter().find(|line| line.starts_with("  idle "));
    let words: Vec<_> = idle.expect("a line").split_whitespace().collect();
    assert_eq!(words.join(" "), "idle timeouts.idle_ms is 0: off");
}

#[test]
fn when_the_kernel_gives_up_is_reported_by_profile() {
    let told = report(&Config::default(), LINUX);
    let kernel = section(&told, "This kernel").join(" ");
    let one_line = kernel.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "gives up standard keepalive 20 s, unacknowledged data from 17 s on · competitive keepalive 13 s,",
        "debugger keepalive 65 s, unacknowledged data from 924.6 s on",
    ] {
        assert!(one_line.contains(words), "{told}");
    }
    let elsewhere = report(&Config::default(), ELSEWHERE);
    assert_eq!(
        section(&elsewhere, "This kernel")[3],
        "  gives up  when it is not known"
    );
}

#[test]
fn the_retries_of_the_host_decide_when_the_kernel_is_first() {
    let kernel_of = |retries| {
        let told = report(&Config::default(), KernelAbilities { retries, ..LINUX });
        let lines = [
            section(&told, "This kernel"),
            section(&told, "Silent causes"),
        ];
        let words = lines.concat().join(" ");
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (retries, words) in [
        (
            Some(15),
            "a connection is given up from 7.5 s on (net.ipv4.tcp_retries2 is 15)",
        ),
        (
            Some(60),
            "gives up standard keepalive 20 s, unacknowledged data from 71 s on",
        ),
        (
            Some(60),
            "given up from 30 s on (net.ipv4.tcp_retries2 is 60)",
        ),
        (
            Some(8),
            "gives up standard keepalive 20 s, unacknowledged data from 8.6 s on",
        ),
        (
            Some(8),
            "path_dead standard the kernel may be first: keepalive 20 s, unacknowledged data from 8.6 s on",
        ),
        (
            None,
            "7.5 s on (net.ipv4.tcp_retries2 is not known, and its default is assumed)",
        ),
    ] {
        let told = kernel_of(retries);
        assert!(told.contains(words), "{retries:?}: {told}");
    }
    let elsewhere = report(&Config::default(), ELSEWHERE);
    assert!(!elsewhere.contains("own queue"), "{elsewhere}");
}

#[test]
fn without_keepalive_a_session_that_is_never_given_up_is_said_to_be_lost_sight_of_while_idle() {
    let told = report(&with(|c| c.kernel.keepalive = false), LINUX);
    let path_dead = section(&told, "Silent causes")[..3].join(" ");
    let one_line = path_dead.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "path_dead standard 15.1 s · competitive 8.1 s · mobile 20.1 s · background 60.1 s · debugger never \
                    by heartbeat; the kernel: an idle connection never, unacknowledged data from 924.6 s on";
    assert_eq!(one_line, expected);
    assert!(!told.contains("keepalive"), "{told}");
}

#[test]
fn what_the_kernel_really_shows_is_reported_with_what_follows() {
    let shows = |fields, is_tested| {
        let kernel = KernelAbilities {
            tcp_info: TcpInfo { fields, is_tested },
            ..LINUX
        };
        let told = report(&Config::default(), kernel);
        let kernel = section(&told, "This kernel").join(" ");
        let cannot = section(&told, "These causes cannot occur").join(" ");
        [kernel, cannot].map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    for (fields, is_tested, words, reason) in [
        (
            TcpInfoFields::State,
            true,
            "TCP_INFO shows the state of a connection, and no counters: a read of 0 is a close",
            "peer_frozen this kernel's TCP_INFO counts no bytes",
        ),
        (
            TcpInfoFields::Losses,
            true,
            "without window and reordering: a frozen peer is peer_silent",
            "peer_frozen this kernel tells neither the peer's window nor reordering",
        ),
        (
            TcpInfoFields::Window,
            false,
            "window of a connection; this was not tested",
            "idle timeouts.idle_ms is 0",
        ),
    ] {
        let [kernel, cannot] = shows(fields, is_tested);
        assert!(kernel.contains(words), "{kernel}");
        assert!(cannot.contains(reason), "{cannot}");
    }
    let [kernel, _] = shows(TcpInfoFields::Window, true);
    assert!(
        kernel.contains("window of a connection gives up"),
        "{kernel}"
    );
}

#[test]
fn a_bound_that_all_profiles_share_is_reported_once() {
    let told = report(&with(|c| c.timeouts.idle_ms = 60_000), LINUX);
    let idle = section(&told, "Silent causes").pop().unwrap();
    assert_eq!(idle, "  idle                60.1 s");
}

#[test]
fn a_kernel_that_does_not_bound_retransmissions_is_reported_with_the_reason() {
    let outages = |config: &Config, kernel| {
        let told = report(config, kernel);
        let lines = section(&told, "This kernel");
        let lines = lines
            .into_iter()
            .skip_while(|line| !line.contains("outages"));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    };
    let old = KernelAbilities {
        rto_max: false,
        ..LINUX
    };
    assert_eq!(outages(&Config::default(), LINUX), "");
    let told = outages(&Config::default(), old);
    assert!(told.contains("Linux has it from 6.15 on"), "{told}");
    let off = with(|c| c.kernel.rto_max = RtoMax::Off);
    assert!(outages(&off, LINUX).contains("kernel.rto_max is off"));
}

#[test]
fn no_line_is_wider_than_a_terminal() {
    let config = with(|c| {
        for letter in ["a", "b", "c"] {
            let name = letter.repeat(32);
            let slowest = ProfileConfig {
                dead_ms: Some(922_600),
                rto_max_ms: Some(0),
                ..ProfileConfig::default()
            };
            c.liveness.profiles.insert(name, slowest);
        }
        c.liveness.profile = "c".repeat(32);
        c.listen[0].behind_proxy = true;
    });
    for config in [Config::default(), config] {
        let few = KernelAbilities {
            retries: Some(5),
            ..LINUX
        };
        for kernel in [LINUX, few, ELSEWHERE] {
            for line in report(&config, kernel).lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
                assert!(!line.contains(GLUE) && !line.ends_with(' '), "{line:?}");
            }
        }
    }
}

#[test]
fn the_policy_of_second_logins_is_told() {
    for (policy, words) in [
        (
            SecondLogin::Auto,
            "auto: replace where the game has an authenticator",
        ),
        (SecondLogin::Replace, "replace: the earlier session ends as"),
        (SecondLogin::Refuse, "refuse: the later login reads"),
        (
            SecondLogin::Allow,
            "allow: all sessions of a player are live",
        ),
    ] {
        let told = report(&with(|c| c.sessions.second_login = policy), LINUX);
        let lines = section(&told, "Sessions of a player");
        assert!(lines[0].contains(words), "{told}");
    }
}

#[test]
fn how_long_a_player_may_come_back_is_reported_by_profile() {
    let come_back = |config: &Config| {
        let told = report(config, LINUX);
        let lines = section(&told, "Sessions of a player").join(" ");
        let words = lines.split_whitespace().collect::<Vec<_>>().join(" ");
        words.split_once(" come back ").expect("a row").1.to_owned()
    };
    assert_eq!(
        come_back(&Config::default()),
        "standard within 60 s · competitive within 30 s · mobile within 180 s · background, debugger within 600 s; \
         a player that does not come back leaves then"
    );
    let off = with(|c| {
        for name in [
            "standard",
            "competitive",
            "mobile",
            "background",
            "debugger",
        ] {
            let profile = ProfileConfig {
                resume_window_ms: Some(0),
                ..ProfileConfig::default()
            };
            c.liveness.profiles.insert(name.to_owned(), profile);
        }
    });
    assert_eq!(come_back(&off), "never: a session ends with its connection");
}
