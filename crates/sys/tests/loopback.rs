//! Compares the readings with real sockets on loopback, and with descriptors that are not TCP
//! sockets.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "the helpers below stand outside the test functions that the lint exempts"
)]

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use lastword_sys::{borrow, max_fds, rto_max, sample, set_rto_max, supports_rto_max};

const ESTABLISHED: u8 = 1;
const CLOSE_WAIT: u8 = 8;

#[test]
fn received_bytes_are_counted_and_the_fin_as_one() {
    let (mut client, mut server) = pair();
    client.write_all(b"hello").unwrap();
    server.read_exact(&mut [0; 5]).unwrap();
    let live = sample(borrow(&server)).unwrap();
    assert_eq!((live.state, live.bytes_received), (ESTABLISHED, 5));
    assert!(
        live.rtt_us > 0 && live.segs_in > 0 && live.snd_wnd > Some(0),
        "{live:?}"
    );

    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
    let ended = sample(borrow(&server)).unwrap();
    assert_eq!((ended.state, ended.bytes_received), (CLOSE_WAIT, 6));
}

#[test]
fn unread_bytes_are_counted_without_the_fin() {
    let (mut client, mut server) = pair();
    client.write_all(&[7; 1000]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    eventually(|| sample(borrow(&server)).unwrap().bytes_received == 1001);
    assert_eq!(unread(&server), 1000);
    server.read_exact(&mut [0; 400]).unwrap();
    assert_eq!(unread(&server), 600);
}

#[test]
fn a_read_that_stops_before_an_urgent_byte_tells_that_more_is_there() {
    let (client, server) = pair();
    lastword_sys::count_unread(borrow(&server)).unwrap();
    let socket = socket2::SockRef::from(&server);
    socket.set_out_of_band_inline(true).unwrap();
    socket2::SockRef::from(&client)
        .send_out_of_band(b"hello")
        .unwrap();
    eventually(|| unread(&server) == 5);
    let mut buffer = [0; 64];
    let mut read = || {
        let received = lastword_sys::recv(borrow(&server), &mut buffer);
        let received = received.unwrap().unwrap();
        (received.read, received.unread)
    };
    assert_eq!(read(), (4, 1));
    assert_eq!(read(), (1, 0));
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read(), (0, 1), "the FIN counts as one");
}

#[test]
fn without_the_option_no_read_tells_what_is_left() {
    let (mut client, server) = pair();
    client.write_all(b"hello").unwrap();
    eventually(|| unread(&server) == 5);
    let received = lastword_sys::recv(borrow(&server), &mut [0; 2]);
    let received = received.unwrap().unwrap();
    assert_eq!((received.read, received.unread), (2, 0));
}

#[test]
fn a_byte_on_its_way_is_unacknowledged_and_no_longer_unsent() {
    let (mut client, mut server) = pair();
    // After some exchanges the answering kernel delays its acknowledgement, so that it can go out
    // with data.
    eventually(|| {
        client.write_all(b"?").unwrap();
        let on_its_way = (unacked(&client), unsent(&client));
        server.read_exact(&mut [0; 1]).unwrap();
        server.write_all(b"!").unwrap();
        client.read_exact(&mut [0; 1]).unwrap();
        on_its_way == (1, 0)
    });
}

#[test]
fn data_that_the_peer_does_not_take_counts_as_unacknowledged_and_so_does_our_fin() {
    let (mut client, mut server) = pair();
    let written = fill(&mut client);
    // At the end that opened the connection, the acknowledged bytes include its SYN.
    eventually(|| acked(&client) - 1 + unacked(&client) == written);
    let stuck = unacked(&client);
    assert!(stuck > 0);
    assert_eq!(unsent(&client), stuck);

    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(unacked(&client), stuck + 1);

    let mut taken = Vec::new();
    server.read_to_end(&mut taken).unwrap();
    assert_eq!(u64::try_from(taken.len()).unwrap(), written);
    eventually(|| unacked(&client) == 0);
    assert_eq!(acked(&client), written + 2);
}

