//! A peer is gone, and the game does not take its remaining frames: the end still comes.

use lastword_server::{Cause, Config, Server, Session};
use lastword_tests::{EndCollector, Raw, config, rx_queue, tcp_info, until, within};

use crate::game::{PAYLOAD, Pace, Table, in_order, stream, wire_len};

#[tokio::test]
async fn a_game_that_drops_its_session_after_a_reset_leaves_nothing_open() {
    let (server, mut collector, session) = full_and_reset(config(), 0).await;
    drop(session);
    assert_eq!(collector.end().await.cause(), Cause::PeerReset);
    assert_eq!(server.handle().stats().connections_open, 0);
}

#[tokio::test]
async fn a_game_that_takes_nothing_does_not_hold_a_dead_connection() {
    let mut config = config();
    config.timeouts.delivery_ms = 600_000;
    config.timeouts.linger_ms = 600_000;
    let (_server, mut collector, mut session) = full_and_reset(config, 0).await;
    let end = collector.end().await;
    assert_eq!(end.cause(), Cause::PeerReset, "{end} {end:#?}");
    assert_eq!(
        end.ending.evidence.bytes_in,
        wire_len(FRAMES),
        "the kernel was emptied: {end:#?}"
    );
    let departure = collector.departure().await;
    let undelivered = (departure.undelivered_frames, departure.undelivered_bytes);
    assert_eq!(undelivered, (24, 24 * PAYLOAD as u64));
    let taken = Pace::FrameAMillisecond.play(&mut session).await;
    assert_eq!(
        in_order(&taken),
        24,
        "a game that comes late finds everything"
    );
}

#[tokio::test]
async fn a_game_that_is_slow_but_takes_frames_is_waited_for_beyond_the_delivery_timeout() {
    let mut config = config();
    config.timeouts.delivery_ms = 300;
    let (_server, mut collector, mut session) = full_and_reset(config, 1).await;
    for n in 1..24 {
        let frame = within("a frame", session.recv()).await.unwrap();
        assert_eq!(crate::game::number(&frame), n);
        assert_eq!(
            collector.more(),
            0,
            "no end before the last frame was taken"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(within("the end", session.recv()).await, None);
    assert_eq!(collector.departure().await.undelivered_frames, 0);
}

/// A session with a full inbox, of which the game took this many frames. Then its peer reset while more data was in the
/// kernel. The server has noticed the reset.
async fn full_and_reset(config: Config, takes: u32) -> (Server, EndCollector, Session) {
    let Table {
        server,
        mut collector,
        mut session,
        mut raw,
    } = Table::seat(config).await;
    let (ours, theirs) = (server.local_addr(), raw.stream.local_addr().unwrap());
    let inbox = wire_len(INBOX_FRAMES);
    let (first, rest) = (
        stream(INBOX_FRAMES),
        &stream(FRAMES)[INBOX_FRAMES * (PAYLOAD + 4)..],
    );
    raw.write(&first).await;
    until("the inbox is full", || {
        server.handle().stats().bytes.0 == inbox
    })
    .await;
    for _ in 0..takes {
        within("a frame", session.recv()).await.unwrap();
    }
    raw.write(rest).await;
    until("everything arrived", || tcp_info(&raw.stream).outq == 0).await;
    raw.reset();
    until("the reset arrived", || rx_queue(ours, theirs).is_none()).await;
    // The runtime has one thread. Another peer has come and gone, so everything that was ready before has been handled.
    drop(Raw::connect(ours).await);
    assert_eq!(collector.end().await.cause(), Cause::PeerProbe);
    (server, collector, session)
}

/// As many as the default inbox takes.
const INBOX_FRAMES: usize = 16;
/// Some more, which stay in the kernel while the game takes none of the others.
const FRAMES: usize = 24;
