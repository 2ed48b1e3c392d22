//! Faults of hostile peers that no test of a single cause has. Other players notice nothing of them.
//! `docs/hostile-peers.md` lists all faults.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use lastword_server::{Anonymous, Cause, Config, Credentials, Phase, Player, Refusal};
use lastword_tests::{
    Ask, EndCollector, Fixture, Raw, config, data, frame, hello, kind, until, within,
};
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn a_hello_of_which_a_byte_comes_now_and_then_is_hello_timeout() {
    let mut fixture = Fixture::with(with(|config| config.timeouts.hello_ms = 400), Anonymous).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    for byte in hello(&[b'a'; 200]) {
        beat.tick().await;
        if raw.stream.write_all(&[byte]).await.is_err() {
            break;
        }
    }
    fixture.ends_as(Cause::HelloTimeout, Phase::Hello).await;
}

#[tokio::test]
async fn a_client_that_says_nothing_is_hello_timeout_and_frees_its_place() {
    let only_one = with(|config| {
        config.timeouts.hello_ms = 200;
        config.admission.connections_max = 1;
    });
    let mut fixture = Fixture::with(only_one, Anonymous).await;
    let mut silent = Raw::connect(fixture.addr()).await;
    assert_eq!(silent.goodbye_code().await, Some(40));
    drop(silent);
    let end = fixture.ends_as(Cause::HelloTimeout, Phase::Hello).await;
    assert_eq!(end.ending.evidence.bytes_in, 0);
    Raw::join(fixture.addr(), "next").await.echo(b"in").await;
}

/// The runtime has one thread, so no connection is accepted before the last one was reset.
#[tokio::test]
async fn clients_that_reset_before_they_are_accepted_are_probes_and_cost_no_place() {
    let mut fixture = Fixture::start().await;
    let mut player = Raw::join(fixture.addr(), "ann").await;
    for _ in 0..200 {
        let client = std::net::TcpStream::connect(fixture.addr()).unwrap();
        SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
    for _ in 0..200 {
        fixture.ends_as_ever(Cause::PeerProbe, Phase::Hello).await;
    }
    player.echo(b"still in").await;
    assert_eq!(fixture.server.stats().connections_open, 1);
}

/// Each broadcast reaches every member that reads, before the next one is sent.
#[tokio::test]
async fn members_that_read_nothing_delay_no_other_member() {
    const FRAME_BYTES: usize = 16 * 1024;
    let fixture = Fixture::start().await;
    let mut stalled = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect_small(fixture.addr(), 4_096).await;
        raw.enter("stalled").await;
        stalled.push(raw);
    }
    let mut members = Vec::new();
    for _ in 0..8 {
        members.push(Raw::join(fixture.addr(), "member").await);
    }
    let mut taken_by = Vec::new();
    for n in 0..100 {
        taken_by.push(fixture.server.broadcast_all(&[n; FRAME_BYTES]));
        for member in &mut members {
            assert_eq!(next_data(member).await, [n; FRAME_BYTES]);
        }
    }
    assert_eq!(taken_by.first(), Some(&10));
    assert_eq!(taken_by.last(), Some(&8), "the others take no more");
    drop(stalled);
}

#[tokio::test]
async fn a_peer_that_lives_and_reads_nothing_in_time_is_send_queue_stale() {
    let mut collector = EndCollector::default();
    let impatient = with(|config| config.timeouts.outbound_age_ms = 300);
    let mut server = collector.builder(impatient).bind().await.unwrap();
    let mut raw = Raw::connect_small(server.local_addr(), 4_096).await;
    raw.enter("ann").await;
    let session = within("a session", server.accept()).await.unwrap();
    // More than both kernels take, and less than the cap.
    for _ in 0..12 {
        session.send(vec![7; 32 * 1024]).unwrap();
    }
    let end = collector.end().await;
    assert_eq!(end.cause(), Cause::SendQueueStale, "{end:#?}");
    assert!(end.ending.evidence.frames_unsent > 0, "{end:#?}");
}

/// 200 times 16 MiB were announced. Address space is counted, since memory that was never written takes nothing else.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn frames_that_are_announced_and_never_sent_take_no_memory_and_are_frame_timeout() {
    let huge = with(|config| {
        config.limits.frame_bytes_max = 16_777_215;
        config.limits.inbox_bytes_max = 1 << 30;
        config.limits.outbound_bytes_max = 1 << 30;
        config.timeouts.frame_ms = 1_000;
    });
    let mut fixture = Fixture::with(huge, Anonymous).await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(Raw::join(fixture.addr(), "ann").await);
    }
    let before = address_space();
    for client in &mut clients {
        client.write(b"\xff\xff\xff\x00").await;
    }
    for _ in 0..200 {
        let end = fixture.ends_as_ever(Cause::FrameTimeout, Phase::Live).await;
        let partial = end.ending.evidence.partial_frame;
        assert_eq!(partial, Some((4, Some(4 + 16_777_215))));
    }
    let grown = address_space().saturating_sub(before);
    assert!(grown < 1 << 30, "{grown} bytes for 800 bytes of peers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_empty_frames_delays_no_other_player() {
    const FRAMES: usize = 200_000;
    // The flood lives although its client may read late on a busy machine.
    let patient = with(|config| {
        config.limits.outbound_bytes_max = 1 << 30;
        config.timeouts.outbound_age_ms = 600_000;
    });
    let fixture = Fixture::with(patient, Anonymous).await;
    let mut player = Raw::join(fixture.addr(), "ann").await;
    let flood = Raw::join(fixture.addr(), "flood").await;
    let (mut reads, mut writes) = flood.stream.into_split();
    let sends = tokio::spawn(async move {
        writes.write_all(&data(b"").repeat(FRAMES)).await.unwrap();
        writes
    });
    let hears = tokio::spawn(async move {
        let mut echoes = vec![0; FRAMES * data(b"").len()];
        reads.read_exact(&mut echoes).await.unwrap();
    });
    let mut slowest = Duration::ZERO;
    let mut echoes = 0;
    while !hears.is_finished() || echoes < 10 {
        let begun = Instant::now();
        player.echo(b"during the flood").await;
        slowest = slowest.max(begun.elapsed());
        echoes += 1;
    }
    within("each echo of the flood", hears).await.unwrap();
    drop(within("the flood", sends).await.unwrap());
    // An idle machine takes a millisecond, and the whole flood takes longer than this.
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(fixture.server.stats().laws_hold());
}

