//! Frames that the game has not taken when the end comes. The game can take them all, a failed answer does not stop it,
//! and the record counts correctly how many it did not take. `unread_places.rs` has the games that do not come back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::ops::Range;
use std::time::Duration;

use lastword_server::{
    Cause, Config, Event, Events, Kick, SendError, Server, ServerHandle, Session,
};
use lastword_tests::{
    EndCollector, PATIENCE, Raw, config, data, frame, goodbye, kind, until, within,
};

/// How a connection ends after frames that wait for the game.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Goodbye,
    Fin,
    Reset,
    Flood,
    Malformed,
    Kick,
    Close,
    Drain,
}

impl End {
    const ALL: [(Self, Cause); 8] = [
        (Self::Goodbye, Cause::PeerGoodbye),
        (Self::Fin, Cause::PeerFin),
        (Self::Reset, Cause::PeerReset),
        (Self::Flood, Cause::PingFlood),
        (Self::Malformed, Cause::FrameMalformed),
        (Self::Drain, Cause::Drained),
        (Self::Kick, Cause::Kicked),
        (Self::Close, Cause::ClosedByGame),
    ];

    /// The ends that wait for the game. It does not wait for its own.
    fn waiting() -> impl Iterator<Item = (Self, Cause)> {
        Self::ALL.into_iter().take(6)
    }

    /// The game takes the first frame, and then the connection ends. Returns as [`End::play`] does.
    async fn play_after_one(
        self,
        server: &ServerHandle,
        collector: &mut EndCollector,
        mut raw: Raw,
        session: &mut Session,
    ) -> Option<Raw> {
        raw.write(&numbered(0..1)).await;
        assert!(within("a frame", session.recv()).await.is_some());
        self.play(server, collector, raw, 1).await
    }

    /// Sends the frames from this one on, and ends. Returns once the server has nothing more to read or to send; a
    /// half-closed client still reads.
    async fn play(
        self,
        server: &ServerHandle,
        collector: &mut EndCollector,
        mut raw: Raw,
        first: u32,
    ) -> Option<Raw> {
        raw.write(&numbered(first..FRAMES)).await;
        let stats = || server.stats();
        until("the frames came", || stats().frames.0 == u64::from(FRAMES)).await;
        match self {
            Self::Goodbye => raw.write(&goodbye()).await,
            Self::Fin => {
                raw.fin().await;
                others_come_and_go(server, collector).await;
                return Some(raw);
            }
            Self::Reset => {
                raw.reset();
                others_come_and_go(server, collector).await;
                return None;
            }
            Self::Flood => raw.write(&frame(kind::PING, &[0; 16]).repeat(100)).await,
            Self::Malformed => raw.write(&frame(kind::PING, b"?")).await,
            Self::Kick | Self::Close => {
                let session = server.sessions().remove(0).session;
                let ended = match self == Self::Kick {
                    true => server.kick(session, Kick::because("enough")),
                    false => server.close(session, Kick::default()),
                };
                ended.unwrap();
            }
            Self::Drain => {
                server.begin_drain(Duration::from_secs(10));
                raw.frame().await;
                raw.write(&goodbye()).await;
            }
        }
        raw.goodbye_code().await;
        None
    }
}

fn numbered(frames: Range<u32>) -> Vec<u8> {
    frames.flat_map(|n| data(&n.to_be_bytes())).collect()
}

/// A configuration in which the end waits for the game as long as the test does.
fn patient() -> Config {
    let mut config = config();
    config.timeouts.delivery_ms = 60_000;
    config.timeouts.linger_ms = 60_000;
    config
}

/// The runtime has one thread. Another peer has come and gone, so everything that was ready before has been handled.
async fn others_come_and_go(server: &ServerHandle, collector: &mut EndCollector) {
    drop(Raw::connect(server.local_addr()).await);
    assert_eq!(collector.end().await.cause(), Cause::PeerProbe);
}

#[tokio::test]
async fn every_frame_that_the_game_takes_after_the_end_counts_as_taken() {
    for (end, cause) in End::waiting() {
        let (mut collector, server, mut session, raw) = table(patient()).await;
        let _raw = end
            .play_after_one(server.handle(), &mut collector, raw, &mut session)
            .await;
        assert_eq!(
            collector.more(),
            0,
            "{end:?}: told before the frames were taken"
        );
        assert_eq!(echoes(&mut session, 1).await, FRAMES, "{end:?}");
        let departure = collector.departure().await;
        assert_eq!(departure.cause, cause.into(), "{end:?}");
        assert_eq!(
            (departure.undelivered_frames, departure.undelivered_bytes),
            (0, 0),
            "{end:?}"
        );
        assert_eq!(session.send(b"late"), Err(SendError::Closed), "{end:?}");
    }
}