#[test]
fn the_limit_between_retransmissions_is_set_kept_and_inherited() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    if !supports_rto_max() {
        let error = set_rto_max(borrow(&listener), Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(rto_max(borrow(&listener)), None);
        eprintln!("skipped: this kernel has no TCP_RTO_MAX_MS (Linux 6.15)");
        return;
    }
    let limit = Duration::from_millis(1200);
    set_rto_max(borrow(&listener), limit).unwrap();
    assert_eq!(rto_max(borrow(&listener)), Some(limit));

    let (client, server) = connect(&listener);
    assert_eq!(rto_max(borrow(&server)), Some(limit));
    assert_ne!(rto_max(borrow(&client)), Some(limit));
}

#[test]
fn a_limit_that_the_kernel_cannot_take_is_refused_as_invalid() {
    if !supports_rto_max() {
        eprintln!("skipped: this kernel has no TCP_RTO_MAX_MS (Linux 6.15)");
        return;
    }
    let (client, _server) = pair();
    for limit in [
        Duration::from_millis(999),
        Duration::from_secs(121),
        Duration::MAX,
    ] {
        let error = set_rto_max(borrow(&client), limit).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{limit:?}");
    }
}

#[test]
fn support_is_what_a_socket_of_our_own_shows_and_stays_so() {
    let (client, _server) = pair();
    let shown = rto_max(borrow(&client)).is_some();
    assert_eq!(supports_rto_max(), shown);
    assert_eq!(supports_rto_max(), shown);
}

#[test]
fn a_file_that_is_no_socket_gives_no_sample() {
    let file = File::open("/dev/null").unwrap();
    assert_eq!(sample(file.as_fd()), None);
    assert_eq!(rto_max(file.as_fd()), None);
    assert!(set_rto_max(file.as_fd(), Duration::from_secs(1)).is_err());
}

#[test]
fn a_socket_that_is_not_tcp_has_no_sample() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(sample(borrow(&socket)), None);
    assert_eq!(rto_max(borrow(&socket)), None);
}

#[test]
fn the_limit_of_descriptors_is_the_soft_one() {
    let (soft, hard) = limits_of_proc();
    assert_eq!(max_fds(), Some(soft));

    lower_soft_limit(soft - 1, hard);
    assert_eq!(limits_of_proc(), (soft - 1, hard));
    assert_eq!(max_fds(), Some(soft - 1));
}

#[allow(
    clippy::useless_conversion,
    reason = "rlim_t is narrower on 32-bit systems"
)]
fn lower_soft_limit(soft: u64, hard: u64) {
    let limit = libc::rlimit {
        rlim_cur: soft.try_into().unwrap(),
        rlim_max: hard.try_into().unwrap(),
    };
    // SAFETY: the struct is initialised, and the call only reads it.
    let status = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    assert_eq!(status, 0);
}

/// The limits of open files, soft and hard, as `/proc` shows them.
fn limits_of_proc() -> (u64, u64) {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut words = line.unwrap().split_whitespace().skip(3);
    let mut limit = || words.next().unwrap().parse().unwrap();
    (limit(), limit())
}

fn pair() -> (TcpStream, TcpStream) {
    connect(&TcpListener::bind("127.0.0.1:0").unwrap())
}

/// A connected pair, the opener first. A read that waits for too long fails the test instead of
/// hanging it.
fn connect(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    for stream in [&client, &server] {
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
    }
    (client, server)
}

/// Writes until both kernels are full, and returns the number of written bytes.
fn fill(stream: &mut TcpStream) -> u64 {
    stream.set_nonblocking(true).unwrap();
    let mut written = 0;
    // After the first refusal, the two kernels still move bytes between their buffers for a moment.
    eventually(|| {
        let before = written;
        while let Ok(len) = stream.write(&[0; 65_536]) {
            written += u64::try_from(len).unwrap();
        }
        let info = sample(borrow(stream)).unwrap();
        written == before && info.unacked == 0
    });
    stream.set_nonblocking(false).unwrap();
    written
}

fn acked(stream: &TcpStream) -> u64 {
    sample(borrow(stream)).unwrap().bytes_acked
}

fn unacked(stream: &TcpStream) -> u64 {
    u64::from(sample(borrow(stream)).unwrap().outq)
}

fn unread(stream: &TcpStream) -> u32 {
    sample(borrow(stream)).unwrap().inq
}

fn unsent(stream: &TcpStream) -> u64 {
    u64::from(sample(borrow(stream)).unwrap().notsent)
}

fn eventually(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "it did not come true in 10 s");
        std::thread::yield_now();
    }
}
