//! Streaming at the pace of a slow reader: `ready` waits, while `send` alone would end the session. A burst for a peer
//! that reads ends nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lastword_client::Client;
use lastword_server::{Cause, Context, Handler, Phase, Player, SendError, Session};
use lastword_tests::{EndCollector, Raw, config, data, kind, within};

const FRAMES: u32 = 1_000;
const FRAME_BYTES: usize = 20_000;

/// A frame that carries its number.
fn frame(number: u32) -> Vec<u8> {
    let mut frame = vec![7; FRAME_BYTES];
    frame[..4].copy_from_slice(&number.to_be_bytes());
    frame
}

fn number(frame: &[u8]) -> u32 {
    assert_eq!(frame.len(), FRAME_BYTES);
    u32::from_be_bytes(*frame.first_chunk().unwrap())
}

/// A session and its peer, which reads nothing unless told to, and whose window closes soon.
async fn session(collector: &mut EndCollector) -> (Session, Raw) {
    let mut server = collector.builder(config()).bind().await.unwrap();
    let mut raw = Raw::connect_small(server.local_addr(), 4_096).await;
    raw.enter("ann").await;
    let session = within("a session", server.accept()).await.unwrap();
    (session, raw)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_that_waits_for_room_streams_20_mb_to_a_slow_reader_and_loses_nothing() {
    let mut collector = EndCollector::default();
    let (session, mut raw) = session(&mut collector).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let progress = Arc::clone(&sent);
    let game = tokio::spawn(async move {
        for n in 0..FRAMES {
            session.ready().await.expect("it lives");
            session.send(frame(n)).expect("there is room");
            progress.fetch_add(1, Ordering::Relaxed);
        }
        session
    });
    for n in 0..FRAMES {
        let (kind, payload) = raw.frame().await.expect("nothing ends");
        assert_eq!((kind, number(&payload)), (kind::DATA, n));
        let ahead = sent
            .load(Ordering::Relaxed)
            .saturating_sub(usize::try_from(n).unwrap());
        // The kernel's send buffer is at most 4 MiB; ours holds half of 256 KiB and one frame.
        assert!(ahead < 250, "{ahead} frames wait somewhere");
    }
    let session = within("the game", game).await.unwrap();
    let departure = tokio::spawn(session.close());
    assert_eq!(raw.goodbye_code().await, Some(Cause::ClosedByGame.code()));
    drop(raw);
    let departure = within("the departure", departure).await.unwrap();
    assert_eq!(departure.cause, Cause::ClosedByGame.into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_that_does_not_wait_for_room_ends_as_send_queue_full() {
    let mut collector = EndCollector::default();
    let (session, mut raw) = session(&mut collector).await;
    let mut refused = 0;
    loop {
        match session.send(frame(0)) {
            Ok(()) => {}
            Err(SendError::QueueFull) => refused += 1,
            Err(error) => break assert_eq!(error, SendError::Closed),
        }
    }
    assert!(refused > 0, "a full queue takes no frame");
    assert_eq!(raw.goodbye_code().await, Some(Cause::SendQueueFull.code()));
    drop(raw);
    let end = collector.end().await;
    let phase = end.ending.verdict.phase;
    assert_eq!((end.cause(), phase), (Cause::SendQueueFull, Phase::Live));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_tasks_that_wait_for_room_all_get_it() {
    const TASKS: u32 = 4;
    let mut collector = EndCollector::default();
    let (session, mut raw) = session(&mut collector).await;
    let session = Arc::new(session);
    let games: Vec<_> = (0..TASKS)
        .map(|task| {
            let session = Arc::clone(&session);
            tokio::spawn(async move {
                for n in 0..FRAMES / TASKS {
                    // Sometimes all four tasks find the same room. Each of their frames fits into the other half of the
                    // queue.
                    session.ready().await.expect("it lives");
                    session
                        .send(frame(n * TASKS + task))
                        .expect("there is room");
                }
            })
        })
        .collect();
    let mut seen = vec![0; usize::try_from(FRAMES).unwrap()];
    for _ in 0..FRAMES {
        let (_, payload) = raw.frame().await.expect("nothing ends");
        seen[usize::try_from(number(&payload)).unwrap()] += 1;
    }
    assert!(
        seen.iter().all(|times| *times == 1),
        "nothing lost or twice"
    );
    for game in games {
        within("a game", game).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_waits_for_room_learns_that_the_peer_is_gone() {
    let mut collector = EndCollector::default();
    let (session, raw) = session(&mut collector).await;
    let game = tokio::spawn(async move {
        loop {
            match session.ready().await {
                Ok(()) => session.send(frame(0)).ok(),
                Err(error) => return error,
            };
        }
    });
    raw.until_readable().await;
    raw.reset();
    let error = within("the end", game).await.unwrap();
    assert_eq!(error, SendError::Closed);
    collector.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_waits_for_room_loses_nothing_at_a_game_that_takes_its_time() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config()).bind().await.unwrap();
    let client = Client::connect(server.local_addr(), "ann").await.unwrap();
    let mut session = within("a session", server.accept()).await.unwrap();
    let game = tokio::spawn(async move {
        for n in 0..FRAMES {
            client.ready().await.expect("it lives");
            client.send(frame(n)).expect("there is room");
        }
        client.goodbye().await
    });
    for n in 0..FRAMES {
        let payload = within("a frame", session.recv()).await.expect("it lives");
        assert_eq!(number(&payload), n);
    }
    let ended = within("the goodbye", game).await.unwrap();
    assert_eq!(ended.cause, Cause::ClosedByGame);
}

/// Answers each frame with 4 KiB.
struct Verbose;

impl Handler for Verbose {
    fn frame(&mut self, context: &mut Context<'_, '_>, _: &[u8]) {
        context.send(&[7; 4_096]).expect("there is room");
    }
}

/// A second without a radio link, then all inputs at once: the answers are more than the outbound cap.
#[tokio::test]
async fn a_burst_of_inputs_ends_no_player_that_reads() {
    const INPUTS: usize = 100;
    let mut collector = EndCollector::default();
    let server = collector
        .builder(config())
        .serve(|_: &Player| Verbose)
        .await
        .unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    raw.write(&data(b"input").repeat(INPUTS)).await;
    for n in 0..INPUTS {
        let (kind, payload) = raw.frame().await.expect("nothing ends");
        assert_eq!((kind, payload.len()), (kind::DATA, 4_096), "{n}");
    }
    assert_eq!(server.sessions().len(), 1);
}

/// The game goes on while this process writes nothing: its only worker is blocked.
#[tokio::test]
async fn a_late_server_ends_no_player_that_reads() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config()).bind().await.unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    let session = within("a session", server.accept()).await.unwrap();
    let sent = thread::scope(|threads| {
        let tick = |n: &u32| session.send(frame(*n)).is_ok();
        let game = threads.spawn(move || (0..25).take_while(tick).count());
        game.join().unwrap()
    });
    assert!(sent * FRAME_BYTES > 256 * 1024, "more than the cap: {sent}");
    for n in 0..sent {
        let (_, payload) = raw.frame().await.expect("nothing ends");
        assert_eq!(usize::try_from(number(&payload)).unwrap(), n);
    }
    assert_eq!(session.send(b"on time"), Ok(()));
    assert_eq!(raw.frame().await.unwrap().1, b"on time");
}
