//! Cause 47, and the wait before it: a peer that sends more than its rate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::time::Instant;

use lastword_server::{
    Cause, Config, Context, Departure, Handler, Link, Phase, Player, ServerHandle,
};
use lastword_tests::{EndCollector, Raw, config, data, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Frame(Vec<u8>),
    Link(Link),
    Left(Cause),
}

/// Reports each event to the test.
struct Watcher(mpsc::UnboundedSender<Seen>);

impl Watcher {
    fn saw(&self, seen: Seen) {
        // A test that has seen enough is gone.
        let _gone = self.0.send(seen);
    }
}

impl Handler for Watcher {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        let _full = context.send(payload);
        self.saw(Seen::Frame(payload.to_vec()));
    }

    fn link(&mut self, _context: &mut Context<'_, '_>, link: Link) {
        self.saw(Seen::Link(link));
    }

    fn left(self, departure: &Departure) {
        self.saw(Seen::Left(departure.ending.verdict.cause));
    }
}

/// A server whose clients may send 20 frames a second, and as many at once.
struct Rated {
    server: ServerHandle,
    collector: EndCollector,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Rated {
    async fn start(over_ms: u32) -> Self {
        let mut config: Config = config();
        config.rates.frames_per_second = 20;
        config.rates.over_ms = over_ms;
        let mut collector = EndCollector::default();
        let (sender, seen) = mpsc::unbounded_channel();
        let builder = collector.builder(config);
        let server = builder.serve(move |_: &Player| Watcher(sender.clone()));
        Self {
            server: server.await.unwrap(),
            collector,
            seen,
        }
    }

    async fn next(&mut self) -> Seen {
        within("an event", self.seen.recv()).await.expect("it runs")
    }

    /// Takes the frames before the next other event. Returns their number, and that event.
    async fn after_frames(&mut self) -> (usize, Seen) {
        let mut frames = 0;
        loop {
            match self.next().await {
                Seen::Frame(_) => frames += 1,
                other @ (Seen::Link(_) | Seen::Left(_)) => return (frames, other),
            }
        }
    }
}

#[tokio::test]
async fn a_flood_is_slowed_told_to_the_game_and_ended_as_rate_limited() {
    let mut rated = Rated::start(1_000).await;
    let mut raw = Raw::join(rated.server.local_addr(), "ann").await;
    let begun = Instant::now();
    raw.write(&data(b"x").repeat(2_000)).await;
    let (before, told) = rated.after_frames().await;
    assert_eq!(told, Seen::Link(Link::RateLimited));
    assert_eq!(rated.server.stats().rate_limited, 1);
    let info = &rated.server.sessions()[0];
    assert_eq!((info.rate_limited, info.congested), (true, false));
    assert_eq!(rated.server.stats().inbound_paused, 0, "the game takes all");
    assert_eq!(raw.goodbye_code().await, Some(47));
    drop(raw);
    let (slowed, left) = rated.after_frames().await;
    assert_eq!(left, Seen::Left(Cause::RateLimited));
    let end = rated.collector.end().await;
    let verdict = end.ending.verdict;
    assert_eq!(
        (verdict.cause, verdict.phase),
        (Cause::RateLimited, Phase::Live)
    );
    let over_ms = end.record().over_rate_ms.expect("it was over its rate");
    assert!(over_ms >= 1_000, "{over_ms}");
    // A burst of 20, and 20 a second.
    let most = 20 + begun.elapsed().as_millis() / 50;
    let frames = before + slowed;
    assert!(before >= 20, "{before}");
    assert!(frames as u128 <= most, "{frames} of {most}");
    let what = end.record().trail.first().map(|step| step.what);
    assert_eq!(what, Some("frame_rate"));
    let stats = rated.server.stats();
    assert_eq!((stats.rate_limited, stats.laws_hold()), (0, true));
}

/// TCP holds such a client back, and it has bytes waiting all the time.
#[tokio::test]
async fn a_client_that_pushes_as_fast_as_tcp_lets_it_is_rate_limited() {
    let mut rated = Rated::start(1_000).await;
    let raw = Raw::join(rated.server.local_addr(), "ann").await;
    let (mut reader, mut writer) = raw.stream.into_split();
    let flood = tokio::spawn(async move {
        let frames = data(&[7; 1_000]).repeat(100);
        while writer.write_all(&frames).await.is_ok() {}
    });
    let end = rated.collector.end().await;
    assert_eq!(end.cause(), Cause::RateLimited, "{end:#?}");
    within("the flood's end", flood).await.unwrap();
    let mut answers = Vec::new();
    // The client may find a reset behind the answers, since it never stops.
    let _reset = within("the answers", reader.read_to_end(&mut answers)).await;
}

#[tokio::test]
async fn a_burst_is_slowed_and_then_the_session_is_as_before() {
    let mut rated = Rated::start(10_000).await;
    let mut raw = Raw::join(rated.server.local_addr(), "ann").await;
    let frames: Vec<u8> = (0..60).flat_map(|n| data(&[n])).collect();
    raw.write(&frames).await;
    let mut links = Vec::new();
    let mut payloads = Vec::new();
    while links.len() < 2 {
        match rated.next().await {
            Seen::Frame(payload) => payloads.extend(payload),
            Seen::Link(link) => links.push(link),
            Seen::Left(cause) => panic!("{cause}"),
        }
    }
    assert_eq!(links, [Link::RateLimited, Link::WithinRate]);
    assert!(payloads.into_iter().eq(0..60), "all, in order");
    assert_eq!(rated.server.stats().rate_limited, 0);
    raw.echo(b"as before").await;
}

/// At the rate, the frames before the end would take 100 s.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_end_behind_waiting_frames_is_noticed_and_all_is_delivered() {
    for reset in [false, true] {
        let mut rated = Rated::start(0).await;
        let mut raw = Raw::join(rated.server.local_addr(), "ann").await;
        raw.write(&data(b"x").repeat(2_020)).await;
        let (before, told) = rated.after_frames().await;
        assert_eq!(told, Seen::Link(Link::RateLimited));
        let cause = if reset {
            raw.reset();
            Cause::PeerReset
        } else {
            raw.fin().await;
            Cause::PeerFin
        };
        let (frames, left) = rated.after_frames().await;
        assert_eq!((before + frames, left), (2_020, Seen::Left(cause)));
        let end = rated.collector.end().await;
        assert_eq!(end.cause(), cause);
        assert!(end.ending.evidence.over_rate_for.is_some());
    }
}
