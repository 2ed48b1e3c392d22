use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use crate::command::{Running, config_file, lastword, run};

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/lastword.toml");

#[test]
fn a_good_file_is_reported_with_what_it_can_produce() {
    let ended = run(&["check-config", REFERENCE]);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines[0], format!("{REFERENCE}: ok"));
    let line = |start: &str| {
        let found = lines
            .iter()
            .find(|line| line.trim_start().starts_with(start));
        *found.unwrap_or_else(|| panic!("{start}: {}", ended.stdout))
    };
    assert!(line("path_dead ").contains("standard 15.1 s · competitive 8.1 s"));
    assert!(line("abrupt ").contains("peer_fin, peer_fin_mid_frame"));
    assert!(line("come back ").contains("standard within 60 s"));
    assert!(line("not built yet").contains("game_stalled"));
}

#[test]
fn everything_that_is_wrong_is_reported_as_serve_tells_it() {
    let path = config_file(
        "check_bad",
        "[limits]\nframe_byte_max = 1\ninbox_frames_max = 0\n",
    );
    let path = path.to_str().unwrap();
    let checked = run(&["check-config", path]);
    assert_eq!((checked.status, checked.stdout.as_str()), (Some(2), ""));
    let expected = format!(
        "{path}:2: there is no key `limits.frame_byte_max`; did you mean `frame_bytes_max`?\n\
         {path}:3: `limits.inbox_frames_max` is 0; allowed is 1 to 65536: as many as one session sends between two ticks\n"
    );
    assert_eq!(checked.stderr, expected);
    assert_eq!(run(&["serve", "--config", path]).stderr, expected);
}

#[test]
fn a_file_that_cannot_be_read_is_reported_in_one_line_that_says_what_to_do() {
    let here = env!("CARGO_TARGET_TMPDIR");
    let missing = format!("{here}/no_such.toml");
    let latin1 = config_file("check_latin1", b"# caf\xe9\n");
    for (path, words) in [
        (missing.as_str(), ": there is no such file: check the path"),
        (here, ": this is a directory: name the TOML file in it"),
        (
            latin1.to_str().unwrap(),
            ":1: this is not UTF-8: save the file as UTF-8",
        ),
    ] {
        let ended = run(&["check-config", path]);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""));
        assert_eq!(ended.stderr, format!("{path}{words}\n"));
    }
}

#[test]
fn a_token_file_that_gives_no_token_is_reported_as_serve_tells_it() {
    let short = config_file("check_short_token", "too short\n");
    let empty = config_file("check_empty_token", "");
    for (token_file, words) in [
        ("/no/such/token", "there is no such file"),
        ("/", "it is a directory"),
        (empty.to_str().unwrap(), "it is empty"),
        (
            short.to_str().unwrap(),
            "16 to 256 visible ASCII characters and nothing else",
        ),
    ] {
        let text = format!("[admin]\nlisten = \"127.0.0.1:0\"\ntoken_file = {token_file:?}\n");
        let path = config_file("check_token", text);
        let path = path.to_str().unwrap();
        let checked = run(&["check-config", path]);
        assert_eq!((checked.status, checked.stdout.as_str()), (Some(2), ""));
        let start = format!("{path}:3: `admin.token_file` is {token_file:?}; allowed is ");
        assert!(checked.stderr.starts_with(&start), "{}", checked.stderr);
        assert!(checked.stderr.contains(words), "{}", checked.stderr);
        let served = run(&["serve", "--config", path]);
        assert_eq!((served.status, served.stderr), (Some(2), checked.stderr));
    }
}

#[test]
fn an_address_that_clients_cannot_be_told_is_an_error_with_its_line_and_remedy() {
    for address in ["eu2.example.net 7000", " "] {
        let text = format!("[drain]\nreason = \"we move\"\naddress = {address:?}\n");
        let path = config_file("check_address", text);
        let path = path.to_str().unwrap();
        let checked = run(&["check-config", path]);
        let expected = format!(
            "{path}:3: `drain.address` is {address:?}; allowed is \"\" (none), or 1 to 255 bytes without white space, \
             such as \"eu2.example.net:7000\": write a host and a port that clients can reach\n"
        );
        assert_eq!((checked.status, checked.stderr), (Some(2), expected));
    }
    let path = config_file(
        "check_address",
        "[drain]\naddress = \"eu2.example.net:7000\"\n",
    );
    let checked = run(&["check-config", path.to_str().unwrap()]);
    assert_eq!((checked.status, checked.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_world_readable_token_file_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let token = config_file("check_open_token", "0123456789abcdef\n");
    let path = config_file("check_open", format!("[admin]\ntoken_file = {token:?}\n"));
    let path = path.to_str().unwrap();
    for (mode, warnings) in [(0o644, 1), (0o640, 0)] {
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(mode)).unwrap();
        let ended = run(&["check-config", path]);
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), warnings, "{}", ended.stderr);
    }
}

#[test]
fn one_address_for_two_keys_is_reported_as_serve_tells_it() {
    let text =
        "[[listen]]\naddr = \"127.0.0.1:7000\"\n[admin]\nmetrics_listen = \"0.0.0.0:7000\"\n";
    let path = config_file("check_twice", text);
    let path = path.to_str().unwrap();
    let checked = run(&["check-config", path]);
    assert_eq!(checked.status, Some(2));
    let start = format!("{path}:4: `admin.metrics_listen` is \"0.0.0.0:7000\"; ");
    assert!(checked.stderr.starts_with(&start), "{}", checked.stderr);
    assert_eq!(run(&["serve", "--config", path]).stderr, checked.stderr);
    let by_arguments = run(&[
        "serve",
        "--listen",
        "127.0.0.1:7000",
        "--admin",
        "127.0.0.1:7000",
    ]);
    assert_eq!(by_arguments.status, Some(2), "{}", by_arguments.stderr);
}

#[test]
fn without_a_file_nothing_is_said_to_be_ok() {
    let ended = run(&["check-config"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("<FILE>"), "{}", ended.stderr);
}

#[test]
fn an_unwise_value_is_a_warning_and_the_file_is_ok() {
    let text = "liveness.profile = \"debugger\"\n";
    let path = config_file("check_unwise", text);
    let path = path.to_str().unwrap();
    let ended = run(&["check-config", path]);
    assert_eq!(ended.status, Some(0));
    let start = format!("{path}: warning: `liveness.profile` is \"debugger\": ");
    assert!(ended.stderr.starts_with(&start), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stdout.starts_with(&format!("{path}: ok\n")));
}

#[test]
fn a_reader_who_has_seen_enough_changes_no_exit_status() {
    let (stdout, reader) = UnixStream::pair().unwrap();
    drop(reader);
    let mut command = lastword(&["check-config", REFERENCE]);
    command.stdout(Stdio::from(OwnedFd::from(stdout)));
    let (process, _) = Running::start(command);
    let ended = process.end();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_is_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let mut command = lastword(&["check-config", REFERENCE]);
    command.stdout(Stdio::from(full.unwrap()));
    let (process, _) = Running::start(command);
    let ended = process.end();
    assert_eq!(ended.status, Some(1));
    let start = "lastword: standard output cannot be written: ";
    assert!(ended.stderr.starts_with(start), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1);
}
