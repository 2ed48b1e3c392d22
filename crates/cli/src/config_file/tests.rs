use super::*;

/// What is said of a file, a line each.
fn complaints(text: &str) -> Vec<String> {
    parse(text)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The only thing that is said of a file.
fn complaint(text: &str) -> String {
    let all = complaints(text);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.into_iter().next().unwrap()
}

#[test]
fn a_file_without_anything_is_the_defaults() {
    assert_eq!(parse("").unwrap(), Config::default());
    assert_eq!(parse("# nothing\n[limits]\n").unwrap(), Config::default());
}

#[test]
fn a_value_out_of_its_range_is_told_with_its_line_and_the_range() {
    assert_eq!(
        complaint("[limits]\n\nhello_bytes_max = 100\n"),
        "3: `limits.hello_bytes_max` is 100; allowed is 1024 to 65536: it has to hold the longest credentials",
    );
}

#[test]
fn a_value_of_a_wrong_type_is_told_with_what_is_allowed() {
    let cases = [
        (
            "[limits]\nframe_bytes_max = \"64K\"",
            "2: `limits.frame_bytes_max` is \"64K\"; allowed is 1024 to 16777215: ",
        ),
        (
            "timeouts.idle_ms = -1",
            "1: `timeouts.idle_ms` is -1; allowed is 0 (off), or 1000 to 86400000: ",
        ),
        (
            "drain.timeout_ms = 1e3",
            "1: `drain.timeout_ms` is 1e3; allowed is 0 to 86400000: ",
        ),
        (
            "drain.timeout_ms = 99999999999",
            "1: `drain.timeout_ms` is 99999999999; allowed is 0 to 86400000: ",
        ),
        (
            "listen.behind_proxy = 1",
            "1: `listen.behind_proxy` is 1; allowed is true or false: ",
        ),
        (
            "listen.addr = \"localhost:7000\"",
            "1: `listen.addr` is \"localhost:7000\"; allowed is an address and a port",
        ),
        (
            "admin.listen = \"off\"",
            "1: `admin.listen` is \"off\"; allowed is \"\" (off), or an address and a port",
        ),
        (
            "kernel.rto_max = \"on\"",
            "1: `kernel.rto_max` is \"on\"; allowed is auto or off: ",
        ),
        (
            "metrics.cohorts = [\n\"pc\",\n3]",
            "1: `metrics.cohorts` is [ \"pc\", 3]; allowed is at most 16 names",
        ),
        (
            "[drain.timeout_ms]\nx = 1",
            "1: `drain.timeout_ms` is a table; allowed is 0 to 86400000: ",
        ),
        (
            "limits = 3",
            "1: `limits` is 3; allowed is a table: write [limits], and its keys below it",
        ),
        (
            "[liveness.profiles.a]\ndead_ms = true",
            "2: `liveness.profiles.a.dead_ms` is true; allowed is 0 (never), or 2650 to 922600: ",
        ),
    ];
    for (text, expected) in cases {
        let told = complaint(text);
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn an_unknown_key_is_told_with_the_one_that_was_meant() {
    let cases = [
        (
            "[limits]\nframe_byte_max = 1",
            "2: there is no key `limits.frame_byte_max`; did you mean `frame_bytes_max`?",
        ),
        (
            "[limts]\nframe_bytes_max = 1",
            "1: there is no key `limts`; did you mean `limits`?",
        ),
        (
            "[limits]\nidle_ms = 0",
            "2: there is no key `limits.idle_ms`; it belongs under [timeouts]",
        ),
        (
            "idle_ms = 0",
            "1: there is no key `idle_ms`; it belongs under [timeouts]",
        ),
        (
            "[drain]\ncolour = 1",
            "2: there is no key `drain.colour`; [drain] has the keys timeout_ms",
        ),
        (
            "[liveness.profiles.mine]\nheartbeats_ms = 1",
            "2: there is no key `liveness.profiles.mine.heartbeats_ms`; did you mean `heartbeat_ms`?",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(complaint(text), expected);
    }
    let sections = complaint("colour = 1");
    assert!(
        sections.contains("sections listen, limits, timeouts, drain, liveness, kernel"),
        "{sections}"
    );
}

#[test]
fn everything_is_told_at_once_in_the_order_of_the_file() {
    let text = "\
        [limits]\n\
        hello_bytes_max = 1\n\
        colour = 2\n\
        [timeouts]\n\
        hello_ms = \"5s\"\n\
        auth_ms = 0\n\
        [liveness]\n\
        profile = \"fast\"\n";
    let told = complaints(text);
    let lines: Vec<_> = told.iter().map(|line| &line[..2]).collect();
    assert_eq!(lines, ["2:", "3:", "5:", "6:", "8:"], "{told:#?}");
}

#[test]
fn a_default_that_another_key_breaks_is_told_as_one() {
    let told = complaints("[limits]\nframe_bytes_max = 100000\n");
    assert_eq!(
        told,
        [
            "1: `limits.inbox_bytes_max` is 65536 (the default); allowed is 100000 (limits.frame_bytes_max) to \
          1073741824: raise it, or lower limits.frame_bytes_max"
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let told = complaints("[limits]\nhello_bytes_max = \n[drain\n");
    assert!(told[0].starts_with("2: "), "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("3: ")), "{told:#?}");
    let twice = complaint("[drain]\ntimeout_ms = 1\ntimeout_ms = 2\n");
    assert!(twice.starts_with("3: duplicate key"), "{twice}");
}

#[test]
fn no_file_is_answered_with_more_lines_than_anybody_reads() {
    let text: String = (0..1_000).map(|n| format!("x{n} = 0\n")).collect();
    assert_eq!(complaints(&text).len(), PROBLEMS_MAX);
}

#[test]
fn a_place_that_is_not_utf8_is_told_with_its_line() {
    assert_eq!(
        Problem::not_utf8(b"a = 1\n\n\xff", 7).to_string(),
        "3: this is not UTF-8: save the file as UTF-8"
    );
}
