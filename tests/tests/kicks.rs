//! The last word: the reason of a kick reaches a client that does everything to miss it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "helpers of a test: a failure here is the test's failure"
)]

use std::sync::{Arc, mpsc};
use std::time::Duration;

use lastword_server::{
    Cause, Config, Context, GameCode, Handler, Kick, Phase, Player, ServerHandle, Session,
    SessionId,
};
use lastword_session::GoodbyeProgress;
use lastword_tests::{
    EndCollector, Fixture, Raw, client_ip, config, data, frame, kind, number_of, run_clients,
    within,
};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The caller of the kick, its thread, and the state of the connection.
#[derive(Clone, Copy, Debug)]
enum Kicker {
    /// The handler, while it handles a frame.
    Handler,
    /// A thread without a runtime, through the handle.
    Thread,
    /// The session's own task, in step with its frames.
    Session,
    /// The session's own task, which took no frame: reading is paused, the input is unread.
    StalledSession,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_kicks_are_a_thousand_reasons_read() {
    for kicker in [
        Kicker::Handler,
        Kicker::Thread,
        Kicker::Session,
        Kicker::StalledSession,
    ] {
        let lost = kick_all(kicker, 250).await;
        eprintln!("kicked by {kicker:?}: {lost} of 250 reasons lost");
        assert_eq!(lost, 0, "{kicker:?}");
    }
}

/// The control for the other tests: the same client, and a server that sends its reason and closes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_sends_and_closes_loses_its_reasons_to_the_same_client() {
    let (trials, sent) = (200, signals(200));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let naive = tokio::spawn(send_and_close(listener, Arc::clone(&sent)));
    let read = run_clients(trials, AT_ONCE, move |n| {
        let sent = Arc::clone(&sent);
        async move {
            stubborn(
                Raw::connect_from(client_ip(n), addr).await,
                &sent[n as usize],
            )
            .await
        }
    })
    .await;
    naive.abort();
    let lost = read.iter().filter(|read| read.is_none()).count();
    eprintln!(
        "send and close: {lost} of {trials} reasons lost ({} %)",
        lost * 100 / 200
    );
    assert!(
        lost > 50,
        "this client does not miss enough to prove anything: {lost}"
    );
}

/// The client is there when it is kicked. That it sends something and closes later belongs to the linger.
#[tokio::test]
async fn the_record_of_a_kick_shows_the_connection_as_it_was_at_the_kick() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    raw.echo(b"hello").await;
    let session = fixture.server.sessions()[0].session;
    fixture.server.kick(session, Kick::because("spam")).unwrap();
    let kicked = raw.goodbye_code().await;
    assert_eq!(kicked, Some(Cause::Kicked.code()));
    raw.write(&data(b"late")).await;
    drop(raw);
    let end = fixture.ends_as(Cause::Kicked, Phase::Live).await;
    let evidence = &end.ending.evidence;
    let kernel = evidence.kernel.unwrap();
    assert_eq!((evidence.fin, kernel.state), (Some(false), 1), "{end:#?}");
    assert_eq!((evidence.late_fin, evidence.late_bytes_in), (true, 8));
    assert!(
        evidence
            .last_byte_in
            .is_some_and(|age| age > Duration::ZERO)
    );
    let record = end.record();
    assert_eq!(record.tcp_state, Some("established"));
    assert_eq!((record.late_fin, record.late_bytes_in), (Some(true), 8));
}

/// Kicks `count` clients, all at once. Returns how many did not read the reason.
async fn kick_all(kicker: Kicker, count: u32) -> usize {
    let mut collector = EndCollector::default();
    let sent = signals(count);
    let server = serve(kicker, &mut collector, Arc::clone(&sent)).await;
    let addr = server.local_addr();
    let read = run_clients(count, AT_ONCE, move |n| {
        let sent = Arc::clone(&sent);
        async move {
            let mut raw = Raw::connect_from(client_ip(n), addr).await;
            raw.enter(&n.to_string()).await;
            stubborn(raw, &sent[n as usize]).await
        }
    })
    .await;
    for _ in 0..count {
        let end = collector.end().await;
        assert_eq!(
            (end.cause(), end.ending.verdict.phase),
            (Cause::Kicked, Phase::Live),
            "{end} {end:#?}"
        );
        let farewell = end.ending.evidence.farewell;
        assert_eq!(
            farewell,
            GoodbyeProgress::FinSeen,
            "heard to the end: {end:#?}"
        );
        assert_eq!(collector.departure().await.cause, Cause::Kicked.into());
    }
    assert_eq!(
        server.stats().disconnects,
        [(Cause::Kicked, Phase::Live, u64::from(count))]
    );
    assert!(server.stats().laws_hold());
    let expected = |n: u32| Some((code(n).value(), reason(n)));
    (0..)
        .zip(read)
        .filter(|(n, read)| *read != expected(*n))
        .count()
}

