//! The other end as its own process, which exits or is killed. It is this test binary, executed again.

use std::env;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{self, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use lastword_session::Role;
use lastword_tests::{PATIENCE, hello, within};
use tokio::net::TcpListener;

use crate::far::{frames, half_a_frame};
use crate::rig::Rig;

/// The state of a child when its end comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pose {
    /// It is in the middle of a frame.
    pub(crate) mid_frame: bool,
    /// It has not read our data.
    pub(crate) unread: bool,
}

/// A client in a process of its own.
pub(crate) struct Child {
    process: process::Child,
    stdin: Option<ChildStdin>,
}

impl Child {
    /// A live connection with a child that has sent its frames and is in the state `pose`.
    pub(crate) async fn pair(pose: Pose) -> (Rig, Self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let mut child = Self::spawn(listener.local_addr().expect("an address"), pose);
        let (near, _) = within("accept", listener.accept())
            .await
            .expect("a connection");
        let mut rig = Rig::new(near, Role::Server);
        rig.until_live().await;
        if pose.unread {
            rig.send(b"never read");
            rig.write().await.expect("room to write");
        }
        child.until_ready();
        (rig, child)
    }

    /// The child calls `exit`.
    pub(crate) fn exit(mut self) {
        self.stdin = None;
        assert!(
            self.process.wait().expect("wait").success(),
            "the child exits in order"
        );
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("SIGKILL");
        assert!(
            !self.process.wait().expect("wait").success(),
            "the child was killed"
        );
    }

    fn spawn(addr: SocketAddr, pose: Pose) -> Self {
        let mut process = Command::new(env::current_exe().expect("this test"))
            .args([
                "--exact",
                "child::the_other_end",
                "--include-ignored",
                "--nocapture",
            ])
            .env(ADDR, addr.to_string())
            .env(MID_FRAME, pose.mid_frame.to_string())
            .env(UNREAD, pose.unread.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a child");
        let stdin = process.stdin.take();
        Self { process, stdin }
    }

    fn until_ready(&mut self) {
        let mut line = String::new();
        let stderr = self.process.stderr.take().expect("a pipe");
        BufReader::new(stderr).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
    }
}

/// Not a test: the code that a child runs.
#[test]
#[ignore = "the other end of the rows with processes, which execute it themselves"]
fn the_other_end() {
    let Ok(addr) = env::var(ADDR) else { return };
    let mut stream = TcpStream::connect(addr).expect("connect");
    stream.write_all(&hello(b"ann")).expect("hello");
    let mut header = [0; 4];
    stream.read_exact(&mut header).expect("welcome");
    let len = u32::from_be_bytes(header) >> 8;
    let mut welcome = vec![0; usize::try_from(len).expect("short")];
    stream.read_exact(&mut welcome).expect("welcome");

    stream.write_all(&frames()).expect("room for frames");
    if is_set(MID_FRAME) {
        stream
            .write_all(&half_a_frame())
            .expect("room for half a frame");
    }
    if is_set(UNREAD) {
        stream.peek(&mut [0]).expect("something to leave unread");
    }
    until_acknowledged(&stream);
    eprintln!("ready");
    let _end = std::io::stdin().read(&mut [0]);
    process::exit(0);
}

fn until_acknowledged(stream: &TcpStream) {
    let deadline = Instant::now() + PATIENCE;
    let sample = || lastword_sys::sample(lastword_sys::borrow(stream));
    while sample().expect("TCP_INFO").outq > 0 {
        assert!(Instant::now() < deadline, "everything is acknowledged");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn is_set(key: &str) -> bool {
    env::var(key).is_ok_and(|value| value == "true")
}

const ADDR: &str = "LASTWORD_CHILD_ADDR";
const MID_FRAME: &str = "LASTWORD_CHILD_MID_FRAME";
const UNREAD: &str = "LASTWORD_CHILD_UNREAD";
