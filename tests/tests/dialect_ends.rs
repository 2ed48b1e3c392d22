//! How connections end on a wire of the game's own: during authentication, and by a goodbye after frames.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use lastword_server::{
    Builder, Cause, Credentials, Dialect, Event, Framing, Meaning, Measure, Phase, Player, Refusal,
};
use lastword_tests::{Ask, Echo, EndCollector, PATIENCE, Raw, config, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// One line a frame; `QUIT` is a goodbye.
struct Lines;

impl Dialect for Lines {
    fn measure(&self, bytes: &[u8], seen: usize) -> Measure {
        match bytes.iter().skip(seen).position(|byte| *byte == b'\n') {
            None => Measure::Short,
            Some(end) => Measure::Frame {
                header: 0,
                payload: seen + end + 1,
            },
        }
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        match payload.strip_suffix(b"\n") {
            Some(b"QUIT") => Meaning::Goodbye,
            Some(line) => Meaning::Data(line),
            None => Meaning::Malformed,
        }
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(payload);
        out.push(b'\n');
    }
}

fn lines(collector: &mut EndCollector) -> Builder {
    let framing = Framing::Dialect(Arc::new(Lines));
    collector.builder(config()).framing(framing)
}

/// As on the native wire, the client ends in the phase `auth` and never joins, long before the authenticator's timeout.
#[tokio::test]
async fn a_client_that_leaves_during_authentication_is_gone_in_auth() {
    let rows = [
        ("LOGIN\n", false, Cause::PeerFin),
        ("LOGIN\n", true, Cause::PeerReset),
        ("LOGIN\nSET\nGET\n", false, Cause::PeerFin),
        ("LOGIN\nSET\nGE", false, Cause::PeerFinMidFrame),
        ("LOGIN\nSET\nQUIT\n", false, Cause::PeerGoodbye),
        ("LOGIN\nSET\nQUIT\n", true, Cause::PeerGoodbye),
    ];
    for (says, resets, cause) in rows {
        let mut collector = EndCollector::default();
        let (asked, mut asks) = tokio::sync::mpsc::channel(1);
        let never = move |_: Credentials| {
            let asked = asked.clone();
            async move {
                asked.send(()).await.ok();
                pending::<Result<Player, Refusal>>().await
            }
        };
        let server = lines(&mut collector)
            .authenticator(Ask(never))
            .serve(|_: &Player| Echo)
            .await
            .unwrap();
        let mut raw = Raw::connect(server.local_addr()).await;
        raw.write(says.as_bytes()).await;
        within("the question", asks.recv()).await.unwrap();
        match resets {
            true => raw.reset(),
            false => drop(raw),
        }
        let end = collector.end().await;
        let verdict = end.ending.verdict;
        assert_eq!(
            (verdict.cause, verdict.phase),
            (cause, Phase::Auth),
            "{says:?}"
        );
        let took = end.ending.evidence.age;
        let auth = Duration::from_millis(config().timeouts.auth_ms.into());
        assert!(took < auth, "{took:?}");
        let stats = server.stats();
        assert_eq!((stats.sessions_joined, stats.connections_open), (0, 0));
    }
}

/// The authenticator answers when the client has left already. The answer and the end are seen in the same turn.
#[tokio::test]
async fn a_client_that_left_is_not_let_in_by_an_answer_that_comes_with_its_end() {
    let mut collector = EndCollector::default();
    let (answer, answered) = tokio::sync::watch::channel(false);
    let slow = move |_: Credentials| {
        let mut answered = answered.clone();
        async move {
            answered.wait_for(|answered| *answered).await.ok();
            Ok::<_, Refusal>(Player::new("ann"))
        }
    };
    let server = lines(&mut collector)
        .authenticator(Ask(slow))
        .serve(|_: &Player| Echo)
        .await
        .unwrap();
    let mut raw = Raw::connect(server.local_addr()).await;
    raw.write(b"LOGIN\n").await;
    drop(Raw::connect(server.local_addr()).await);
    assert_eq!(collector.end().await.cause(), Cause::PeerProbe);
    drop(raw);
    answer.send(true).unwrap();
    let end = collector.end().await;
    // The kernel decides which of the two is seen first. A session that joined counts as a live session that left.
    let expected = match server.stats().sessions_joined {
        0 => (Phase::Auth, Cause::PeerFin),
        _ => (Phase::Live, Cause::PeerClosedWhileSending),
    };
    assert_eq!((end.ending.verdict.phase, end.cause()), expected);
}

/// A refused client may still be sending. The server continues to read, so that the client can read the reason.
#[tokio::test]
async fn a_client_that_is_refused_can_write_all_that_it_has_to_say() {
    let mut collector = EndCollector::default();
    let (asked, mut asks) = tokio::sync::mpsc::channel(1);
    let (answer, answered) = tokio::sync::watch::channel(false);
    let strict = move |_: Credentials| {
        let (asked, mut answered) = (asked.clone(), answered.clone());
        async move {
            asked.send(()).await.ok();
            answered.wait_for(|answered| *answered).await.ok();
            Err::<Player, _>(Refusal::rejected("no"))
        }
    };
    let server = lines(&mut collector)
        .authenticator(Ask(strict))
        .serve(|_: &Player| Echo)
        .await
        .unwrap();
    let mut raw = Raw::connect(server.local_addr()).await;
    raw.write(b"LOGIN\n").await;
    // More than both kernels hold, so all of it can be written only if the server reads.
    let says = vec![b'x'; 32 << 20];
    within("the question", asks.recv()).await.unwrap();
    answer.send(true).unwrap();
    let written = raw.stream.write_all(&says);
    within("a server that reads", written).await.unwrap();
    assert_eq!(heard(&mut raw).await, "", "and our FIN");
    drop(raw);
    let end = collector.end().await;
    let farewell = end.ending.evidence.farewell;
    assert_eq!(
        (end.cause(), end.ending.verdict.phase, farewell.label()),
        (Cause::AuthRejected, Phase::Auth, "none")
    );
    assert_eq!(end.ending.evidence.bytes_in, 6 + (32 << 20));
}

/// A pipe into `nc`: everything in one segment, followed by the end. An authenticator that answers at once lets it in.
#[tokio::test]
async fn a_client_that_says_everything_and_shuts_hears_every_answer() {
    let mut collector = EndCollector::default();
    let builder = lines(&mut collector).authenticator(Ask(welcome));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let mut raw = Raw::connect(server.local_addr()).await;
    raw.write(b"LOGIN\nSET\nGET\n").await;
    raw.fin().await;
    assert_eq!(heard(&mut raw).await, "LOGIN\nSET\nGET\n");
    let end = collector.end().await;
    assert_eq!(
        (end.cause(), end.ending.verdict.phase),
        (Cause::PeerFin, Phase::Live)
    );
}

#[tokio::test]
async fn frames_before_a_goodbye_are_answered_by_a_handler() {
    let mut collector = EndCollector::default();
    let builder = lines(&mut collector).authenticator(Ask(welcome));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    hears_all_before_its_goodbye(&mut collector, server.local_addr()).await;
}

#[tokio::test]
async fn frames_before_a_goodbye_are_answered_by_a_task_of_its_own() {
    let mut collector = EndCollector::default();
    let builder = lines(&mut collector).authenticator(Ask(welcome));
    let mut server = builder.bind().await.unwrap();
    let addr = server.local_addr();
    tokio::spawn(async move {
        while let Some(mut session) = server.accept().await {
            while let Some(line) = session.recv().await {
                session.ready().await.unwrap();
                session.send(line).unwrap();
            }
        }
    });
    hears_all_before_its_goodbye(&mut collector, addr).await;
}

#[tokio::test]
async fn frames_before_a_goodbye_are_answered_by_a_tick_loop() {
    let mut collector = EndCollector::default();
    let builder = lines(&mut collector).authenticator(Ask(welcome));
    let (mut events, players) = builder.bind_events().await.unwrap();
    let addr = players.local_addr();
    let ticks = tokio::task::spawn_blocking(move || {
        let mut left = 0;
        let patience = std::time::Instant::now() + PATIENCE;
        while left < 2 && std::time::Instant::now() < patience {
            events.wait(Duration::from_millis(10));
            for event in events.drain() {
                match event {
                    Event::Frame { session, payload } => players.send(session, payload).unwrap(),
                    Event::Left(_) => left += 1,
                    Event::Joined { .. } | Event::Link { .. } | Event::Draining { .. } | _ => {}
                }
            }
        }
    });
    hears_all_before_its_goodbye(&mut collector, addr).await;
    within("the ticks", ticks).await.unwrap();
}

/// The session may still answer, so it is still listed. Its state can be read, also by an operator who asks now.
#[tokio::test]
async fn a_session_that_may_still_answer_tells_how_it_does() {
    let mut collector = EndCollector::default();
    let mut config = config();
    config.timeouts.linger_ms = 600_000;
    let framing = Framing::Dialect(Arc::new(Lines));
    let builder = collector.builder(config).framing(framing);
    let mut server = builder.bind().await.unwrap();
    let mut raw = Raw::connect(server.local_addr()).await;
    raw.write(b"LOGIN\nSET\nQUIT\n").await;
    let mut session = within("a session", server.accept()).await.unwrap();
    for line in ["LOGIN", "SET"] {
        let heard = within("a frame", session.recv()).await.unwrap();
        assert_eq!(heard, line.as_bytes());
    }
    let handle = server.handle().clone();
    let status = within("the status", handle.session_status(session.id())).await;
    assert_eq!(status.unwrap().frames, (1, 0));
    assert_eq!(handle.sessions().len(), 1);
    drop(session);
    assert_eq!(heard(&mut raw).await, "");
    drop(raw);
    assert_eq!(collector.end().await.cause(), Cause::PeerGoodbye);
}

async fn welcome(_: Credentials) -> Result<Player, Refusal> {
    Ok(Player::new("ann"))
}

async fn hears_all_before_its_goodbye(collector: &mut EndCollector, addr: std::net::SocketAddr) {
    for shuts in [false, true] {
        let mut raw = Raw::connect(addr).await;
        raw.write(b"PING\nSET\nQUIT\nGET\n").await;
        if shuts {
            raw.fin().await;
        }
        assert_eq!(heard(&mut raw).await, "PING\nSET\n", "and our FIN");
        drop(raw);
        let end = collector.end().await;
        assert_eq!(
            (end.cause(), end.ending.verdict.phase),
            (Cause::PeerGoodbye, Phase::Live)
        );
        let evidence = &end.ending.evidence;
        // The credentials are a frame too, and get an answer.
        assert_eq!((evidence.frames_in, evidence.frames_out), (1, 2));
        assert_eq!((end.undelivered_frames, evidence.frames_unsent), (0, 0));
    }
}

/// Returns everything that the server sends until its FIN.
async fn heard(raw: &mut Raw) -> String {
    let mut heard = String::new();
    within("a FIN", raw.stream.read_to_string(&mut heard))
        .await
        .unwrap();
    heard
}
