//! A game that takes no frames pauses reading. An end is still noticed at once, but reported only after everything that
//! came before it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::net::SocketAddr;
use std::time::Instant;

use lastword_server::{Cause, Config, Disconnect, Kick, NoSuchSession, Phase, Server, Session};
use lastword_session::TrailEvent;
use lastword_tests::{
    EndCollector, Raw, config, data, goodbye, kind, quick, rx_queue, until, within,
};

#[tokio::test]
async fn a_reset_is_noticed_at_once_and_reported_after_all_earlier_frames() {
    let (mut game, raw) = Game::paused(config(), &[]).await;
    raw.reset();
    let end = game.notices_the_end_and_takes_all().await;
    assert_eq!(end.cause(), Cause::PeerReset, "{end:#?}");
    assert_eq!(end.ending.evidence.fin, Some(false));
}

#[tokio::test]
async fn a_fin_is_noticed_at_once_and_reported_after_all_earlier_frames() {
    let (mut game, mut raw) = Game::paused(config(), &[]).await;
    raw.fin().await;
    let end = game.notices_the_end_and_takes_all().await;
    assert_eq!(end.cause(), Cause::PeerFin, "{end:#?}");
    assert_eq!(end.ending.evidence.fin, Some(true));
}

#[tokio::test]
async fn an_end_inside_a_frame_is_one_also_when_it_was_noticed_long_before_it_was_read() {
    for (reset, cause) in [
        (false, Cause::PeerFinMidFrame),
        (true, Cause::PeerResetMidFrame),
    ] {
        let (mut game, raw) = Game::paused(config(), &data(&[7; 100])[..50]).await;
        if reset {
            raw.reset()
        } else {
            drop(raw)
        }
        let end = game.notices_the_end_and_takes_all().await;
        assert_eq!(end.cause(), cause, "{end:#?}");
        assert_eq!(end.ending.evidence.partial_frame, Some((50, Some(104))));
    }
}

#[tokio::test]
async fn a_goodbye_that_waited_unread_outranks_the_reset_behind_it() {
    let (mut game, raw) = Game::paused(config(), &goodbye()).await;
    raw.reset();
    let end = game.notices_the_end_and_takes_all().await;
    assert_eq!(end.cause(), Cause::PeerGoodbye, "{end:#?}");
}

/// If an urgent byte looked like an end, a peer could fake its end and then could not be kicked.
#[tokio::test]
async fn an_urgent_byte_is_no_end() {
    let (mut game, mut raw) = Game::paused(config(), &[]).await;
    socket2::SockRef::from(&raw.stream)
        .send_out_of_band(&[0])
        .expect("an urgent byte");
    game.others_come_and_go().await;
    assert_eq!(game.kick(), Ok(()));
    assert_eq!(raw.goodbye_code().await, Some(Cause::Kicked.code()));
    drop(raw);
    game.takes(PAUSED_AT).await;
    assert_eq!(game.collector.end().await.cause(), Cause::Kicked);
}

#[tokio::test]
async fn a_kick_before_the_reset_stays_the_cause() {
    let (mut game, raw) = Game::paused(config(), &[]).await;
    assert_eq!(game.kick(), Ok(()));
    game.others_come_and_go().await;
    raw.reset();
    game.takes(PAUSED_AT).await;
    assert_eq!(game.collector.end().await.cause(), Cause::Kicked);
}

/// Our write gets the error, so reading ends in a 0, which is not a FIN.
#[tokio::test]
async fn a_reset_that_a_write_met_first_is_a_reset() {
    let (mut game, raw) = Game::paused(config(), &[]).await;
    raw.reset();
    game.session.send(b"news").expect("the session is live");
    game.others_come_and_go().await;
    assert_eq!(
        game.kick(),
        Err(NoSuchSession),
        "nothing can be said any more"
    );
    game.takes(PAUSED_AT + WAITING).await;
    let end = game.collector.end().await;
    assert_eq!(end.cause(), Cause::PeerReset, "{end:#?}");
    assert_eq!(
        end.ending.first_error.map(|first| first.call.label()),
        Some("write")
    );
}

/// The game gives the session up after the end was noticed: the session departs with the peer's cause.
#[tokio::test]
async fn a_session_that_is_closed_after_the_notice_departs_with_the_peers_cause() {
    let (mut game, raw) = Game::paused(config(), &[]).await;
    raw.reset();
    game.others_come_and_go().await;
    let Game {
        session,
        mut collector,
        server,
        ..
    } = game;
    let departure = within("the departure", session.close()).await;
    assert_eq!(departure.cause, Cause::PeerReset.into());
    assert_eq!(collector.end().await.cause(), Cause::PeerReset);
    assert!(server.handle().stats().laws_hold());
}

/// The peer answers our pings only in its kernel. While we do not read, that does not count as peer silence.
#[tokio::test]
async fn a_peer_that_we_do_not_read_is_never_silent() {
    let (mut game, mut raw) = Game::paused(quick(config()), &[]).await;
    let dead = quick(config()).default_profile().dead.expect("a limit");
    let paused = Instant::now();
    let mut pings = 0;
    while paused.elapsed() < dead * 3 / 2 {
        let (kind, _) = raw.frame().await.expect("the session goes on");
        pings += u32::from(kind == kind::PING);
    }
    assert!(
        pings >= 10,
        "a ping each heartbeat, so that the client hears us: {pings}"
    );
    let resumed = Instant::now();
    let leave = async {
        let code = raw.goodbye_code().await;
        drop(raw);
        code
    };
    let ((), code) = tokio::join!(game.takes(PAUSED_AT + WAITING), leave);
    assert_eq!(
        code,
        Some(Cause::PeerFrozen.code()),
        "now that we listen and nothing comes"
    );
    assert_eq!(game.collector.end().await.cause(), Cause::PeerFrozen);
    assert!(resumed.elapsed() >= dead);
}