/// The game has never taken a frame, so it is not waited for: all of them count as not taken, for every kind of end.
#[tokio::test]
async fn frames_that_a_stuck_game_does_not_take_count_as_not_taken() {
    for (end, cause) in End::ALL {
        let (mut collector, server, mut session, raw) = table(patient()).await;
        let _raw = end.play(server.handle(), &mut collector, raw, 0).await;
        let departure = collector.departure().await;
        assert_eq!(departure.cause, cause.into(), "{end:?}");
        assert_eq!(departure.undelivered_frames, u64::from(FRAMES), "{end:?}");
        assert_eq!(
            take(&mut session).await,
            FRAMES,
            "{end:?}: they may still be taken"
        );
    }
}

#[tokio::test]
async fn a_game_that_gives_its_session_up_leaves_the_rest_untaken() {
    for (end, cause) in End::waiting() {
        let (mut collector, server, mut session, raw) = table(patient()).await;
        let _raw = end
            .play_after_one(server.handle(), &mut collector, raw, &mut session)
            .await;
        for _ in 1..10 {
            within("a frame", session.recv()).await.unwrap();
        }
        drop(session);
        let departure = collector.departure().await;
        assert_eq!(departure.cause, cause.into(), "{end:?}");
        assert_eq!(departure.undelivered_frames, u64::from(FRAMES) - 10);
    }
}

/// If there always were room after the end, a loop that only sends would go on for ever.
#[tokio::test]
async fn a_game_that_only_streams_stops_at_the_end_although_frames_wait() {
    let (mut collector, server, session, raw) = table(config()).await;
    let handle = server.handle().clone();
    let stream = tokio::spawn(async move {
        while session.ready().await.is_ok() && session.send([7; 1024]).is_ok() {
            tokio::task::yield_now().await;
        }
        session.close().await
    });
    End::Goodbye.play(&handle, &mut collector, raw, 0).await;
    let departure = within("the stream's end", stream).await.unwrap();
    assert_eq!(departure.cause, Cause::PeerGoodbye.into());
    assert_eq!(
        collector.departure().await.undelivered_frames,
        u64::from(FRAMES)
    );
}

#[tokio::test]
async fn a_game_that_waits_for_room_before_each_answer_reads_to_the_last_frame() {
    let (mut collector, server, mut session, raw) = table(patient()).await;
    End::Goodbye
        .play_after_one(server.handle(), &mut collector, raw, &mut session)
        .await;
    let mut taken = 1_u32;
    while let Some(payload) = within("a frame", session.recv()).await {
        session.ready().await.unwrap();
        session.send(payload).unwrap();
        taken += 1;
    }
    assert_eq!(taken, FRAMES);
    let departure = collector.departure().await;
    assert_eq!(departure.undelivered_frames, 0);
    assert_eq!(
        departure.ending.evidence.frames_unsent,
        u64::from(FRAMES) - 1,
        "what it answered was not sent"
    );
}

/// A tick loop takes the frames from before the end with its next tick, and only then is told of the end.
#[tokio::test]
async fn a_tick_loop_takes_every_frame_before_the_end() {
    for (end, cause) in End::waiting() {
        let mut collector = EndCollector::default();
        let builder = collector.builder(patient());
        let (mut events, handle) = builder.bind_events().await.unwrap();
        let mut raw = Raw::join(handle.local_addr(), "ann").await;
        raw.write(&numbered(0..1)).await;
        until("the first frame", || events.drain().any(is_frame)).await;
        let _raw = end.play(&handle, &mut collector, raw, 1).await;
        assert_eq!(
            collector.more(),
            0,
            "{end:?}: told before the frames were taken"
        );
        let ticks = tokio::task::spawn_blocking(move || tick(events, &handle, 1));
        assert_eq!(within("the ticks", ticks).await.unwrap(), FRAMES, "{end:?}");
        let departure = collector.departure().await;
        assert_eq!(departure.cause, cause.into(), "{end:?}");
        assert_eq!(departure.undelivered_frames, 0, "{end:?}");
    }
}

