use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::thread;
use std::time::Instant;

use super::*;

const LIVING: [TcpState; 1] = [TcpState::Established];

/// A connection over loopback, the server's end first.
fn connected(ip: &str) -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind((ip, 0)).expect("loopback");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (server, _) = listener.accept().expect("it connected");
    (listener, server, client)
}

/// The next death: the kernel tells it a moment after the close.
fn death(deaths: &mut Deaths) -> TcpSocket {
    let mut fds = [libc::pollfd {
        fd: deaths.as_fd().as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    }];
    // SAFETY: one entry, which is writable and lives as long as the call.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), 1, 10_000) };
    assert_eq!(ready, 1, "a socket died");
    deaths.read().expect("it reads").expect("it was there")
}

#[test]
fn a_living_connection_is_told_with_its_counters_and_its_death_with_the_same_number() {
    for (ip, family) in [("127.0.0.1", Family::V4), ("::1", Family::V6)] {
        let (listener, mut server, mut client) = connected(ip);
        let local = listener.local_addr().expect("bound");
        let peer = client.local_addr().expect("bound");
        let mut deaths = Deaths::open(&[local.port()], 1 << 16).expect("the kernel tells");
        client.write_all(b"hello").expect("it takes it");
        server.read_exact(&mut [0; 5]).expect("it came");

        let mut sockets = Sockets::open().expect("the kernel answers");
        let mut living = Vec::new();
        let each = |socket: &TcpSocket| living.push(*socket);
        sockets
            .dump(family, Some(local.port()), &LIVING, each)
            .expect("it answers");
        assert_eq!(living.len(), 1, "the server's end only");
        let found = sockets
            .find(local, peer)
            .expect("it answers")
            .expect("it lives");
        assert_eq!(found.cookie, living[0].cookie);
        assert_eq!((found.local, found.peer), (local, peer));
        assert!(found.inode > 0);
        let counters = found.counters.expect("a full socket");
        assert_eq!((counters.bytes_received, counters.data_segs_in), (5, 1));
        assert!(counters.snd_wnd > 0);

        drop(client);
        assert_eq!(server.read(&mut [0]).expect("its FIN"), 0);
        drop(server);
        let dead = death(&mut deaths);
        assert_eq!(
            (dead.cookie, dead.local, dead.peer),
            (found.cookie, local, peer)
        );
        assert_eq!((dead.state, dead.inode), (TcpState::Close, 0));
        let counters = dead.counters.expect("the last ones");
        assert_eq!(counters.bytes_received, 6, "and the FIN");
        assert_eq!(
            deaths.read().expect("it reads"),
            None,
            "the client's end has another port"
        );
        assert_eq!(deaths.lost().expect("it is counted"), 0);
    }
}

#[test]
fn the_end_that_closed_first_leaves_a_mini_socket() {
    let (listener, server, mut client) = connected("127.0.0.1");
    let local = listener.local_addr().expect("bound");
    let peer = client.local_addr().expect("bound");
    drop(server);
    assert_eq!(client.read(&mut [0]).expect("its FIN"), 0);
    drop(client);
    let mut sockets = Sockets::open().expect("the kernel answers");
    // On a busy machine the kernel looks at the last segments a moment later.
    let begun = Instant::now();
    let mut state = |from, to| {
        let found = sockets.find(from, to).expect("it answers");
        assert!(begun.elapsed() < Duration::from_secs(10), "{found:?}");
        found.map(|found| (found.state, found.counters))
    };
    while state(local, peer) != Some((TcpState::TimeWait, None)) {}
    while state(peer, local).is_some() {}
}

#[test]
fn what_the_queue_has_no_room_for_is_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let local = listener.local_addr().expect("bound");
    let mut deaths = Deaths::open(&[local.port()], 1).expect("the kernel tells");
    let mut sent = 0;
    while deaths.lost().expect("it is counted") == 0 {
        assert!(sent < 10_000, "the queue is small");
        let client = TcpStream::connect(local).expect("it listens");
        let (server, _) = listener.accept().expect("it connected");
        // The server resets the connection, so nothing waits.
        SockRef::from(&server)
            .set_linger(Some(Duration::ZERO))
            .expect("a socket");
        drop((server, client));
        sent += 1;
    }
    // The kernel tells of the last ones a moment later.
    let (mut told, begun) = (0, Instant::now());
    while told + deaths.lost().expect("it is counted") != sent {
        told += u32::from(deaths.read().expect("it reads").is_some());
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{told} of {sent}"
        );
        thread::yield_now();
    }
}

#[test]
fn the_counters_of_aborts_are_read_by_name() {
    abort_counters().expect("Linux has them");
    let text = "TcpExt: A B\nTcpExt: 1 2\nIpExt: B\nIpExt: 3\n";
    assert_eq!(counter(text, "TcpExt:", "B"), Some(2));
    assert_eq!(counter(text, "IpExt:", "B"), Some(3));
    assert_eq!(counter(text, "TcpExt:", "C"), None);
    assert_eq!(counter("TcpExt: A", "TcpExt:", "A"), None);
}

#[test]
fn a_cut_or_foreign_message_is_no_socket() {
    let mut body = vec![Family::V4.number(), 1];
    body.resize(MSG_LEN, 0);
    assert!(socket(&body).is_some());
    for len in 0..MSG_LEN {
        assert_eq!(socket(&body[..len]), None, "{len}");
    }
    // An attribute: UDP.
    body.extend([5, 0, 10, 0, 17, 0, 0, 0]);
    assert_eq!(socket(&body), None);
    assert!(Messages(&[0; 3]).next().is_none());
    assert!(Messages(&[0xff; 16]).next().is_none());
}