/// The game does not wait for itself.
#[tokio::test]
async fn a_kick_after_the_notice_ends_the_wait_and_is_not_the_cause() {
    let (mut game, raw) = Game::paused(config(), &[]).await;
    raw.reset();
    game.others_come_and_go().await;
    assert_eq!(game.kick(), Ok(()));
    let end = game.collector.end().await;
    assert_eq!(end.cause(), Cause::PeerReset, "{end:#?}");
    assert!(at(&end, "end_noticed").at <= at(&end, "close_after_end").at);
    assert_eq!(
        end.undelivered_frames,
        u64::from(PAUSED_AT + WAITING),
        "the kernel's rest was read"
    );
    game.takes(PAUSED_AT + WAITING).await;
}

/// A session whose game has taken frame 0, and whose inbox is full, with `WAITING` frames and `tail` unread in the
/// kernel. The end waits for the game as long as the test does.
struct Game {
    collector: EndCollector,
    server: Server,
    session: Session,
}

impl Game {
    async fn paused(mut config: Config, tail: &[u8]) -> (Self, Raw) {
        config.limits.inbox_frames_max = PAUSED_AT;
        config.timeouts.delivery_ms = 60_000;
        config.timeouts.linger_ms = 60_000;
        let mut collector = EndCollector::default();
        let mut server = collector.builder(config).bind().await.expect("a server");
        let mut raw = Raw::join(server.local_addr(), "ann").await;
        let mut session = within("a session", server.accept())
            .await
            .expect("the server is there");
        raw.write(&numbered(0..1)).await;
        assert!(within("a frame", session.recv()).await.is_some());
        let full = 1 + PAUSED_AT;
        raw.write(&numbered(1..full)).await;
        let stats = || server.handle().stats();
        until("a full inbox", || stats().frames.0 == u64::from(full)).await;
        let waiting = [&numbered(full..full + WAITING), tail].concat();
        raw.write(&waiting).await;
        let unread = u64::try_from(waiting.len()).expect("short");
        let remote: SocketAddr = session.remote();
        until("unread bytes", || {
            rx_queue(server.local_addr(), remote) == Some(unread)
        })
        .await;
        (
            Self {
                collector,
                server,
                session,
            },
            raw,
        )
    }

    /// The end is noticed, and then the game takes its frames.
    async fn notices_the_end_and_takes_all(&mut self) -> Disconnect {
        self.others_come_and_go().await;
        let noticed = Instant::now();
        self.others_come_and_go().await;
        let held = noticed.elapsed();
        self.takes(PAUSED_AT + WAITING).await;
        let end = self.collector.end().await;
        let seen = at(&end, "end_noticed");
        assert!(
            end.ending.verdict.at - seen.at >= held,
            "noticed before a frame was taken: {end:#?}"
        );
        assert_eq!(end.ending.verdict.phase, Phase::Live);
        assert_eq!(
            end.ending.evidence.frames_in,
            u64::from(1 + PAUSED_AT + WAITING)
        );
        assert!(self.server.handle().stats().laws_hold());
        end
    }

    /// The runtime has one thread. Another peer has come and gone, so everything that was ready before has been
    /// handled.
    async fn others_come_and_go(&mut self) {
        let mut other = Raw::join(self.server.local_addr(), "bob").await;
        other.write(&goodbye()).await;
        assert_eq!(other.goodbye_code().await, None);
        drop(other);
        let end = self.collector.end().await;
        assert_eq!(
            (end.cause(), end.player.as_deref()),
            (Cause::PeerGoodbye, Some("bob"))
        );
    }

    fn kick(&self) -> Result<(), NoSuchSession> {
        self.server
            .handle()
            .kick(self.session.id(), Kick::because("cheating"))
    }

    /// Takes the numbered frames from 1 on in order, and checks that nothing follows.
    async fn takes(&mut self, count: u32) {
        for n in 1..=count {
            let frame = within("a frame", self.session.recv()).await;
            assert_eq!(frame.as_deref(), Some(number(n).as_slice()), "frame {n}");
        }
        assert_eq!(within("the end", self.session.recv()).await, None);
    }
}

/// Returns the only event of the trail with this text.
fn at(end: &Disconnect, what: &str) -> TrailEvent {
    let mut events = end.ending.trail.iter().filter(|event| event.what == what);
    match (events.next(), events.next()) {
        (Some(event), None) => *event,
        _ => panic!("one {what}: {end:#?}"),
    }
}

fn numbered(numbers: std::ops::Range<u32>) -> Vec<u8> {
    numbers.flat_map(|n| data(&number(n))).collect()
}

fn number(n: u32) -> Vec<u8> {
    [n.to_be_bytes().as_slice(), &[7; 96]].concat()
}

const PAUSED_AT: u32 = 4;
const WAITING: u32 = 200;