/// The loop does not tick, so it is not waited for: the frames count as not taken. A later tick may still take them.
#[tokio::test]
async fn frames_that_a_stuck_tick_loop_does_not_take_count_as_not_taken() {
    for (end, cause) in End::ALL {
        let mut collector = EndCollector::default();
        let builder = collector.builder(patient());
        let (mut events, handle) = builder.bind_events().await.unwrap();
        let raw = Raw::join(handle.local_addr(), "ann").await;
        let _raw = end.play(&handle, &mut collector, raw, 0).await;
        let departure = collector.departure().await;
        assert_eq!(departure.cause, cause.into(), "{end:?}");
        assert_eq!(departure.undelivered_frames, u64::from(FRAMES), "{end:?}");
        assert_eq!(
            departure.undelivered_bytes,
            u64::from(4 * FRAMES),
            "{end:?}"
        );
        let taken = events
            .drain()
            .map(is_frame)
            .filter(|is_frame| *is_frame)
            .count();
        assert_eq!(taken, FRAMES as usize, "{end:?}: they may still be taken");
    }
}

/// The slot of a client that left is free at once if there is nothing to take, even if the game has not read yet.
#[tokio::test]
async fn a_session_that_the_game_has_not_read_yet_ends_with_its_client() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config()).bind().await.unwrap();
    for is_accepted in [true, false] {
        let raw = Raw::join(server.local_addr(), "ann").await;
        let session = match is_accepted {
            true => Some(within("a session", server.accept()).await.unwrap()),
            false => None,
        };
        drop(raw);
        assert_eq!(collector.departure().await.cause, Cause::PeerFin.into());
        assert_eq!(server.handle().stats().connections_open, 0);
        drop(session);
    }
}

/// The player reads the frames of the tick in which it is kicked before the reason.
#[tokio::test]
async fn a_kick_behind_what_is_queued_is_read_last_and_is_a_kick() {
    for after_queued in [false, true] {
        let mut collector = EndCollector::default();
        let server = collector.builder(config()).bind().await.unwrap();
        let handle = server.handle();
        let mut raw = Raw::join(server.local_addr(), "ann").await;
        let session = handle.sessions().remove(0).session;
        let kick = Kick {
            after_queued,
            ..Kick::because("game over")
        };
        // All in one turn of this thread, so that nothing is written in between.
        for _ in 0..10 {
            handle.send(session, b"the score").unwrap();
        }
        handle.kick(session, kick).unwrap();
        let mut frames = 0;
        let code = loop {
            match raw.frame().await.expect("the reason") {
                (kind::DATA, _) => frames += 1,
                (kind::GOODBYE, payload) => break u16::from_be_bytes([payload[1], payload[2]]),
                _ => {}
            }
        };
        drop(raw);
        assert_eq!(
            (frames, code),
            (if after_queued { 10 } else { 0 }, Cause::Kicked.code())
        );
        let end = collector.end().await;
        assert_eq!(end.cause(), Cause::Kicked);
        assert_eq!(end.ending.evidence.frames_unsent, 10 - frames);
    }
}

/// A client with a session, whose game has not taken anything yet.
async fn table(config: Config) -> (EndCollector, Server, Session, Raw) {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config).bind().await.unwrap();
    let raw = Raw::join(server.local_addr(), "ann").await;
    let session = within("a session", server.accept()).await.unwrap();
    (collector, server, session, raw)
}

/// Plays the usual way, which stops at the first frame that cannot be sent. `taken` frames were taken before.
async fn echoes(session: &mut Session, mut taken: u32) -> u32 {
    while let Some(payload) = within("a frame", session.recv()).await {
        assert_eq!(payload, taken.to_be_bytes().as_slice());
        taken += 1;
        if session.send(&payload).is_err() {
            break;
        }
    }
    taken
}

async fn take(session: &mut Session) -> u32 {
    let mut taken = 0_u32;
    while within("a frame", session.recv()).await.is_some() {
        taken += 1;
    }
    taken
}

fn is_frame(event: Event<'_>) -> bool {
    matches!(event, Event::Frame { .. })
}

/// Ticks until the one session has left. Returns how many frames it sent, with those `taken` before.
fn tick(mut events: Events, players: &ServerHandle, mut taken: u32) -> u32 {
    let patience = std::time::Instant::now() + PATIENCE;
    while std::time::Instant::now() < patience {
        events.wait(Duration::from_millis(10));
        for event in events.drain() {
            match event {
                Event::Frame { session, payload } => {
                    assert_eq!(payload, taken.to_be_bytes());
                    taken += 1;
                    players.send(session, payload).unwrap();
                }
                Event::Left(departure) => {
                    let gone = departure.session;
                    assert_eq!(players.send(gone, b"late"), Err(SendError::Closed));
                    return taken;
                }
                Event::Joined { .. } | Event::Link { .. } | Event::Draining { .. } | _ => {}
            }
        }
    }
    taken
}

/// Fewer than an inbox holds, so that reading continues to the end.
const FRAMES: u32 = 12;
