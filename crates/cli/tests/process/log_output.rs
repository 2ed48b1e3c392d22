//! Tests that the log loses no line and breaks none where standard error is slow, full or closed.

use std::fs::{self, File};
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use lastword_netlab::Skip;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use nix::unistd::pipe2;
use serde_json::Value;

use crate::command::{DEADLINE, SERVE, Serving, caught, run};
use crate::player::{DATA, Player};

#[test]
fn a_pipe_that_is_read_late_loses_no_line_and_breaks_none() {
    for flags in [OFlag::empty(), OFlag::O_NONBLOCK] {
        let (serving, reader) = with_small_pipe(flags);
        come_and_go(serving.game);
        let log = read_all(reader);
        serving.process.signal(Signal::SIGTERM);
        let log = log.recv_timeout(DEADLINE).expect("the log ends");
        assert_eq!(goodbyes(&log), PLAYERS, "{flags:?}");
        assert_eq!(serving.process.end().status, Some(0));
    }
}

#[test]
fn a_server_ends_although_its_log_is_not_read() {
    let (serving, _reader) = with_small_pipe(OFlag::empty());
    come_and_go(serving.game);
    serving.process.signal(Signal::SIGTERM);
    assert_eq!(serving.process.end().status, Some(0));
}

#[test]
fn a_server_goes_on_when_the_reader_of_its_log_has_gone() {
    let (serving, reader) = with_small_pipe(OFlag::empty());
    drop(reader);
    come_and_go(serving.game);
    echoes(serving.game);
    serving.process.signal(Signal::SIGTERM);
    assert_eq!(serving.process.end().status, Some(0));
}

#[test]
fn a_file_at_its_size_limit_ends_nothing_and_loses_nothing_once_it_may_grow() {
    let log = folder("size_limit").join("log");
    fs::write(&log, "").unwrap();
    let begin = "ulimit -S -f 40";
    let serving = Serving::start(script(begin, &log));
    come_and_go(serving.game);
    until("the log is at its limit", || size(&log) == 40 * 512);
    echoes(serving.game);

    let pid = serving.process.pid().to_string();
    let raised = Command::new("prlimit")
        .args(["--pid", &pid, "--fsize=unlimited:"])
        .status();
    assert!(raised.unwrap().success());
    until("the log goes on", || begun(&log) == PLAYERS);
    serving.process.signal(Signal::SIGTERM);
    assert_eq!(serving.process.end().status, Some(0));
    assert_eq!(goodbyes(&fs::read_to_string(&log).unwrap()), PLAYERS);
}

#[test]
fn a_full_disk_ends_nothing_and_loses_nothing_once_there_is_room() {
    let test = "a_full_disk_ends_nothing_and_loses_nothing_once_there_is_room";
    let Some((serving, inside)) = with_full_disk(test) else {
        return;
    };
    let log = inside.join("log");
    let mut end = File::open(&log).unwrap();
    fs::remove_file(inside.join("other")).unwrap();
    until("the log goes on", || begun(&log) == PLAYERS);
    serving.process.signal(Signal::SIGTERM);
    assert_eq!(serving.process.end().status, Some(0));
    let mut text = String::new();
    end.read_to_string(&mut text).unwrap();
    assert_eq!(goodbyes(&text), PLAYERS);
}

#[test]
fn a_disk_that_stays_full_gets_no_half_line_at_the_end() {
    let test = "a_disk_that_stays_full_gets_no_half_line_at_the_end";
    let Some((serving, inside)) = with_full_disk(test) else {
        return;
    };
    let mut end = File::open(inside.join("log")).unwrap();
    serving.process.signal(Signal::SIGTERM);
    assert_eq!(serving.process.end().status, Some(0));
    let mut text = String::new();
    end.read_to_string(&mut text).unwrap();
    let lines = lines(&text);
    let written = lines.iter().filter(|line| is_goodbye(line)).count();
    assert!((1..PLAYERS).contains(&written), "{written}");
    // The line with their number may not fit.
    let lost = lines.last().unwrap()["lost"].as_u64();
    let is_right = |lost| lost >= (PLAYERS - written) as u64;
    assert!(lost.is_none_or(is_right), "{written} and {lost:?}");
}

/// The process that wrote it was killed, or its disk was full.
#[test]
fn half_a_line_of_an_earlier_server_is_not_glued_to_the_first_one() {
    let log = folder("half_a_line").join("log");
    fs::write(&log, "{\"half\":").unwrap();
    let serving = Serving::start(script("true", &log));
    Player::join(serving.game).leave("");
    serving.process.signal(Signal::SIGTERM);
    assert_eq!(serving.process.end().status, Some(0));
    let text = fs::read_to_string(&log).unwrap();
    let (half, rest) = text.split_once('\n').unwrap();
    assert_eq!((half, goodbyes(rest)), ("{\"half\":", 1));
}

