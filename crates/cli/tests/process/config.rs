use crate::command::{Running, config_file, lastword, run};

/// Returns the errors of a configuration file: lines without their path. No server starts, and the status is 2.
fn complaints(test: &str, text: impl AsRef<[u8]>) -> Vec<String> {
    let path = config_file(test, text);
    let path = path.to_str().unwrap();
    let ended = run(&["serve", "--config", path]);
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let without_path = |line: &str| line.strip_prefix(path).map(str::to_owned);
    let lines = ended.stderr.lines().map(without_path);
    lines
        .collect::<Option<_>>()
        .unwrap_or_else(|| panic!("{}", ended.stderr))
}

#[test]
fn every_error_of_a_file_is_reported_on_its_own_line() {
    let text = "\
        [limits]\n\
        frame_byte_max = 1\n\
        inbox_frames_max = 0\n\
        [timeouts]\n\
        hello_ms = \"5s\"\n";
    let expected = [
        ":2: there is no key `limits.frame_byte_max`; did you mean `frame_bytes_max`?",
        ":3: `limits.inbox_frames_max` is 0; allowed is 1 to 65536: as many as one session sends between two ticks",
        ":5: `timeouts.hello_ms` is \"5s\"; allowed is 100 to 600000: milliseconds: write 5000",
    ];
    assert_eq!(complaints("all_wrong", text), expected);
}

#[test]
fn a_list_of_codes_is_reported_as_it_stands_in_the_file() {
    let allowed = "allowed is at most 64 different codes from 4096 to 65535";
    let write = "write a list of codes, such as [4096, 4100]";
    for (value, remedy) in [
        ("[4096, 70000]", write),
        ("4096", write),
        ("[4095]", "codes below 4096 are the layer's: choose another"),
    ] {
        let shown = if value == "[4095]" { "4095" } else { value };
        let text = format!("[metrics]\ngame_codes = {value}\n");
        let expected = format!(":2: `metrics.game_codes` is {shown}; {allowed}: {remedy}");
        assert_eq!(complaints("game_codes", text), [expected]);
    }
}

#[test]
fn a_file_that_is_not_toml_is_reported_with_its_line() {
    let told = complaints("not_toml", "[limits]\nhello_bytes_max 4096\n");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with(":2: "), "{told:?}");
}

#[test]
fn a_file_that_is_not_utf8_is_reported_with_its_line() {
    let told = complaints("not_utf8", b"[limits]\n# caf\xe9\n");
    assert_eq!(told, [":2: this is not UTF-8: save the file as UTF-8"]);
}

#[test]
fn a_file_too_long_to_be_a_configuration_is_not_read() {
    let told = complaints("too_long", vec![b'\n'; 1024 * 1024 + 1]);
    assert_eq!(
        told,
        [": longer than 1048576 bytes: this is not a configuration file"]
    );
}

#[test]
fn a_file_that_is_not_there_or_is_a_directory_is_reported_in_one_line() {
    let here = env!("CARGO_TARGET_TMPDIR");
    let missing = format!("{here}/no_such.toml");
    for (path, words) in [
        (missing.as_str(), "there is no such file"),
        (here, "this is a directory"),
    ] {
        let ended = run(&["serve", "--config", path]);
        assert_eq!(ended.status, Some(2));
        assert!(
            ended.stderr.starts_with(&format!("{path}: {words}")),
            "{}",
            ended.stderr
        );
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}

#[test]
fn a_misspelt_level_is_an_error_with_the_allowed_levels() {
    let at_start = |args: &[&str], level: &str| {
        let mut command = lastword(&[&["check-config", "/dev/null"], args].concat());
        command.env("LASTWORD_LOG", level);
        Running::start(command).0.end()
    };
    for (args, level, words) in [
        (
            &["--log", "warning"][..],
            "info",
            "\"warning\" is not a level",
        ),
        (
            &["--log", "info,lastword=loud"],
            "info",
            "\"loud\" is not a level",
        ),
        (&[], "verbose", "\"verbose\" is not a level"),
        (&[], "", "\"\" is not a level"),
    ] {
        let ended = at_start(args, level);
        assert_eq!(
            ended.status,
            Some(2),
            "{args:?} {level:?}: {}",
            ended.stderr
        );
        let begin = format!("lastword: --log or LASTWORD_LOG: {words}; allowed is off, error, ");
        assert!(ended.stderr.starts_with(&begin), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
    let ended = at_start(&["--log", "WARN"], "verbose");
    assert_eq!(
        ended.status,
        Some(0),
        "the argument counts: {}",
        ended.stderr
    );
}

#[test]
fn bad_arguments_are_status_2() {
    let cases: [&[&str]; 5] = [
        &[],
        &["serve", "--no-such-option"],
        &["serve", "--listen", "localhost:7000"],
        &["serve", "--admin", "on"],
        &["serve", "--log", "lastword=loud"],
    ];
    for args in cases {
        let ended = run(args);
        assert_eq!(ended.status, Some(2), "{args:?}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty());
    }
}

#[test]
fn an_address_that_is_none_is_reported_with_what_to_write() {
    for (option, value, words) in [
        (
            "--listen",
            "localhost:7000",
            "write IP:PORT, a host name is not looked up",
        ),
        (
            "--listen",
            "7000",
            "write IP:PORT, a host name is not looked up",
        ),
        ("--admin", "9464", "write IP:PORT, or `off`"),
    ] {
        let told = run(&["serve", option, value]).stderr;
        assert!(told.contains(value) && told.contains(words), "{told}");
    }
}

#[test]
fn an_admin_port_for_others_without_a_token_is_refused_with_the_remedy() {
    let told = run(&["serve", "--admin", "0.0.0.0:9464"]);
    assert_eq!(told.status, Some(2));
    assert!(
        told.stderr.starts_with(
            "lastword: `admin.listen` is \"0.0.0.0:9464\"; allowed is a loopback address"
        ) && told.stderr.contains("admin.token_file"),
        "{}",
        told.stderr
    );
}

#[test]
fn a_token_is_read_from_its_file_and_never_shown() {
    let token = config_file("token", "too short\n");
    let text = format!("[admin]\nlisten = \"0.0.0.0:0\"\ntoken_file = {token:?}\n");
    let file = config_file(
        "token_file",
        format!("[[listen]]\naddr = \"127.0.0.1:0\"\n{text}"),
    );
    let told = run(&["serve", "--config", file.to_str().unwrap()]);
    assert_eq!(told.status, Some(2), "{}", told.stderr);
    let allowed = "16 to 256 visible ASCII characters";
    assert!(told.stderr.contains(allowed), "{}", told.stderr);
    assert!(!told.stderr.contains("too short"), "{}", told.stderr);

    let told = complaints("token_in_the_file", "[admin]\ntoken = \"hush\"\n");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with(":2: `admin.token` is something else; allowed is"),
        "{told:?}"
    );
    assert!(
        told[0].contains(allowed) && !told[0].contains("hush"),
        "{told:?}"
    );
}
