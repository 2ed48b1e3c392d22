use lastword::Cause;
use lastword::evidence::Phase;
use lastword_load::Attack;

use super::*;
use crate::demo::close::Close;
use crate::demo::state::{ClientEnding, Origin};

#[test]
fn eighty_columns_hold_two_causes_in_a_line_and_the_telling_part_of_the_evidence() {
    let expected = "\
lastword demo  1:15  game 127.0.0.1:7000  Ctrl-C ends it
live page http://127.0.0.1:9464/  curl http://127.0.0.1:9464/api/closes
50 sessions  60 opened = 51 open + 9 ended  8 played, 8 recorded right

normal    peer_goodbye                 2 15s
abrupt    peer_fin                     1 14s  peer_closed_while_sending    1 11s
          peer_reset                   1 13s
network   path_dead                    1 10s
abuse     wrong_protocol               1  9s
operator  kicked                       1 12s
defect    handler_panicked             1  8s

22:41:09 player 9          handler_panicked          520 B in, 640 B out
22:41:08 127.1.0.8:4000    wrong_protocol            520 B in, 640 B out";
    assert_eq!(drawn(80, 14), expected);
}

#[test]
fn a_hundred_and_twenty_columns_hold_three_and_all_of_the_evidence() {
    let expected = "\
lastword demo  1:15  game 127.0.0.1:7000  Ctrl-C ends it
live page http://127.0.0.1:9464/  curl http://127.0.0.1:9464/api/closes
50 sessions  60 opened = 51 open + 9 ended  8 played, 8 recorded right

normal    peer_goodbye                 2 15s
abrupt    peer_fin                     1 14s  peer_closed_while_sending    1 11s  peer_reset                   1 13s
network   path_dead                    1 10s
abuse     wrong_protocol               1  9s
operator  kicked                       1 12s
defect    handler_panicked             1  8s

UTC      who               cause                     evidence
22:41:09 player 9          handler_panicked          in live after 3.2s, 520 B in, 640 B out
22:41:08 127.1.0.8:4000    wrong_protocol            in hello after 3.2s, 520 B in, 640 B out
22:41:07 player 7          path_dead                 in live after 3.2s, 520 B in, 640 B out, silent for 2.9s
22:41:06 player 6          peer_closed_while_sending in live after 3.2s, 520 B in, 640 B out, 136 B never acknowledged
22:41:05 player 5          kicked                    in live after 3.2s, 520 B in, 640 B out
22:41:04 player 4          peer_reset                in live after 3.2s, 520 B in, 640 B out
22:41:03 player 3          peer_fin                  in live after 3.2s, 520 B in, 640 B out
22:41:02 player 2          peer_goodbye              in live after 3.2s, 520 B in, 640 B out
22:41:01 player 1          peer_goodbye              in live after 3.2s, 520 B in, 640 B out";
    assert_eq!(drawn(120, 40), expected);
}

