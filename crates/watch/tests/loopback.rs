//! Real connections of this process, watched as any other program could.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use lastword_watch::{Certainty, End, Label, Watcher};
use socket2::SockRef;

struct Scene {
    watcher: Watcher,
    listener: TcpListener,
}

impl Scene {
    fn new(ip: &str) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        Self {
            watcher: Watcher::open(&[port], 1 << 20).expect("the kernel tells"),
            listener,
        }
    }

    /// A connection, the server's end first. Each end has sent a byte, and read it.
    fn connects(&self) -> (TcpStream, TcpStream) {
        let mut client =
            TcpStream::connect(self.listener.local_addr().expect("bound")).expect("it listens");
        let (mut server, _) = self.listener.accept().expect("it connected");
        client.write_all(b"c").expect("it takes it");
        server.read_exact(&mut [0]).expect("it came");
        server.write_all(b"s").expect("it takes it");
        client.read_exact(&mut [0]).expect("it came");
        (server, client)
    }

    /// Lets a poll see all connections.
    fn is_polled(&mut self) {
        while !self
            .watcher
            .turn(Instant::now() + PATIENCE)
            .expect("it watches")
            .polled
        {}
    }

    /// The next end.
    fn end(&mut self) -> End {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut ends = self.watcher.turn(deadline).expect("it watches").ends;
            if let Some(end) = ends.pop() {
                assert!(ends.is_empty(), "one at a time");
                return end;
            }
            assert!(Instant::now() < deadline, "an end is told");
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(10);

fn resets(stream: &TcpStream) {
    SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .expect("a socket");
}

/// The server reads until its peer has closed.
fn reads_all(server: &mut TcpStream) {
    while server.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
}

type Death = fn(TcpStream, TcpStream);

/// The name, the death, its label, and whether it is proven with a poll and without.
const DEATHS: [(&str, Death, Label, [Certainty; 2]); 7] = [
    (
        "the peer closes",
        |mut server, client| {
            drop(client);
            reads_all(&mut server);
        },
        Label::PeerFin,
        [Certainty::Proven, Certainty::Unpolled],
    ),
    (
        "the server closes first",
        |server, client| {
            drop(server);
            let mut client = client;
            reads_all(&mut client);
        },
        Label::ServerClosed,
        [Certainty::Proven, Certainty::Proven],
    ),
    (
        "the server shuts its side, and reads the rest",
        |mut server, client| {
            server.shutdown(Shutdown::Write).expect("it is open");
            let mut client = client;
            reads_all(&mut client);
            drop(client);
            reads_all(&mut server);
        },
        Label::ServerClosed,
        [Certainty::Proven, Certainty::Proven],
    ),
    (
        "the peer resets",
        |mut server, client| {
            resets(&client);
            drop(client);
            reads_all(&mut server);
        },
        Label::PeerReset,
        [Certainty::Proven, Certainty::Unpolled],
    ),
    (
        "the peer resets what the server has not read",
        |server, mut client| {
            client.write_all(b"unread").expect("it takes it");
            resets(&client);
            drop((client, server));
        },
        Label::PeerReset,
        [Certainty::Proven, Certainty::Unpolled],
    ),
    (
        "the server closes with unread input",
        |server, mut client| {
            client.write_all(b"unread").expect("it takes it");
            drop((server, client));
        },
        Label::ServerAborted,
        [Certainty::Inferred, Certainty::Unpolled],
    ),
    (
        "the server resets",
        |server, client| {
            resets(&server);
            drop((server, client));
        },
        Label::ServerAborted,
        [Certainty::Proven, Certainty::Proven],
    ),
];

#[test]
fn each_death_is_told_once_with_its_label_over_both_families() {
    for ip in ["127.0.0.1", "::1"] {
        let mut scene = Scene::new(ip);
        for (name, dies, label, certainties) in DEATHS {
            for (polls, certainty) in [true, false].into_iter().zip(certainties) {
                let (server, client) = scene.connects();
                let peer = client.local_addr().expect("bound");
                if polls {
                    scene.is_polled();
                }
                dies(server, client);
                let end = scene.end();
                let is_told = end.decision.label == label;
                // Without a poll, aborts of the other programs here may explain it as well.
                let is_open = !polls && end.decision.certainty != Certainty::Proven;
                assert!(is_told || is_open, "{name}, {ip}, polls: {polls}: {end:?}");
                let sure = end.decision.certainty;
                assert!(sure >= certainty, "{name}, {ip}, polls: {polls}: {sure}");
                if polls {
                    assert_eq!(end.peer(), Some(peer), "{name}");
                }
            }
        }
        assert_eq!(scene.watcher.lost().expect("it is counted"), 0);
    }
}

#[test]
fn a_living_connection_is_counted_as_what_it_suffers_from() {
    let mut scene = Scene::new("127.0.0.1");
    let (server, client) = scene.connects();
    let (half_closed, other) = scene.connects();
    drop(other);
    server.set_nonblocking(true).expect("a socket");
    while (&server).write(&[0; 1 << 16]).is_ok() {}
    // The kernel moves the last bytes a moment later.
    let begun = Instant::now();
    loop {
        scene.is_polled();
        let living = scene.watcher.living()[0];
        if (living.established, living.not_reading, living.half_closed) == (1, 1, 1) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{living:?}");
    }
    drop((server, client, half_closed));
}
