use std::collections::BTreeMap;

use super::*;

fn complaints(text: &str) -> Vec<String> {
    Scenario::parse(text).unwrap_err()
}

#[test]
fn a_scenario_says_how_many_how_fast_what_and_how() {
    let text = "\
        connections = 50_000\n\
        at_once = 300\n\
        rate_per_second = 0x100\n\
        frames = [1, 2]\n\
        payload_bytes = [8, 8]\n\
        seed = 42\n\
        [ways]\n\
        fin = 3\n\
        reset = 1\n";
    let scenario = Scenario::parse(text).unwrap();
    assert_eq!((scenario.connections, scenario.at_once), (50_000, 300));
    assert_eq!(scenario.rate_per_second, Some(256));
    assert_eq!((scenario.frames, scenario.payload_bytes), ((1, 2), (8, 8)));
    assert_eq!(scenario.seed, 42);
    let ways = scenario.ways.iter();
    let ways: BTreeMap<_, _> = ways.map(|(way, weight)| (way.name, *weight)).collect();
    assert_eq!(ways, BTreeMap::from([("fin", 3), ("reset", 1)]));
    assert!(!scenario.needs_the_game());
}

#[test]
fn ways_are_taken_by_their_weight_and_the_same_for_the_same_seed() {
    let scenario = Scenario::parse("[ways]\nfin = 3\nreset = 1\nkicked = 0\n").unwrap();
    let way = |n| scenario.way_of(n).unwrap().0.name;
    let taken: Vec<_> = (0..4_000).map(way).collect();
    let fins = taken.iter().filter(|way| **way == "fin").count();
    assert!((2_850..3_150).contains(&fins), "{fins}");
    assert!(!taken.contains(&"kicked"));
    assert_eq!(taken, (0..4_000).map(way).collect::<Vec<_>>());
    assert!(
        !scenario.needs_the_game(),
        "a way without weight needs nothing"
    );
}

#[test]
fn everything_that_is_wrong_is_reported_with_its_line_the_value_and_what_is_allowed() {
    let cases = [
        (
            "connections = 0",
            "1: `connections` is 0; allowed is 1 to 10000000",
        ),
        (
            "\nat_once = \"many\"",
            "2: `at_once` is \"many\"; allowed is 1 to 15000",
        ),
        (
            "seed = -1",
            "1: `seed` is -1; allowed is 0 to 9223372036854775807",
        ),
        (
            "frames = 3",
            "1: `frames` is 3; allowed is [LEAST, MOST], both 0 to 1000",
        ),
        (
            "frames = [3]",
            "1: `frames` is [3]; allowed is [LEAST, MOST], both 0 to 1000",
        ),
        (
            "payload_bytes = [9,\n 8]",
            "1: `payload_bytes` is [9, 8]; allowed is [LEAST, MOST], both 1 to 16384",
        ),
        (
            "ways = 1",
            "1: `ways` is 1; allowed is a table: write [ways], and below it lines of NAME = WEIGHT",
        ),
        (
            "[ways]\nfin = 1.5",
            "2: `ways.fin` is 1.5; allowed is 0 (never) to 1000000",
        ),
        (
            "conections = 1",
            "1: there is no key `conections`; did you mean `connections`?",
        ),
        (
            "[ways]\nreset_midframe = 1",
            "2: there is no way `reset_midframe`; did you mean `reset_mid_frame`?",
        ),
        (
            "seed = 1",
            "1: no way has a weight: write [ways], and below it lines of NAME = WEIGHT",
        ),
        (
            "frames = [0, 0]\n[ways]\nfin = 1\nexit_unread = 1",
            "4: `ways.exit_unread` needs an answer, and `frames` allows none: allow at least one frame, or remove the way",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(complaints(text), [expected]);
    }
}

#[test]
fn a_name_like_none_is_answered_with_all_there_are() {
    assert!(complaints("colour = 1")[0].contains("there are connections, at_once, "));
    assert!(complaints("[ways]\ncolour = 1")[0].contains("there are probe, probe_reset, "));
}

#[test]
fn everything_is_reported_at_once_in_the_order_of_the_file() {
    let told = complaints("[ways]\nfni = 1\nfin = -1\n[colour]\n");
    let lines: Vec<_> = told.iter().map(|line| &line[..2]).collect();
    assert_eq!(lines, ["2:", "3:", "4:"], "{told:#?}");
}

#[test]
fn a_toml_error_is_reported_with_its_line() {
    let told = complaints("seed = 1\nat_once = \n");
    assert!(told[0].starts_with("2: "), "{told:?}");
}