#[test]
fn nothing_is_cut_where_a_cause_and_a_name_have_room() {
    let (mut state, started) = state();
    state.note = Some(format!(
        "no cable to pull here: {}",
        "it is not allowed ".repeat(6).trim()
    ));
    state.suspected(
        "cable pulled".to_owned(),
        Some("local_network_down".to_owned()),
    );
    state.suspected(
        "our own network".to_owned(),
        Some("local_network_down".to_owned()),
    );
    attack(&mut state, 123_456);
    for (width, evidence) in [
        (60, ""),
        (78, "silent for 2.9s"),
        (79, "640 B out, silent for 2.9s"),
        (80, "640 B out, silent for 2.9s"),
        (100, "520 B in, 640 B out, silent for 2.9s"),
        (
            120,
            "in live after 3.2s, 520 B in, 640 B out, silent for 2.9s",
        ),
    ] {
        let mut frame = frame(&state, started, Style { has_colour: false });
        let info = DemoInfo {
            game: "192.168.100.100:65535".parse().unwrap(),
            admin: Some("192.168.100.100:65535".parse().unwrap()),
            run_for: Some(Duration::from_millis(86_399_999)),
            ..*frame.info
        };
        let stats = Stats {
            connections_opened: 1_234_567,
            ..frame.stats.clone()
        };
        (frame.info, frame.stats) = (&info, &stats);
        let lines = frame.lines(width, 60);
        let text = lines.join("\n");
        assert!(!text.contains('…'), "{width}: {text}");
        assert!(
            lines.iter().all(|line| line.chars().count() <= width),
            "{width}: {text}"
        );
        for whole in [
            "game 192.168.100.100:65535",
            "ends after 86399.999s, or by Ctrl-C",
            "live page http://192.168.100.100:65535/",
            "curl http://192.168.100.100:65535/api/closes",
            "8 played, 8 recorded right",
            "cable pulled local_network_down",
            "our own network local_network_down",
            "attackers: 123456 slow, 123456 garbage, 123456 flood",
            "players' p99 round trip 1.5 ms",
            "attacks ended: 123456 hello_timeout",
            "123456 wrong_protocol",
            "123456 rate_limited",
            "peer_closed_while_sending    1 11s",
        ] {
            assert!(text.contains(whole), "{width}: {whole} in {text}");
        }
        let dead = lines
            .iter()
            .find(|line| line.starts_with("22:41:07"))
            .unwrap();
        assert!(dead.trim_end().ends_with(evidence), "{width}: {dead}");
    }
}

#[test]
fn eighty_columns_hold_the_attacks_in_two_lines() {
    let (mut state, started) = state();
    attack(&mut state, 40);
    let lines = frame(&state, started, Style { has_colour: false }).lines(80, 24);
    assert_eq!(
        lines[3..6],
        [
            "attackers: 40 slow, 40 garbage, 40 flood  players' p99 round trip 1.5 ms",
            "attacks ended: 40 hello_timeout, 40 wrong_protocol, 40 rate_limited",
            "",
        ]
    );
}

#[test]
fn a_suspect_client_is_shown_in_a_line_until_it_is_healthy() {
    let (mut state, started) = state();
    let drawn = |state: &DemoState| {
        let style = Style { has_colour: false };
        frame(state, started, style).lines(80, 24).join("\n")
    };
    state.suspected("frozen".to_owned(), Some("undecided".to_owned()));
    state.suspected("frozen".to_owned(), Some("peer_frozen".to_owned()));
    state.suspected("cable pulled".to_owned(), Some("path_dead".to_owned()));
    let both = "\nsuspect: cable pulled path_dead, frozen peer_frozen\n";
    assert!(drawn(&state).contains(both), "{}", drawn(&state));
    state.suspected("frozen".to_owned(), None);
    state.suspected("cable pulled".to_owned(), None);
    assert!(!drawn(&state).contains("suspect"));
}

#[test]
fn nothing_is_larger_than_a_terminal_that_holds_one_cause() {
    let (state, started) = state();
    for (width, height) in [(200, 60), (80, 24), (79, 6), (44, 10), (44, 1), (44, 0)] {
        let lines = frame(&state, started, Style { has_colour: false }).lines(width, height);
        assert!(lines.len() <= height, "{width} x {height}: {lines:#?}");
        let widest = lines.iter().map(|line| line.chars().count()).max();
        assert!(
            widest.unwrap_or(0) <= width,
            "{width} x {height}: {lines:#?}"
        );
    }
}

#[test]
fn colours_change_no_width() {
    let (state, started) = state();
    let coloured = frame(&state, started, Style { has_colour: true }).lines(80, 24);
    assert!(
        coloured
            .iter()
            .any(|line| line.contains("\x1b[31mpath_dead"))
    );
    let stripped: Vec<_> = coloured.iter().map(|line| without_colours(line)).collect();
    let plain = frame(&state, started, Style { has_colour: false }).lines(80, 24);
    assert_eq!(stripped, plain);
}

#[test]
fn mismatches_and_the_missing_lab_are_shown_below_the_counts() {
    let (mut state, started) = state();
    state.note = Some("no cable to pull here: forbidden".to_owned());
    state.report_wrong("fin was recorded as kicked".to_owned());
    let lines = frame(&state, started, Style { has_colour: false }).lines(80, 24);
    assert_eq!(
        lines[3..5],
        [
            "no cable to pull here: forbidden",
            "fin was recorded as kicked"
        ]
    );
}

