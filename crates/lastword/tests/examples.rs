//! Runs each example as a reader would: a client plays against it, and then a signal ends it.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails at once"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use lastword::client::Client;
use lastword::{Kick, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::TcpSocket;

/// A running example, which is killed when dropped.
struct Example {
    child: Child,
    /// The lines of its output, until it ends.
    lines: Receiver<String>,
    addr: SocketAddr,
}

impl Example {
    /// Starts a server on a free port.
    fn start(name: &str) -> Self {
        let mut example = Self::with_addr(name, "127.0.0.1:0".parse().unwrap());
        let line = example.says("listening on ");
        let addr = line.trim().strip_prefix("listening on ").expect(&line);
        example.addr = addr.parse().unwrap();
        example
    }

    /// Starts an example that is given this address.
    fn with_addr(name: &str, addr: SocketAddr) -> Self {
        let path = built().join(name);
        let mut child = Command::new(&path)
            .arg(addr.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines = lines_of(child.stdout.take().unwrap());
        Self { child, lines, addr }
    }

    /// Reads the output up to a line that contains these words.
    fn says(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|error| panic!("no word of {words:?}: {error}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Sends Ctrl-C, waits for a successful end, and returns the rest of the output.
    fn ends(mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while !self.catches_ctrl_c() {
            assert!(Instant::now() < deadline, "it catches Ctrl-C");
            thread::yield_now();
        }
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        // An example that does not end is killed, and fails by its status.
        let (ended, waits) = channel::<()>();
        let watchdog = thread::spawn(move || {
            if waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                kill(pid, Signal::SIGKILL).ok();
            }
        });
        let rest: String = self.lines.iter().collect();
        drop(ended);
        watchdog.join().unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        rest
    }
}

impl Example {
    /// Asks the kernel, because a quick test may send the signal before the example catches it.
    fn catches_ctrl_c(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
        caught & (1 << (Signal::SIGINT as i32 - 1)) != 0
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // After a successful test the process has already ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Reads on a thread of its own, so that a line that never comes holds up no test.
fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (tell, lines) = channel();
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        while stdout.read_line(&mut line).is_ok_and(|read| read > 0) {
            if tell.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    lines
}

/// The directory of the examples. A run of all tests has already built them.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // With the features of the whole workspace, so that a run of all tests compiles nothing twice.
        let build = ["build", "--quiet", "--workspace", "--examples"];
        let status = Command::new(env!("CARGO")).args(build).status();
        assert!(status.unwrap().success(), "the examples are built");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        target.join("debug/examples")
    })
}

async fn join(example: &Example, name: &'static str) -> Client {
    within(Client::connect(example.addr, name)).await.unwrap()
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

#[tokio::test]
async fn echo_sends_frames_back_and_tells_why_a_session_ended() {
    let example = Example::start("echo");
    let mut ann = join(&example, "ann").await;
    ann.send(b"hi").unwrap();
    assert_eq!(within(ann.recv()).await.as_deref(), Some(&b"hi"[..]));
    within(ann.goodbye()).await;
    example.says("peer_goodbye in live");
    example.ends();
}

#[tokio::test]
async fn handler_is_a_chat_that_announces_players_and_kicks_spammers() {
    let example = Example::start("handler");
    let mut ann = join(&example, "ann").await;
    let bob = join(&example, "bob").await;
    assert_eq!(
        within(ann.recv()).await.as_deref(),
        Some(&b"bob is here"[..])
    );
    bob.send(b"hello, ann").unwrap();
    assert_eq!(
        within(ann.recv()).await.as_deref(),
        Some(&b"hello, ann"[..])
    );
    bob.send(b"/spam").unwrap();
    let left = within(ann.recv()).await;
    assert_eq!(left.as_deref(), Some(&b"somebody left: kicked"[..]));
    example.says("after 2 messages: kicked in live");
    within(ann.goodbye()).await;
    example.ends();
}

#[tokio::test]
async fn tick_loop_sends_all_positions_to_all_players_without_a_runtime() {
    let example = Example::start("tick_loop");
    let mut ann = join(&example, "ann").await;
    example.says("ann joined from 127.0.0.1");
    ann.send([3, 4]).unwrap();
    loop {
        if within(ann.recv()).await.unwrap()[..] == [3, 4] {
            break;
        }
    }
    within(ann.goodbye()).await;
    example.says("left: peer_goodbye in live");
    assert!(example.ends().contains("saving, 30s to go"));
}

#[test]
fn existing_protocol_answers_pings_in_its_own_wire_and_hears_its_goodbye() {
    let example = Example::start("existing_protocol");
    let mut old = TcpStream::connect(example.addr).unwrap();
    old.set_read_timeout(Some(PATIENCE)).unwrap();
    // A login, a message and a ping, each with length, opcode and body.
    old.write_all(b"\x04\x00\x01ann\x03\x00\x00hi\x02\x00\x02?")
        .unwrap();
    let expected = [&b"\x04\x00\x00ann"[..], b"\x03\x00\x00hi", b"\x02\x00\x03?"];
    let mut answers = vec![0; expected.concat().len()];
    old.read_exact(&mut answers).unwrap();
    for answer in expected {
        let is_there = answers.windows(answer.len()).any(|bytes| bytes == answer);
        assert!(is_there, "{answer:?} in {answers:?}");
    }
    // A goodbye.
    old.write_all(b"\x01\x00\x04").unwrap();
    example.says("peer_goodbye in live");
    example.ends();
}

/// The server needs a worker of its own, since reading the example's output blocks this thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnecting_waits_for_its_server_and_comes_back_after_a_kick() {
    // It keeps its port from others, and does not listen: the server can bind beside it.
    let held = TcpSocket::new_v4().unwrap();
    held.set_reuseaddr(true).unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = held.local_addr().unwrap();
    let example = Example::with_addr("reconnecting", addr);
    example.says("no program listens there; again in ");
    let mut server = Server::builder()
        .listen(addr.to_string())
        .bind()
        .await
        .unwrap();
    let mut session = within(server.accept()).await.unwrap();
    let begun = example.says("has begun");
    assert_eq!(begun.trim(), format!("session {} has begun", session.id()));
    within(session.recv()).await.unwrap();
    session.send("hello, ann").unwrap();
    example.says("hello, ann");
    let kick = Kick::because("come back").with_delay(Duration::ZERO);
    within(session.kick(kick)).await;
    example.says("the server kicked us (kicked): \"come back\"");
    let session = within(server.accept()).await.unwrap();
    let begun = example.says("has begun");
    assert_eq!(begun.trim(), format!("session {} has begun", session.id()));
    assert!(example.ends().contains("closed_by_game: we said goodbye"));
}

#[tokio::test]
async fn own_recorder_shows_the_layers_series_beside_the_games() {
    let example = Example::start("own_recorder");
    let mut ann = join(&example, "ann").await;
    ann.send(b"hi").unwrap();
    assert_eq!(within(ann.recv()).await.as_deref(), Some(&b"hi"[..]));
    within(ann.goodbye()).await;
    let rendered = example.ends();
    for line in [
        "game_messages_total 1",
        r#"lastword_sessions_joined_total{server="eu-1"} 1"#,
        r#"lastword_sessions_open{server="eu-1"} 0"#,
    ] {
        assert!(
            rendered.lines().any(|of| of == line),
            "{line} in {rendered}"
        );
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