#[test]
fn an_error_that_ends_the_server_is_a_line_of_json_where_asked() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    for level in ["info", "off"] {
        let args = ["serve", "--listen", &taken, "--admin", "off"];
        let ended = run(&[&args[..], &["--log", level, "--log-format", "json"]].concat());
        assert_eq!(ended.status, Some(1));
        let line: Value = serde_json::from_str(&ended.stderr).unwrap();
        assert_eq!(line["level"], "ERROR");
        let words = line["message"].as_str().unwrap();
        assert!(words.starts_with("lastword: cannot "), "{words}");
    }
}

/// A server whose standard error is a pipe of one page.
fn with_small_pipe(flags: OFlag) -> (Serving, OwnedFd) {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(flags)).unwrap();
    fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4_096)).unwrap();
    let mut command = caught("sh");
    command.args(["-c", &format!("exec {SERVE} --log-format json")]);
    command.stderr(Stdio::from(writer));
    (Serving::start(command), reader)
}

/// A server whose log has filled its disk, and the folder of the disk; `None` where this cannot be.
fn with_full_disk(test: &str) -> Option<(Serving, PathBuf)> {
    let folder = folder(test);
    if let Err(skip) = mount_namespace(&folder) {
        skip.report(test).unwrap();
        return None;
    }
    let begin = format!(
        "cd '{}' && mount -t tmpfs -o size=256k tmpfs . && cd \"$PWD\" && head -c 224K /dev/zero >other",
        folder.display()
    );
    let mut command = caught("unshare");
    command
        .args(UNSHARE)
        .arg("sh")
        .args(script(&begin, Path::new("log")).get_args());
    let serving = Serving::start(command);
    // Only the server's namespace has the disk.
    let inside = PathBuf::from(format!("/proc/{}/cwd", serving.process.pid()));
    let log = inside.join("log");
    come_and_go(serving.game);
    until("the disk is full", || size(&log) == 32 * 1024);
    echoes(serving.game);
    Some((serving, inside))
}

/// A shell that does `begin`, and then starts a server whose standard error is the end of this file.
fn script(begin: &str, log: &Path) -> Command {
    let mut command = caught("sh");
    let log = log.display();
    command.args([
        "-c",
        &format!("{begin} && exec {SERVE} --log-format json 2>>'{log}'"),
    ]);
    command
}

/// Tries to mount something here in a new namespace.
fn mount_namespace(folder: &Path) -> Result<(), Skip> {
    let tried = Command::new("unshare")
        .args(UNSHARE)
        .args(["mount", "-t", "tmpfs", "tmpfs"])
        .arg(folder)
        .output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(Skip::new(&String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(Skip::new(&format!("unshare: {error}"))),
    }
}

/// Players join and leave. Some of their lines in the log are longer than a pipe takes at once.
fn come_and_go(game: SocketAddr) {
    for n in 0..PLAYERS {
        let len = if n % 10 == 0 { 500 } else { 0 };
        Player::join(game).leave(&"\u{1b}".repeat(len));
    }
}

/// The server serves.
fn echoes(game: SocketAddr) {
    let mut player = Player::join(game);
    player.write(DATA, b"still");
    assert_eq!(player.read(), (DATA, b"still".to_vec()));
}

/// Counts the players that left, and makes sure that each line is whole and that none tells of lost lines.
fn goodbyes(log: &str) -> usize {
    let lines = lines(log);
    let mut told = lines.iter().filter(|line| !line["lost"].is_null());
    assert_eq!(told.next(), None);
    lines.iter().filter(|line| is_goodbye(line)).count()
}

fn is_goodbye(line: &Value) -> bool {
    line["cause"] == "peer_goodbye"
}

/// The lines of a log, each of which must be whole.
fn lines(log: &str) -> Vec<Value> {
    let value = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    log.lines().map(value).collect()
}

/// Counts the lines about players that left, also one that is not whole.
fn begun(log: &Path) -> usize {
    let text = fs::read_to_string(log).unwrap();
    text.matches(r#""cause":"peer_goodbye""#).count()
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "{what}");
        thread::yield_now();
    }
}

/// Reads up to the end on a thread of its own.
fn read_all(reader: OwnedFd) -> Receiver<String> {
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut text = String::new();
        File::from(reader).read_to_string(&mut text).unwrap();
        tell.send(text)
    });
    told
}

/// A folder of this test.
fn folder(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&path).unwrap();
    path
}

const PLAYERS: usize = 60;
const UNSHARE: [&str; 3] = ["--user", "--map-root-user", "--mount"];
