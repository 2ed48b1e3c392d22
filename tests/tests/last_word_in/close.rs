//! 5 MB and a close.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lastword_server::{Anonymous, Cause, Config, Context, Departure, Handler, Player};
use lastword_tests::{EndCollector, Log, Raw, config, quick};

use crate::game::{FRAMES, Pace, Table, in_order, nothing_is_missing, number, stream};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_megabytes_and_a_close_all_reach_a_game_that_starts_a_second_late() {
    five_megabytes_and_a_close(Pace::SecondLate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_megabytes_and_a_close_all_reach_a_game_that_takes_a_frame_a_millisecond() {
    five_megabytes_and_a_close(Pace::FrameAMillisecond).await;
}

async fn five_megabytes_and_a_close(pace: Pace) {
    let Table {
        server,
        mut collector,
        mut session,
        mut raw,
    } = Table::seat(no_pings()).await;
    let bytes = stream(FRAMES);
    let client = tokio::spawn(async move { raw.write(&bytes).await });
    let handle = server.handle();
    let taken = pace
        .play_and(&mut session, |count| {
            let is_last = count == FRAMES;
            assert!(
                !is_last || handle.stats().sessions_open == 1,
                "the end comes after the last frame was handled"
            );
        })
        .await;
    client.await.unwrap();
    assert_eq!(in_order(&taken), FRAMES);
    let end = nothing_is_missing(&mut collector, &taken).await;
    assert_eq!(end.cause(), Cause::PeerFin, "{end} {end:#?}");
    assert!(handle.stats().laws_hold());
}

/// A client that closed answers a ping with a reset, and its kernel then drops the data that it had still to send. On a
/// slow machine a heartbeat may come due, and the client would lose data by its own act. So this configuration has a
/// profile with rare pings.
fn no_pings() -> Config {
    let mut config = config();
    config.liveness.profile = "background".to_owned();
    config
}

/// While a game stalls, the server still pings the client. A client that still reads loses nothing by that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_shuts_and_reads_on_loses_nothing_to_the_pings_of_a_stalled_server() {
    let Table {
        server: _server,
        mut collector,
        mut session,
        mut raw,
    } = Table::seat(quick(config())).await;
    let bytes = stream(FRAMES);
    let client = tokio::spawn(async move {
        raw.write(&bytes).await;
        raw.fin().await;
        let mut pings = 0;
        while raw.frame().await.is_some() {
            pings += 1;
        }
        pings
    });
    let taken = Pace::SecondLate.play(&mut session).await;
    assert_eq!(in_order(&taken), FRAMES);
    let end = nothing_is_missing(&mut collector, &taken).await;
    assert_eq!(end.cause(), Cause::PeerFin, "{end} {end:#?}");
    assert!(client.await.unwrap() > 0, "there were pings");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn five_megabytes_and_a_close_all_reach_a_handler_that_blocks_for_a_second() {
    five_megabytes_to_a_handler(Pace::SecondLate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn five_megabytes_and_a_close_all_reach_a_handler_that_takes_a_frame_a_millisecond() {
    five_megabytes_to_a_handler(Pace::FrameAMillisecond).await;
}

async fn five_megabytes_to_a_handler(pace: Pace) {
    let seen: Log<Seen> = Arc::new(Mutex::default());
    let mut collector = EndCollector::default();
    let log = Arc::clone(&seen);
    let make = move |_: &Player| Slow {
        pace,
        seen: Arc::clone(&log),
    };
    let server = collector
        .builder(config())
        .authenticator(Anonymous)
        .serve(make)
        .await
        .unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    raw.write(&stream(FRAMES)).await;
    drop(raw);
    let frames: Vec<u32> = (0..).take(FRAMES).collect();
    let end = nothing_is_missing(&mut collector, &frames).await;
    assert_eq!(end.cause(), Cause::PeerFin, "{end} {end:#?}");
    let all: Vec<Seen> = frames
        .into_iter()
        .map(Seen::Frame)
        .chain([Seen::Left(Cause::PeerFin)])
        .collect();
    assert!(
        *seen.lock().unwrap() == all,
        "every frame, in order, and then the end"
    );
}

/// A handler that blocks its own connection.
struct Slow {
    pace: Pace,
    seen: Log<Seen>,
}

#[derive(Debug, PartialEq)]
enum Seen {
    Frame(u32),
    Left(Cause),
}

impl Handler for Slow {
    fn frame(&mut self, _context: &mut Context<'_, '_>, payload: &[u8]) {
        let n = number(payload);
        match self.pace {
            Pace::SecondLate if n == 0 => std::thread::sleep(Duration::from_secs(1)),
            Pace::SecondLate => {}
            Pace::FrameAMillisecond => std::thread::sleep(Duration::from_millis(1)),
        }
        self.seen.lock().unwrap().push(Seen::Frame(n));
    }

    fn left(self, departure: &Departure) {
        self.seen
            .lock()
            .unwrap()
            .push(Seen::Left(departure.ending.verdict.cause));
    }
}
