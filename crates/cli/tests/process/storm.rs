use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::command::{DEADLINE, Ended, Running, config_file, lastword, run, serve};
use crate::metrics::shown;

const SMOKE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/storm/smoke.toml");
const EVERY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../config/storm/every-ending.toml"
);

fn storm(server: SocketAddr, admin: SocketAddr, scenario: &str, more: &[&str]) -> Ended {
    run(&[
        &args(server, admin, scenario).each_ref().map(String::as_str),
        more,
    ]
    .concat())
}

fn args(server: SocketAddr, admin: SocketAddr, scenario: &str) -> [String; 7] {
    let words = [
        "storm",
        "--server",
        "",
        "--admin",
        "",
        "--scenario",
        scenario,
    ];
    let mut args = words.map(str::to_owned);
    (args[2], args[4]) = (server.to_string(), admin.to_string());
    args
}

/// The result of a storm that does not start: its status and its only error line. An earlier line with the
/// requirements may precede that.
fn refused(ended: &Ended) -> (Option<i32>, &str) {
    assert_eq!(ended.stdout, "", "{}", ended.stderr);
    let lines = ended.stderr.trim_end();
    let line = match lines.split_once('\n') {
        Some((first, line)) if first.starts_with("storm: the game at ") => line,
        Some(_) | None => lines,
    };
    assert_eq!(line.lines().count(), 1, "{}", ended.stderr);
    (ended.status, line)
}

fn scenario(test: &str, text: &str) -> String {
    config_file(test, text).to_str().unwrap().to_owned()
}

/// Returns an address without a listener.
fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn json() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("storm.json")
}

#[test]
fn five_hundred_connections_that_end_in_every_way_are_recorded_right() {
    let serving = serve(&["--game", "storm"]);
    let path = json();
    let more = ["--connections", "500", "--json", path.to_str().unwrap()];
    let ended = storm(serving.game, serving.admin.unwrap(), SMOKE, &more);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    let verdict = "right: 500 connections judged, 0 wrong causes, both laws intact";
    assert!(
        ended.stdout.ends_with(&format!("{verdict}\n")),
        "{}",
        ended.stdout
    );
    let game = serving.game;
    let needs = format!(
        "storm: the game at {game} must echo (send each data frame back, and no others) and obey the clients; \
         `lastword serve --game storm` does, and is not for players\n"
    );
    assert_eq!(ended.stderr, needs, "the report is on standard output");

    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(report["right"], true);
    assert_eq!(report["records"], 500);
    assert_eq!(report["findings"], serde_json::json!({}));
    assert!(
        report["matrix"].as_array().unwrap().len() > 20,
        "{report:#}"
    );
}

#[test]
fn a_server_that_judges_otherwise_is_found_and_the_status_is_1() {
    let config = config_file("storm_small", "[limits]\nframe_bytes_max = 1024\n");
    let serving = serve(&["--game", "storm", "--config", config.to_str().unwrap()]);
    let text = "connections = 40\nframes = [0, 1]\npayload_bytes = [2000, 2000]\n[ways]\nexit_unread = 1\n";
    let scenario = scenario("storm_large", text);
    let ended = storm(serving.game, serving.admin.unwrap(), &scenario, &[]);
    assert_eq!(ended.status, Some(1), "{}", ended.stdout);
    let row = ended
        .stdout
        .lines()
        .find(|line| line.ends_with("WRONG"))
        .unwrap();
    assert!(row.starts_with("peer_reset in live "), "{row}");
    assert!(row.contains(" frame_too_large in live "), "{row}");
    let line = ended.stderr.lines().last().unwrap();
    assert!(
        line.starts_with("lastword: the storm found faults: "),
        "{line}"
    );
}

#[test]
fn a_server_or_an_admin_port_that_is_not_there_is_reported_in_one_line() {
    let serving = serve(&[]);
    let admin = serving.admin.unwrap();
    let cases = [
        (
            nowhere(),
            admin,
            "cannot run the storm at",
            "no program listens there",
        ),
        (
            serving.game,
            nowhere(),
            "cannot reach the admin port at",
            "no program listens there",
        ),
        (
            serving.game,
            serving.game,
            "does not speak HTTP, or stopped: ",
            ": is this the server's admin address?",
        ),
        (
            admin,
            admin,
            "cannot run the storm at",
            "no welcome: is it a lastword server?",
        ),
    ];
    let text = "connections = 10\n[ways]\nfin = 1\n";
    for (server, admin, what, why) in cases {
        let ended = storm(server, admin, &scenario("storm_nowhere", text), &[]);
        let (status, line) = refused(&ended);
        assert_eq!(status, Some(1));
        assert!(line.contains(what) && line.contains(why), "{line}");
    }
}

#[test]
fn the_admin_port_of_another_server_is_reported() {
    let (serving, other) = (serve(&[]), serve(&[]));
    let text = "connections = 10\n[ways]\nfin = 1\n";
    let scenario = scenario("storm_other", text);
    let ended = storm(serving.game, other.admin.unwrap(), &scenario, &[]);
    let (status, line) = refused(&ended);
    assert_eq!(status, Some(1));
    assert!(
        line.contains("is that the admin port of the same server?"),
        "{line}"
    );
}

#[test]
fn a_game_that_does_not_obey_is_reported_with_the_ways_that_need_it() {
    let serving = serve(&[]);
    let scenario = scenario("storm_echo", "[ways]\nfin = 1\nkicked = 1\nclosed = 0\n");
    let ended = storm(serving.game, serving.admin.unwrap(), &scenario, &[]);
    let (status, line) = refused(&ended);
    assert_eq!(status, Some(1));
    assert!(
        line.contains("does not obey the storm, which kicked need"),
        "{line}"
    );
    assert!(line.contains("lastword serve --game storm"), "{line}");
}

