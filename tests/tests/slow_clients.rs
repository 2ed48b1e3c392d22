//! Clients that read slowly or not at all. Each shape of the game is told, and each policy does what it says. Each frame
//! is in the record once, and a slow client delays no other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lastword_server::{
    Cause, Config, Context, Credentials, Disconnect, Event, Handler, Kick, Link, Player, Policy,
    Refusal, SecondLogin, SendError, ServerHandle, Session, SessionEvent,
};
use lastword_tests::{Ask, EndCollector, Raw, config, data, goodbye, kind, until, within};
use tokio::sync::mpsc;

const FRAME_BYTES: usize = 1_000;

/// Room for 16 frames, and as many again that wait for their first write.
fn small() -> Config {
    let mut config = config();
    config.limits.frame_bytes_max = 4_096;
    config.limits.outbound_frame_bytes_max = 4_096;
    config.limits.inbox_bytes_max = 65_536;
    config.limits.outbound_bytes_max = 16_384;
    config.timeouts.delivery_ms = 200;
    config
}

/// A frame that carries its number.
fn frame(number: u32) -> Vec<u8> {
    let mut frame = vec![7; FRAME_BYTES];
    frame[..4].copy_from_slice(&number.to_be_bytes());
    frame
}

fn number(frame: &[u8]) -> u32 {
    u32::from_be_bytes(*frame.first_chunk().unwrap())
}

/// Players whose names begin with `d` have the policy to drop the oldest.
async fn by_name(credentials: Credentials) -> Result<Player, Refusal> {
    let name = String::from_utf8(credentials.bytes.to_vec()).unwrap();
    let policy = match name.starts_with('d') {
        true => Policy::DropOldest,
        false => Policy::Close,
    };
    Ok(Player::new(name).with_policy(policy))
}

/// A client that reads nothing unless told to, and whose window closes soon.
async fn slow(server: &ServerHandle, name: &str) -> Raw {
    let mut raw = Raw::connect_small(server.local_addr(), 4_096).await;
    raw.enter(name).await;
    raw
}

/// A session and its slow client.
async fn session(collector: &mut EndCollector, name: &str) -> (ServerHandle, Session, Raw) {
    let builder = collector.builder(small()).authenticator(Ask(by_name));
    let mut server = builder.bind().await.unwrap();
    let handle = server.handle().clone();
    let raw = slow(&handle, name).await;
    let session = within("a session", server.accept()).await.unwrap();
    (handle, session, raw)
}

/// The payloads of the next data frames, up to the one that `is_last`.
async fn read_until(raw: &mut Raw, is_last: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    loop {
        let (kind, payload) = raw.frame().await.expect("the last one comes");
        if kind != kind::DATA {
            continue;
        }
        let is_last = is_last(&payload);
        payloads.push(payload);
        if is_last {
            return payloads;
        }
    }
}

/// Sends numbered frames until this holds. Returns how many.
async fn send_until(session: &Session, policy: Policy, holds: impl Fn() -> bool) -> u32 {
    let mut sent = 0;
    until("enough was sent", || {
        session.send_with(policy, frame(sent)).unwrap();
        sent += 1;
        holds()
    })
    .await;
    sent
}

