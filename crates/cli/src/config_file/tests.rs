use super::*;

/// Returns the errors of a file, one on each line.
fn complaints(text: &str) -> Vec<String> {
    parse(text)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Returns the only error of a file.
fn complaint(text: &str) -> String {
    let all = complaints(text);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.into_iter().next().unwrap()
}

#[test]
fn a_file_without_anything_is_the_defaults() {
    for text in ["", "# nothing\n[limits]\n", "\u{feff}[limits]\r\n"] {
        assert_eq!(parse(text).unwrap(), (Config::default(), Vec::new()));
    }
}

#[test]
fn a_value_out_of_its_range_is_reported_with_its_line_and_the_range() {
    assert_eq!(
        complaint("[limits]\n\nhello_bytes_max = 100\n"),
        "3: `limits.hello_bytes_max` is 100; allowed is 1024 to 65536: it has to hold the longest credentials",
    );
}

#[test]
fn a_value_of_a_wrong_type_is_reported_with_what_is_allowed() {
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
            "[[listen]]\nbehind_proxy = 1",
            "2: `listen.behind_proxy` is 1; allowed is true or false: ",
        ),
        (
            "[[listen]]\naddr = \"localhost:7000\"",
            "2: `listen.addr` is \"localhost:7000\"; allowed is an address and a port",
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
fn an_unknown_key_is_reported_with_the_one_that_was_meant() {
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
            "[drian]\ntimeout_ms = 1",
            "1: there is no key `drian`; did you mean `drain`?",
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
            "2: there is no key `drain.colour`; [drain] has the keys timeout_ms, reason, address, delay_ms",
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
        sections.contains(
            "sections listen, admission, sessions, limits, rates, timeouts, drain, liveness, kernel"
        ),
        "{sections}"
    );
}

#[test]
fn a_key_of_one_of_several_listeners_is_reported_with_its_line_and_its_place() {
    let both = "[[listen]]\naddr = \"127.0.0.1:7000\"\n[[listen]]\naddr = \"127.0.0.1:7001\"\n";
    let (config, _) = parse(both).unwrap();
    let ports: Vec<_> = config.listen.iter().map(|each| each.addr.port()).collect();
    assert_eq!(ports, [7_000, 7_001]);
    for (key, expected) in [
        (
            "backlog = 0",
            "5: `listen[1].backlog` is 0; allowed is 1 to 65535: ",
        ),
        (
            "backlog = \"4k\"",
            "5: `listen[1].backlog` is \"4k\"; allowed is 1 to 65535: write 4000",
        ),
        (
            "backlogs = 1",
            "5: there is no key `listen[1].backlogs`; did you mean `backlog`?",
        ),
        (
            "colour = 1",
            "5: there is no key `listen[1].colour`; [[listen]] has the keys addr, backlog, accept, behind_proxy, proxy, tls",
        ),
        (
            "accept = [\"carrier pigeon\"]",
            "5: `listen[1].accept` is [\"carrier pigeon\"]; allowed is a list of one or more of: \"native\"",
        ),
        (
            "accept = []",
            "5: `listen[1].accept` is []; allowed is a list of one or more of: \"native\"",
        ),
    ] {
        let told = complaint(&format!("{both}{key}\n"));
        assert!(told.starts_with(expected), "{told}");
    }
    assert_eq!(
        complaint("[[listen]]\naddr = \"127.0.0.1:7000\"\n[[listen]]\naddr = \"0.0.0.0:7000\"\n"),
        "4: `listen[1].addr` is \"0.0.0.0:7000\"; allowed is an address and port that no other key has: listen[0].addr \
         is \"127.0.0.1:7000\" already, so choose another port"
    );
}

#[test]
fn a_single_listen_table_of_an_old_file_is_reported_with_the_way_to_write_it() {
    let list = "`listen` is a table; allowed is a list of tables: write [[listen]], and the keys of one below each";
    assert_eq!(
        complaints("[listen]\naddr = \"127.0.0.1:7000\"\nconnections_max = 100\nbacklog = 0\n"),
        [
            format!("1: {list}"),
            "3: there is no key `listen.connections_max`; it belongs under [admission]".to_owned(),
            "4: `listen.backlog` is 0; allowed is 1 to 65535: the kernel caps it at net.core.somaxconn".to_owned(),
        ]
    );
    assert_eq!(
        complaint("listen = [\"127.0.0.1:7000\"]\n"),
        "1: `listen` is [\"127.0.0.1:7000\"]; allowed is a list of tables: write [[listen]], and the keys of one below \
         each"
    );
    assert!(
        complaint("listen = []\n")
            .starts_with("1: `listen` is a list of 0; allowed is 1 to 64 listeners")
    );
}

#[test]
fn a_network_that_is_none_is_reported_with_what_is_wrong_with_it() {
    for (value, remedy) in [
        (
            "[\"192.0.2.7\", \"10.0.0.1/8\"]",
            "10.0.0.1/8 has bits behind its prefix: write 10.0.0.0/8",
        ),
        (
            "[\"example.com\"]",
            "\"example.com\" is not an IP address: write one such as 192.0.2.1 or 2001:db8::1",
        ),
        (
            "[\"10.0.0.0/33\"]",
            "\"33\" is not the length of a prefix: write a number from 0 to 32",
        ),
        ("\"10.0.0.0/8\"", "write [\"10.0.0.0/8\"]"),
    ] {
        let told = complaint(&format!("[admission]\ndeny = {value}\n"));
        assert!(
            told.starts_with(&format!(
                "2: `admission.deny` is {value}; allowed is a list"
            )),
            "{told}"
        );
        assert!(told.ends_with(&format!(": {remedy}")), "{told}");
    }
    let listed = "[admission]\nallow = [\"10.0.0.0/8\", \"::1\"]\nexempt = []\n";
    let (config, _) = parse(listed).unwrap();
    assert_eq!(
        (config.admission.allow.len(), config.admission.exempt.len()),
        (2, 0)
    );
}

#[test]
fn a_key_with_control_characters_is_reported_in_one_line() {
    let told = complaint("\"a\\n\\u001b[2J\" = 1");
    assert!(
        told.starts_with("1: there is no key `a\\n\\u{1b}[2J`; "),
        "{told:?}"
    );
}

#[test]
fn everything_is_reported_at_once_in_the_order_of_the_file() {
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
fn a_default_that_another_key_breaks_is_reported_as_one() {
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
fn a_toml_error_is_reported_with_its_line() {
    let told = complaints("[limits]\nhello_bytes_max = \n[drain\n");
    assert!(told[0].starts_with("2: "), "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("3: ")), "{told:#?}");
}

#[test]
fn a_key_that_stands_twice_is_reported_by_name_with_both_lines() {
    let remove = "; remove one of them";
    let merge = "; put all keys under one of the two";
    for (text, expected) in [
        (
            "[drain]\n# 30 s\ntimeout_ms = 1\ntimeout_ms = 2\n",
            format!("4: duplicate key `drain.timeout_ms`: it is already in line 3{remove}"),
        ),
        (
            "timeouts.auth_ms = 100\ntimeouts = { hello_ms = 100 }\n",
            format!("2: duplicate key `timeouts`: it is already in line 1{remove}"),
        ),
        (
            "drain = { timeout_ms = 1, timeout_ms = 2 }\n",
            "1: duplicate key `drain.timeout_ms`: it is in this line twice; remove one of them"
                .to_owned(),
        ),
        (
            "[drain]\n[limits]\n[drain]\n",
            format!("3: duplicate key: [drain] is already in line 1{merge}"),
        ),
        (
            "[liveness.profiles.a]\n\n[liveness.profiles.\"a\"]\n",
            format!("3: duplicate key: [liveness.profiles.a] is already in line 1{merge}"),
        ),
    ] {
        assert_eq!(complaint(text), expected);
    }
}

#[test]
fn a_value_that_is_no_toml_is_reported_by_its_key_with_what_to_write() {
    for (text, expected) in [
        (
            "[[listen]]\naddr = null # later\n",
            "2: `listen.addr` is null, which TOML does not have: leave the key out to use its default",
        ),
        (
            "[drain]\ntimeout_ms =\n",
            "2: `drain.timeout_ms` has no value; allowed is 0 to 86400000: leave the key out to use its default",
        ),
        (
            "[drain]\r\ntimeout_ms = 5s\r\n",
            "2: `drain.timeout_ms` is 5s; allowed is 0 to 86400000: milliseconds: write 5000",
        ),
        (
            "[[listen]]\nbehind_proxy = True",
            "2: `listen.behind_proxy` is True; allowed is true or false: write true",
        ),
        (
            "[drain]\ntimeout_ms: 5000\n",
            "2: `drain.timeout_ms` has no value: write `=` instead of the colon",
        ),
        (
            "[drain]\ntimeout_ms\n",
            "2: `drain.timeout_ms` has no value; allowed is 0 to 86400000: write one behind `=`",
        ),
        (
            "[[listen]]\naddr = \"x\" backlog = 5\n",
            "2: `listen.addr` cannot be read: unexpected key or value, expected newline, `#`",
        ),
        (
            "[[listen]]\naddr = \"127.0.0.1:7000\n",
            "2: `listen.addr` cannot be read: its closing quote is missing: write one",
        ),
        (
            "[admin]\ntoken_file = \"C:\\queue\"\n",
            "2: `admin.token_file` cannot be read: a backslash begins an escape in double quotes: write the value in \
             single quotes",
        ),
        (
            "[[listen]]\naddr = \"127.0.0.1:7\u{0}\"\n",
            "2: `listen.addr` cannot be read: it has a control character: remove it",
        ),
        (
            "timeout = null\n",
            "1: there is no key `timeout`; did you mean `timeouts`?",
        ),
        ("; drain\n", "1: a comment begins with `#`"),
        (
            "drain:\n",
            "1: this is not TOML: write [section] for a section, and `key = value` below it",
        ),
        (
            " {\"drain\": 3}\n",
            "1: this is JSON, and a configuration is TOML: write [section] lines, and `key = value` below them",
        ),
    ] {
        assert_eq!(complaint(text), expected);
    }
    let secret = complaint("[admin]\ntoken = hush-hush-hush-hush\n");
    assert!(
        secret.ends_with("put it in double quotes") && !secret.contains("hush"),
        "{secret}"
    );
}

#[test]
fn a_list_instead_of_a_section_is_refused() {
    for (text, section) in [
        ("drain = [30000]", "drain"),
        ("[[drain]]\ntimeout_ms = 5", "drain"),
        ("liveness.profiles = []", "liveness.profiles"),
        ("liveness.profiles.a = [200]", "liveness.profiles.a"),
    ] {
        let told = complaint(text);
        let ending = format!("allowed is a table: write [{section}], and its keys below it");
        assert!(told.ends_with(&ending), "{told}");
    }
    let secret = complaint("admin = [\"\", \"\", \"hush-hush-hush-hush\"]");
    assert!(!secret.contains("hush"), "{secret}");
}

#[test]
fn a_number_in_another_unit_is_reported_with_the_one_to_write() {
    assert_eq!(
        complaint("[timeouts]\nhello_ms = 5\n"),
        "2: `timeouts.hello_ms` is 5; allowed is 100 to 600000: as long as your slowest player needs; an attacker \
            can use all of it; milliseconds: for 5 seconds write 5000",
    );
    let told = complaint("[liveness.profiles.a]\ndead_ms = 15\n");
    assert!(
        told.ends_with("; milliseconds: for 15 seconds write 15000"),
        "{told}"
    );
    let (_, warnings) = parse("[limits]\n[drain]\ntimeout_ms = 30\n").unwrap();
    assert_eq!(
        warnings,
        [
            "`drain.timeout_ms` is 30: the unit is milliseconds; if 30 seconds are meant, write 30000 (line 3)"
        ]
    );
}

#[test]
fn one_address_for_two_keys_is_reported_at_the_second() {
    assert_eq!(
        complaint("[[listen]]\naddr = \"0.0.0.0:7000\"\n[admin]\nlisten = \"127.0.0.1:7000\"\n"),
        "4: `admin.listen` is \"127.0.0.1:7000\"; allowed is an address and port that no other key has: listen.addr is \
         \"0.0.0.0:7000\" already, so choose another port",
    );
    let of_a_default = complaint("[[listen]]\naddr = \"127.0.0.1:9464\"\n");
    assert!(
        of_a_default.starts_with("2: `listen.addr` is "),
        "{of_a_default}"
    );
}

#[test]
fn the_file_of_a_token_is_looked_at_where_a_server_reads_it() {
    let told = complaint("[admin]\ntoken_file = \"/no/such/token\"\n");
    let expected = "2: `admin.token_file` is \"/no/such/token\"; allowed is \"\" (none), or the path of a file: there \
                    is no such file; put a token in it (`openssl rand -hex 32`), or name the file that has one";
    assert_eq!(told, expected);
    assert!(parse("[admin]\nlisten = \"\"\ntoken_file = \"/no/such/token\"\n").is_ok());
}

#[test]
fn the_number_of_reported_problems_is_limited() {
    let text: String = (0..1_000).map(|n| format!("x{n} = 0\n")).collect();
    assert_eq!(complaints(&text).len(), PROBLEMS_MAX);
}

#[test]
fn a_place_that_is_not_utf8_is_reported_with_its_line() {
    assert_eq!(
        Problem::not_utf8(b"a = 1\n\n\xff", 7).to_string(),
        "3: this is not UTF-8: save the file as UTF-8"
    );
    let utf16 = Problem::not_utf8(b"\xff\xfe[\0", 0).to_string();
    assert_eq!(utf16, "1: this is UTF-16: save the file as UTF-8");
}