#[test]
fn a_game_that_echoes_does_for_the_ways_that_need_no_help() {
    let serving = serve(&[]);
    let text =
        "connections = 100\n[ways]\nfin = 1\nreset = 1\nexit_unread = 1\nclient_goodbye = 1\n";
    let ended = storm(
        serving.game,
        serving.admin.unwrap(),
        &scenario("storm_plain", text),
        &[],
    );
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn the_storm_says_what_the_game_must_do_before_it_begins() {
    let serving = serve(&[]);
    let (game, admin) = (serving.game, serving.admin.unwrap());
    for (frames, needs) in [
        (
            "[0, 4]",
            "must echo: send each data frame back, and no others",
        ),
        ("[0, 0]", "must send no frames of its own"),
    ] {
        let text = format!("connections = 10\nframes = {frames}\n[ways]\nfin = 1\n");
        let ended = storm(game, admin, &scenario("storm_needs", &text), &[]);
        assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
        let expected = format!("storm: the game at {game} {needs}; `lastword serve` ");
        assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
    }
    let help = run(&["storm", "--help"]).stdout;
    assert!(help.contains("The server's game must echo"), "{help}");
}

#[test]
fn a_host_name_does_for_the_game_and_for_the_admin_port() {
    let serving = serve(&[]);
    let text = "connections = 10\n[ways]\nfin = 1\n";
    let mut args = args(
        serving.game,
        serving.admin.unwrap(),
        &scenario("storm_names", text),
    );
    for addr in [2, 4] {
        args[addr] = args[addr].replace("127.0.0.1", "localhost");
    }
    let ended = run(&args.each_ref().map(String::as_str));
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);

    args[2] = "localhost".to_owned();
    let ended = run(&args.each_ref().map(String::as_str));
    assert_eq!(ended.status, Some(2));
    let words = "\"localhost\" has no port: write HOST:PORT";
    assert!(ended.stderr.contains(words), "{}", ended.stderr);
}

#[test]
fn an_admin_port_with_a_token_takes_the_file_that_has_it() {
    let file = |test, text: &str| scenario(test, text);
    let token = file("storm_token", "0123456789abcdef\n");
    let config = config_file(
        "storm_token_config",
        format!("[admin]\ntoken_file = \"{token}\"\n"),
    );
    let serving = serve(&["--config", config.to_str().unwrap()]);
    let (game, admin) = (serving.game, serving.admin.unwrap());
    let played = file("storm_tokened", "connections = 10\n[ways]\nfin = 1\n");
    let play = |more: &[&str]| storm(game, admin, &played, more);

    let ended = play(&["--token-file", &token]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);

    let other = file("storm_token_other", "fedcba9876543210\n");
    for (more, words) in [
        (&[][..], "asks for a token (401)"),
        (
            &["--token-file", other.as_str()][..],
            "refused the token (401)",
        ),
    ] {
        let ended = play(more);
        let (status, line) = refused(&ended);
        assert_eq!(status, Some(1));
        assert!(line.contains(words), "{line}");
        assert!(!line.contains("fedcba"), "{line}");
    }

    let ended = play(&["--token-file", "no/such/file"]);
    let expected = "no/such/file: there is no such file: check the path after --token-file";
    assert_eq!(refused(&ended), (Some(2), expected));
    let empty = file("storm_token_empty", "\n");
    let ended = play(&["--token-file", &empty]);
    let (status, line) = refused(&ended);
    assert_eq!(status, Some(2));
    assert!(line.starts_with(&format!("{empty}: a token is ")), "{line}");
}

#[test]
fn a_file_that_is_no_scenario_is_reported_and_the_status_is_2() {
    let anywhere = nowhere();
    let missing = storm(anywhere, anywhere, "no/such/file.toml", &[]);
    let expected = "no/such/file.toml: there is no such file: check the path after --scenario";
    assert_eq!(refused(&missing), (Some(2), expected));

    let path = scenario("storm_typo", "[ways]\nfni = 1\n");
    let ended = storm(anywhere, anywhere, &path, &[]);
    let expected = format!("{path}:2: there is no way `fni`; did you mean `fin`?");
    assert_eq!(refused(&ended), (Some(2), expected.as_str()));

    let ended = storm(
        anywhere,
        anywhere,
        EVERY,
        &["--json", "no/such/directory/report.json"],
    );
    let (status, line) = refused(&ended);
    assert_eq!(status, Some(2));
    assert!(
        line.contains("cannot write no/such/directory/report.json"),
        "{line}"
    );
}

#[test]
fn an_interrupted_storm_prints_what_there_is_and_its_status_is_130() {
    let serving = serve(&["--game", "storm"]);
    let admin = serving.admin.unwrap();
    let text = "connections = 100000\nrate_per_second = 100\n[ways]\nfin = 1\nreset = 1\n";
    let args = args(serving.game, admin, &scenario("storm_slow", text));
    let (process, stdout) = Running::start(lastword(&args.each_ref().map(String::as_str)));
    until_opened(admin, 20.0);
    process.signal(Signal::SIGINT);

    let ended = process.end();
    let report = std::io::read_to_string(stdout.unwrap()).unwrap();
    assert_eq!(ended.status, Some(130), "{report}{}", ended.stderr);
    assert!(report.contains("right, stopped early: "), "{report}");
    let line = ended.stderr.lines().last().unwrap();
    assert!(line.starts_with("lastword: interrupted after "), "{line}");
    assert!(line.ends_with(" of 100000 connections"), "{line}");
}

/// Waits until this many connections were opened.
fn until_opened(admin: SocketAddr, count: f64) {
    let start = Instant::now();
    while shown(admin, "lastword_connections_opened_total") < count {
        assert!(start.elapsed() < DEADLINE);
    }
}