async fn serve(
    kicker: Kicker,
    collector: &mut EndCollector,
    sent: Arc<Vec<Notify>>,
) -> ServerHandle {
    let mut config = config();
    match kicker {
        Kicker::Handler => collector
            .builder(config)
            .serve(|_: &Player| KickingHandler::default())
            .await
            .unwrap(),
        Kicker::Thread => {
            let (kicks, kicked) = mpsc::channel();
            let make = move |_: &Player| KickingHandler {
                seen: 0,
                kicks: Some(kicks.clone()),
            };
            let server = collector.builder(config).serve(make).await.unwrap();
            let handle = server.clone();
            std::thread::spawn(move || {
                for (session, n) in kicked {
                    handle.kick(session, kick(n)).unwrap();
                }
            });
            server
        }
        Kicker::Session => sessions(config, collector, kick_after_frames).await,
        Kicker::StalledSession => {
            config.limits.inbox_frames_max = 1;
            sessions(config, collector, move |session| {
                kick_after_signal(session, Arc::clone(&sent))
            })
            .await
        }
    }
}

async fn sessions<F>(
    config: Config,
    collector: &mut EndCollector,
    mut play: impl FnMut(Session) -> F + Send + 'static,
) -> ServerHandle
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut server = collector.builder(config).bind().await.unwrap();
    let handle = server.handle().clone();
    tokio::spawn(async move {
        while let Some(session) = server.accept().await {
            tokio::spawn(play(session));
        }
    });
    handle
}

async fn kick_after_frames(mut session: Session) {
    for _ in 0..FRAMES_FIRST {
        within("a frame", session.recv()).await.unwrap();
    }
    let n = session.player().unwrap().parse().unwrap();
    assert_eq!(session.kick(kick(n)).await.cause, Cause::Kicked.into());
}

async fn kick_after_signal(session: Session, sent: Arc<Vec<Notify>>) {
    let n: u32 = session.player().unwrap().parse().unwrap();
    within("frames", sent[n as usize].notified()).await;
    assert_eq!(session.kick(kick(n)).await.cause, Cause::Kicked.into());
}

/// Kicks after some frames: by itself, or by a message to the kicker.
#[derive(Default)]
struct KickingHandler {
    seen: u32,
    kicks: Option<mpsc::Sender<(SessionId, u32)>>,
}

impl Handler for KickingHandler {
    fn frame(&mut self, context: &mut Context<'_, '_>, _payload: &[u8]) {
        self.seen += 1;
        let n = context.player().unwrap().parse().unwrap();
        match &self.kicks {
            _ if self.seen != FRAMES_FIRST => {}
            None => context.kick(kick(n)),
            Some(kicks) => kicks.send((context.session(), n)).unwrap(),
        }
    }
}

/// The behaviour of most servers: it writes the reason, and closes the socket with input unread.
async fn send_and_close(listener: TcpListener, sent: Arc<Vec<Notify>>) {
    loop {
        let (mut stream, remote) = listener.accept().await.unwrap();
        let sent = Arc::clone(&sent);
        tokio::spawn(async move {
            let n = number_of(remote.ip());
            within("frames", sent[n as usize].notified()).await;
            stream.write_all(&goodbye(n)).await.unwrap();
        });
    }
}

fn goodbye(n: u32) -> Vec<u8> {
    let mut payload = vec![1];
    payload.extend(code(n).value().to_be_bytes());
    payload.extend([0; 1 + 4 + 1]);
    payload.extend(reason(n).as_bytes());
    frame(kind::GOODBYE, &payload)
}

/// A client with one loop. It sends 100 bytes every 5 ms, but reads only every 50 ms. At the first error of a send it
/// gives up, with the data read by then. It signals when it has sent some frames. Returns the code and the reason that
/// it read.
async fn stubborn(raw: Raw, sent: &Notify) -> Option<(u16, String)> {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let mut read = Vec::new();
    for n in 1.. {
        ticks.tick().await;
        match raw.stream.try_write(&data(&[7; 96])) {
            Ok(written) => assert_eq!(written, 100),
            Err(_) => break,
        }
        if n == FRAMES_FIRST {
            sent.notify_one();
        }
        if n % 10 == 0 && read_all(&raw.stream, &mut read) {
            break;
        }
    }
    last_word(&read)
}

/// Reads the available data. Returns whether that was the end.
fn read_all(stream: &TcpStream, read: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match stream.try_read(&mut buffer) {
            Ok(0) => return true,
            Ok(n) => read.extend(&buffer[..n]),
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

/// The code and the reason of the goodbye among these frames.
fn last_word(mut frames: &[u8]) -> Option<(u16, String)> {
    while let [a, b, c, kind, rest @ ..] = frames {
        let len = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let (payload, rest) = rest.split_at_checked(len)?;
        if let (kind::GOODBYE, [_, high, low, _, _, _, _, _, 0, reason @ ..]) = (*kind, payload) {
            let code = u16::from_be_bytes([*high, *low]);
            return Some((code, String::from_utf8_lossy(reason).into_owned()));
        }
        frames = rest;
    }
    None
}

fn signals(count: u32) -> Arc<Vec<Notify>> {
    Arc::new((0..count).map(|_| Notify::new()).collect())
}

fn kick(n: u32) -> Kick {
    Kick::because(reason(n)).with_code(code(n))
}

fn code(n: u32) -> GameCode {
    GameCode::new(u16::try_from(n + 4096).unwrap()).unwrap()
}

fn reason(n: u32) -> String {
    format!(
        "player {n} is thrown out, and this is why: {}",
        "x".repeat(100)
    )
}

/// The frame that a client sends before it is kicked, and continues to send.
const FRAMES_FIRST: u32 = 20;
const AT_ONCE: usize = 250;