#[tokio::test]
async fn of_a_thousand_broken_frames_the_first_is_answered_and_the_rest_is_discarded() {
    let mut fixture = Fixture::start().await;
    let mut player = Raw::join(fixture.addr(), "ann").await;
    let mut raw = Raw::join(fixture.addr(), "broken").await;
    raw.write(&frame(8, b"no such kind").repeat(1_000)).await;
    let (kind, _) = raw.frame().await.expect("a goodbye");
    assert_eq!(kind, kind::GOODBYE);
    // It may fail: the server no longer listens.
    let _written = raw.stream.write_all(&frame(8, b"").repeat(1_000)).await;
    assert_eq!(raw.frame().await, None, "one answer");
    drop(raw);
    let end = fixture
        .ends_as_ever(Cause::ProtocolViolation, Phase::Live)
        .await;
    assert!(end.ending.evidence.bytes_out < 200, "{end:#?}");
    player.echo(b"still in").await;
}

#[tokio::test]
async fn clients_that_reset_behind_their_hello_leave_no_authenticator_at_work() {
    let at_work = Arc::new(AtomicUsize::new(0));
    let authenticators = Arc::clone(&at_work);
    let never = Ask(move |_: Credentials| {
        let working = Working::begin(&authenticators);
        async move {
            let _working = working;
            std::future::pending::<Result<Player, Refusal>>().await
        }
    });
    let mut fixture = Fixture::with(config(), never).await;
    for _ in 0..100 {
        let mut raw = Raw::connect(fixture.addr()).await;
        raw.write(&hello(b"ann")).await;
        until("it is asked", || at_work.load(Ordering::Relaxed) == 1).await;
        raw.reset();
        fixture.ends_as_ever(Cause::PeerReset, Phase::Auth).await;
        until("it is dropped", || at_work.load(Ordering::Relaxed) == 0).await;
    }
    assert_eq!(fixture.server.stats().connections_open, 0);
}

#[tokio::test]
async fn frames_are_the_same_byte_by_byte_and_all_at_once() {
    let fixture = Fixture::start().await;
    let frames = [data(b"one"), data(b""), data(&[7; 300])].concat();
    for piece in [1, 3, 1_000] {
        let mut raw = Raw::connect(fixture.addr()).await;
        write_in_pieces(&mut raw, &hello(b"ann"), piece).await;
        let (kind, _) = raw.frame().await.expect("a welcome");
        assert_eq!(kind, kind::WELCOME);
        write_in_pieces(&mut raw, &frames, piece).await;
        let mut echoes = vec![0; frames.len()];
        within("the echoes", raw.stream.read_exact(&mut echoes))
            .await
            .unwrap();
        assert_eq!(echoes, frames);
    }
}

#[tokio::test]
async fn a_receive_that_is_cancelled_at_every_byte_of_a_frame_loses_nothing() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config()).bind().await.unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    let mut session = within("a session", server.accept()).await.unwrap();
    for byte in data(b"whole") {
        raw.write(&[byte]).await;
        let polled = std::future::poll_fn(|cx| Poll::Ready(pin!(session.recv()).poll(cx)));
        assert!(polled.await.is_pending(), "the server has not read it yet");
        tokio::task::yield_now().await;
    }
    raw.write(&data(b"next")).await;
    for expected in [b"whole".as_slice(), b"next"] {
        let received = within("a frame", session.recv()).await;
        assert_eq!(received.as_deref(), Some(expected));
    }
}

/// Each piece is a segment of its own.
async fn write_in_pieces(raw: &mut Raw, bytes: &[u8], piece: usize) {
    for piece in bytes.chunks(piece) {
        raw.write(piece).await;
        tokio::task::yield_now().await;
    }
}

/// Reads to the next frame of the game.
async fn next_data(raw: &mut Raw) -> Vec<u8> {
    loop {
        if let (kind::DATA, payload) = raw.frame().await.expect("it lives") {
            return payload;
        }
    }
}

/// Counts an authenticator while it exists.
struct Working(Arc<AtomicUsize>);

impl Working {
    fn begin(at_work: &Arc<AtomicUsize>) -> Self {
        at_work.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(at_work))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The configuration of the tests with one change.
fn with(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = config();
    change(&mut config);
    config
}

/// The bytes of address space of this process.
#[cfg(target_os = "linux")]
fn address_space() -> u64 {
    let memory = std::fs::read_to_string("/proc/self/statm").expect("/proc/self/statm");
    let pages = memory.split(' ').next().and_then(|n| n.parse::<u64>().ok());
    pages.expect("pages come first") * 4_096
}