fn drawn(width: usize, height: usize) -> String {
    let (state, started) = state();
    let lines = frame(&state, started, Style { has_colour: false }).lines(width, height);
    let lines: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

fn frame(state: &DemoState, started: Instant, style: Style) -> Frame<'_> {
    let info = DemoInfo {
        game: ([127, 0, 0, 1], 7_000).into(),
        admin: Some(([127, 0, 0, 1], 9_464).into()),
        started,
        run_for: None,
    };
    let ended = state
        .tallies()
        .map(|tally| (tally.cause, Phase::Live, tally.count));
    let stats = Stats {
        connections_opened: 60,
        connections_open: 51,
        sessions_joined: 58,
        sessions_open: 50,
        sessions_suspended: 0,
        resumed: 0,
        superseded: 0,
        resumes_refused: Vec::new(),
        disconnects: ended.collect(),
        departures: Vec::new(),
        accept_errors: Vec::new(),
        unknown_cohorts: 0,
        unknown_profiles: 0,
        frames: (0, 0),
        bytes: (0, 0),
        suspects: Vec::new(),
        suspected: Vec::new(),
        inbound_paused: 0,
        congested: 0,
        frames_dropped: 0,
        frames_replaced: 0,
        rate_limited: 0,
        events_waiting: 0,
        local_stall: Duration::ZERO,
        runtime_lag: Duration::ZERO,
        round_trips: 0,
        round_trip_mean: Duration::ZERO,
    };
    Frame {
        info: Box::leak(Box::new(info)),
        state,
        stats: Box::leak(Box::new(stats)),
        now: started + Duration::from_secs(75),
        style,
    }
}

/// Adds so many attacks of each kind, a round trip, and as many ends of each.
fn attack(state: &mut DemoState, count: u64) {
    for attack in Attack::ALL {
        (0..count).for_each(|_| state.attacks.begun(attack));
    }
    state.attacks.answered(Duration::from_micros(1_500));
    for attack in Attack::ALL {
        (0..count).for_each(|_| state.attacks.ended(attack.truth().cause));
    }
}

/// An end every second, the ninth 8 s ago.
fn state() -> (DemoState, Instant) {
    let started = Instant::now();
    let mut state = DemoState::default();
    for (n, cause, more) in [
        (1, Cause::PeerGoodbye, ""),
        (2, Cause::PeerGoodbye, ""),
        (3, Cause::PeerFin, ""),
        (4, Cause::PeerReset, ""),
        (5, Cause::Kicked, ""),
        (
            6,
            Cause::PeerClosedWhileSending,
            ", 136 B never acknowledged",
        ),
        (7, Cause::PathDead, ", silent for 2.9s"),
        (8, Cause::WrongProtocol, ""),
        (9, Cause::HandlerPanicked, ""),
    ] {
        let close = close(n, cause, more);
        let client = ClientEnding {
            name: format!("way {n}"),
            expected: close.ending(),
            origin: Origin::Here,
        };
        let remote = close.remote;
        state.closed(close, started + Duration::from_secs(58 + u64::from(n)));
        if cause.occurs_in(Phase::Live) {
            state.played(remote, client);
        }
    }
    (state, started)
}

fn close(n: u8, cause: Cause, more: &str) -> Close {
    let is_live = cause.occurs_in(Phase::Live);
    let phase = if is_live { Phase::Live } else { Phase::Hello };
    Close {
        at: format!("2026-11-22T22:41:{n:02}.525Z"),
        cause,
        phase,
        remote: ([127, 1, 0, n], 4_000).into(),
        player: is_live.then(|| format!("player {n}")),
        words: format!("{cause} in {phase} after 3.2s, 520 B in, 640 B out{more}"),
    }
}

fn without_colours(line: &str) -> String {
    let parts = line.split('\x1b');
    parts
        .map(|part| {
            part.strip_prefix('[')
                .and_then(|part| part.split_once('m'))
                .map_or(part, |(_, text)| text)
        })
        .collect()
}