fn assert_in_order(numbers: &[u32]) {
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

/// Each frame that was sent has one fate.
fn assert_fates(sent: u32, end: &Disconnect) {
    let record = end.record();
    let lost = record.frames_unsent + record.frames_dropped + record.frames_replaced;
    assert_eq!(u64::from(sent), record.frames_out + lost, "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_drops_the_oldest_lives_and_its_client_gets_the_newest_in_order() {
    let mut collector = EndCollector::default();
    let (server, session, mut raw) = session(&mut collector, "dan").await;
    let dropped = || server.stats().frames_dropped >= 100;
    let mut sent = 0;
    until("100 frames are dropped", || {
        session.send(frame(sent)).unwrap();
        sent += 1;
        dropped()
    })
    .await;
    assert_eq!(server.stats().congested, 1);
    session.send_with(Policy::Close, frame(u32::MAX)).unwrap();
    let got = read_until(&mut raw, |payload| number(payload) == u32::MAX).await;
    let numbers: Vec<_> = got.iter().map(|payload| number(payload)).collect();
    assert_in_order(&numbers);
    assert_eq!(numbers[numbers.len() - 2], sent - 1, "the newest is there");
    assert!(numbers.len() < usize::try_from(sent).unwrap());
    until("it flows again", || server.stats().congested == 0).await;
    raw.write(&goodbye()).await;
    drop(raw);
    let end = collector.end().await;
    assert_eq!(end.cause(), Cause::PeerGoodbye);
    assert_fates(sent + 1, &end);
    let (stats, record) = (server.stats(), end.record());
    assert_eq!(stats.frames_dropped, record.frames_dropped);
    assert!(record.frames_dropped >= 100 && record.frames_unsent == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_must_arrive_does_so_among_others_that_are_dropped() {
    let mut collector = EndCollector::default();
    let (server, session, mut raw) = session(&mut collector, "ann").await;
    let first = send_until(&session, Policy::DropOldest, || {
        server.stats().congested > 0
    })
    .await;
    for must in 0..3 {
        session.send(frame(1_000_000 + must)).unwrap();
        let before = server.stats().frames_dropped;
        send_until(&session, Policy::DropOldest, || {
            server.stats().frames_dropped > before + 40
        })
        .await;
    }
    session.send(frame(u32::MAX)).unwrap();
    let got = read_until(&mut raw, |payload| number(payload) == u32::MAX).await;
    let must = got.iter().map(|payload| number(payload));
    let must: Vec<_> = must.filter(|number| *number >= 1_000_000).collect();
    assert_eq!(must, [1_000_000, 1_000_001, 1_000_002, u32::MAX]);
    assert!(first > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_has_one_frame_in_the_queue_and_the_newest_content() {
    const KEYS: u64 = 8;
    let mut collector = EndCollector::default();
    let (server, session, mut raw) = session(&mut collector, "ann").await;
    let handle = server.clone();
    let mut newest = 0;
    let mut sent = 0;
    until("frames were replaced", || {
        newest += 1;
        for key in 0..KEYS {
            // Of different lengths, by each of the ways.
            let content = frame(newest);
            let content = &content[..500 + usize::try_from((key + u64::from(newest)) % 9).unwrap()];
            match newest % 2 {
                0 => session.send_latest(key, [&[u8::try_from(key).unwrap()], content].concat()),
                _ => handle.send_latest(
                    session.id(),
                    key,
                    &[&[u8::try_from(key).unwrap()], content].concat(),
                ),
            }
            .unwrap();
            sent += 1;
        }
        server.stats().frames_replaced >= 1_000
    })
    .await;
    session.send(b"\xff\xff\xff\xff\xff").unwrap();
    let got = read_until(&mut raw, |payload| payload[0] == 0xff).await;
    let mut last = BTreeMap::new();
    for payload in &got[..got.len() - 1] {
        let before = last.insert(payload[0], number(&payload[1..]));
        assert!(before < Some(number(&payload[1..])), "older after newer");
    }
    let expected: BTreeMap<_, _> = (0..8).map(|key| (key, newest)).collect();
    assert_eq!(last, expected);
    drop(session);
    assert_eq!(raw.goodbye_code().await, Some(Cause::ClosedByGame.code()));
    drop(raw);
    let end = collector.end().await;
    assert_fates(sent + 1, &end);
    assert_eq!(server.stats().frames_replaced, end.record().frames_replaced);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kick_reaches_a_slow_client_behind_what_has_begun() {
    let mut collector = EndCollector::default();
    let (server, session, mut raw) = session(&mut collector, "dan").await;
    let sent = send_until(&session, Policy::DropOldest, || {
        session.send_latest(1, frame(0)).unwrap();
        server.stats().frames_dropped > 20
    })
    .await;
    let kicked = tokio::spawn(session.kick(Kick::default()));
    assert_eq!(raw.goodbye_code().await, Some(Cause::Kicked.code()));
    drop(raw);
    let departure = within("the departure", kicked).await.unwrap();
    assert_eq!(departure.cause, Cause::Kicked.into());
    let end = collector.end().await;
    assert_fates(2 * sent, &end);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_told_in_order_with_its_frames_before_it_ends() {
    let mut collector = EndCollector::default();
    let (server, mut session, mut raw) = session(&mut collector, "ann").await;
    raw.write(&data(b"before")).await;
    let event = within("a frame", session.next_event()).await;
    assert_eq!(event, Some(SessionEvent::Frame(b"before"[..].into())));
    let mut sent = send_until(&session, Policy::Close, || server.stats().congested > 0).await;
    raw.write(&data(b"between")).await;
    for expected in [
        SessionEvent::Link(Link::Congested),
        SessionEvent::Frame(b"between"[..].into()),
    ] {
        assert_eq!(
            within("an event", session.next_event()).await,
            Some(expected)
        );
    }
    let last = number(&frame(sent - 1));
    read_until(&mut raw, |payload| number(payload) == last).await;
    let event = within("an event", session.next_event()).await;
    assert_eq!(event, Some(SessionEvent::Link(Link::Flowing)));
    until("it ends", || match session.send(frame(0)) {
        Ok(()) => {
            sent += 1;
            false
        }
        Err(error) => error == SendError::Closed,
    })
    .await;
    let event = within("an event", session.next_event()).await;
    assert_eq!(event, Some(SessionEvent::Link(Link::Congested)));
    assert_eq!(within("the end", session.next_event()).await, None);
    drop(raw);
    let end = collector.end().await;
    assert_eq!(end.cause(), Cause::SendQueueFull);
    assert_fates(sent, &end);
    assert_eq!(server.stats().congested, 0);
}

#[derive(Debug, PartialEq)]
enum Seen {
    Link(Link),
    Frame(Vec<u8>),
    Left(Cause),
}

/// Sends as many frames of each kind for each frame that comes.
const FLOOD: u32 = 4;

/// Floods its peer.
struct Flood(mpsc::UnboundedSender<Seen>);

impl Handler for Flood {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        self.0.send(Seen::Frame(payload.to_vec())).unwrap();
        for n in 0..FLOOD {
            context.send_with(Policy::DropOldest, &frame(n)).unwrap();
            context.send_latest(n.into(), &frame(n)[..20]).unwrap();
        }
    }

    fn link(&mut self, _context: &mut Context<'_, '_>, link: Link) {
        self.0.send(Seen::Link(link)).unwrap();
    }

    fn left(self, departure: &lastword_server::Departure) {
        let cause = departure.ending.verdict.cause;
        self.0.send(Seen::Left(cause)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_is_told_and_its_session_lives_on() {
    let mut collector = EndCollector::default();
    let (sender, mut seen) = mpsc::unbounded_channel();
    let builder = collector.builder(small());
    let server = builder
        .serve(move |_: &Player| Flood(sender.clone()))
        .await
        .unwrap();
    let mut raw = slow(&server, "ann").await;
    let (mut asked, mut told) = (0, Vec::new());
    while server.stats().frames_dropped == 0 {
        raw.write(&data(b"more")).await;
        asked += 1;
        while let Some(event) = within("the frame", seen.recv()).await {
            match event {
                Seen::Link(link) => told.push(link),
                Seen::Frame(_) => break,
                Seen::Left(cause) => panic!("{cause}"),
            }
        }
    }
    until("it is counted", || server.stats().congested == 1).await;
    let info = &server.sessions()[0];
    assert_eq!((info.congested, info.rate_limited), (true, false));
    let session = info.session;
    server.kick(session, Kick::default()).unwrap();
    assert_eq!(raw.goodbye_code().await, Some(Cause::Kicked.code()));
    drop(raw);
    let end = collector.end().await;
    assert_fates(asked * 2 * FLOOD, &end);
    assert_eq!(server.stats().congested, 0);
    loop {
        match within("the end", seen.recv()).await.unwrap() {
            Seen::Link(link) => told.push(link),
            Seen::Frame(_) => {}
            Seen::Left(cause) => break assert_eq!(cause, Cause::Kicked),
        }
    }
    assert_eq!(told.first(), Some(&Link::Congested));
}

#[test]
fn a_tick_loop_is_told_of_each_session() {
    let builder = lastword_server::Server::builder()
        .config(small())
        .listen("127.0.0.1:0")
        .own_runtime(1);
    let (mut events, server) = builder.bind_events_blocking().unwrap();
    let watched = server.clone();
    let client = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut raw = slow(&watched, "ann").await;
            until("it is congested", || watched.stats().congested == 1).await;
            read_until(&mut raw, |payload| number(payload) == u32::MAX).await;
        });
    });
    let (mut player, mut told) = (None, Vec::new());
    'ticks: loop {
        for event in events.drain() {
            match event {
                Event::Joined { session, .. } => player = Some(session),
                Event::Link { session, link } => {
                    assert_eq!(Some(session), player);
                    // Once: the client leaves when it has read this frame.
                    if link == Link::Congested {
                        server.send_latest(session, 7, &frame(u32::MAX)).unwrap();
                    }
                    told.push(link);
                }
                Event::Left(_) => break 'ticks,
                Event::Frame { .. } | Event::Draining { .. } | _ => panic!("of no client"),
            }
        }
        if let Some(player) = player.filter(|_| told.is_empty()) {
            server.send(player, &frame(0)).unwrap();
        }
        events.wait(std::time::Duration::from_millis(1));
    }
    client.join().unwrap();
    assert!(
        told.starts_with(&[Link::Congested, Link::Flowing]),
        "{told:?}"
    );
}

/// Reads the frames of a room, and counts each in its place.
async fn listen(mut raw: Raw, heard: Arc<AtomicUsize>, last: u32) {
    for n in 0..=last {
        let payloads = read_until(&mut raw, |_| true).await;
        assert_eq!(number(&payloads[0]), n, "each frame, in order");
        heard.fetch_add(1, Ordering::Relaxed);
    }
}

/// One of a hundred clients reads nothing. The others get each frame in order, in rounds that wait for them only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_delays_neither_another_nor_the_broadcaster() {
    const FAST: usize = 99;
    const ROUNDS: u32 = 20;
    const FRAMES: u32 = 8;
    let mut collector = EndCollector::default();
    // All fast clients have the same name.
    let builder = collector
        .builder(small())
        .authenticator(Ask(by_name))
        .second_login(SecondLogin::Allow);
    let room = builder.group();
    let mut server = builder.bind().await.unwrap();
    let handle = server.handle().clone();
    let heard = Arc::new(AtomicUsize::new(0));
    let (mut sessions, mut fast) = (Vec::new(), Vec::new());
    let mut idle = slow(&handle, "dan").await;
    for n in 0..=FAST {
        if n > 0 {
            let raw = Raw::join(handle.local_addr(), "ann").await;
            fast.push(tokio::spawn(listen(
                raw,
                Arc::clone(&heard),
                ROUNDS * FRAMES - 1,
            )));
        }
        let session = within("a session", server.accept()).await.unwrap();
        room.join(session.id()).unwrap();
        sessions.push(session);
    }
    for round in 0..ROUNDS {
        for n in 0..FRAMES {
            assert_eq!(room.broadcast(&frame(round * FRAMES + n)), FAST + 1);
        }
        let all = usize::try_from((round + 1) * FRAMES).unwrap() * FAST;
        until("all fast clients have it", || {
            heard.load(Ordering::Relaxed) == all
        })
        .await;
    }
    for client in fast {
        within("a fast client", client).await.unwrap();
    }
    until("frames were dropped", || handle.stats().frames_dropped > 0).await;
    assert_eq!(handle.stats().congested, 1);
    // It reads at last, and gets the newest.
    let last = ROUNDS * FRAMES - 1;
    let got = read_until(&mut idle, |payload| number(payload) == last).await;
    let numbers: Vec<_> = got.iter().map(|payload| number(payload)).collect();
    assert_in_order(&numbers);
    let read = u64::try_from(numbers.len()).unwrap();
    until("each frame has a fate", || {
        read + handle.stats().frames_dropped == u64::from(ROUNDS * FRAMES)
    })
    .await;
}

/// Positions of a room: everybody gets the newest of each, a slow client fewer of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_gets_the_newest_of_each_key() {
    let mut collector = EndCollector::default();
    let builder = collector.builder(small());
    let room = builder.group();
    let mut server = builder.bind().await.unwrap();
    let handle = server.handle().clone();
    let mut clients = [slow(&handle, "ann").await, slow(&handle, "bob").await];
    let mut sessions = Vec::new();
    for _ in &clients {
        let session = within("a session", server.accept()).await.unwrap();
        room.join(session.id()).unwrap();
        sessions.push(session);
    }
    let ids = || sessions.iter().map(Session::id);
    let mut newest = 0;
    until("frames were replaced", || {
        newest += 1;
        assert_eq!(room.broadcast_latest(1, &frame(newest)), 2);
        let taken = handle.broadcast_latest(ids(), 2, &frame(newest));
        assert_eq!(taken, 2);
        handle.stats().frames_replaced > 100
    })
    .await;
    assert_eq!(room.broadcast_with(Policy::DropOldest, &frame(0)), 2);
    for raw in &mut clients {
        let got = read_until(raw, |payload| number(payload) == 0).await;
        let (_, positions) = got.split_last().unwrap();
        let numbers: Vec<_> = positions.iter().map(|payload| number(payload)).collect();
        let newest_of = numbers.iter().filter(|number| **number == newest).count();
        assert_eq!(newest_of, 2, "{numbers:?}");
        assert!(numbers.len() < usize::try_from(2 * newest).unwrap());
    }
}
