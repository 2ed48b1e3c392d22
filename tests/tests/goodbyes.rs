//! Goodbyes sent while a broadcast lies unread: later events on the socket do not change the cause.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "helpers of a test: a failure here is the test's failure"
)]

use std::net::SocketAddr;
use std::time::Duration;

use lastword_client::{Connector, GoodbyeProgress};
use lastword_server::{Cause, Config, Disconnect, Phase, Server, ServerHandle, Session};
use lastword_tests::{
    EndCollector, Fixture, Raw, client_ip, config, data, goodbye, run_clients, within,
};
use tokio::task::JoinHandle;

/// A thousand clients leave while the server sends to every session. Half of them close with unread news, so their
/// kernel sends a reset. The others use our client library, which lingers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_goodbyes_under_an_unread_broadcast_are_a_thousand_peer_goodbyes() {
    let mut fixture = Fixture::start().await;
    let addr = fixture.addr();
    let news = broadcast(&fixture.server);
    let connector = Connector::start().inbox_max(65_536, 1);
    run_clients(1000, AT_ONCE, move |n| {
        let connector = connector.clone().local_ip(client_ip(n));
        async move {
            match n % 2 {
                0 => leave(addr, n).await,
                _ => leave_as_a_client_of_ours(addr, n, connector).await,
            }
        }
    })
    .await;
    all_said_goodbye(&mut fixture.collector, &fixture.server, 1000).await;
    news.abort();
}

/// The same with games that are behind: the goodbye lies in the kernel, after frames and before the reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_behind_frames_that_the_game_has_not_taken_is_heard() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(one_at_a_time()).bind().await.unwrap();
    let (addr, handle) = (server.local_addr(), server.handle().clone());
    let news = broadcast(&handle);
    let games = tokio::spawn(async move { accept(&mut server).await });
    run_clients(300, AT_ONCE, move |n| leave(addr, n)).await;
    all_said_goodbye(&mut collector, &handle, 300).await;
    news.abort();
    games.abort();
}

/// Sends three frames and a goodbye while news lie unread on this end. Clients with even numbers then close. Those with
/// odd numbers shut, read to the end and close.
///
/// The game has taken a frame before that: a game that never took one is waited for only shortly.
async fn leave(addr: SocketAddr, n: u32) {
    let mut raw = Raw::connect_from(client_ip(n), addr).await;
    raw.enter(&format!("client {n}")).await;
    raw.echo(b"first").await;
    raw.until_readable().await;
    let last_words = [data(b"one"), data(b"two"), data(b"three"), goodbye()].concat();
    raw.write(&last_words).await;
    if shuts(n) {
        raw.fin().await;
        assert_eq!(
            raw.goodbye_code().await,
            None,
            "the answer to a goodbye is FIN"
        );
    }
}

/// Whether this client reads to the end.
fn shuts(n: u32) -> bool {
    n % 2 == 1
}

/// Sends the same while its inbox is full, so that the news stay in its kernel, and leaves.
async fn leave_as_a_client_of_ours(addr: SocketAddr, n: u32, connector: Connector) {
    let mut client = within("a welcome", connector.connect(addr, format!("client {n}")))
        .await
        .unwrap();
    within("news", client.recv()).await.unwrap();
    for frame in ["first", "one", "two", "three"] {
        client.send(frame).unwrap();
    }
    let ended = within("the end of a goodbye", client.goodbye()).await;
    assert_eq!(ended.cause, Cause::ClosedByGame, "{ended} {ended:#?}");
    assert_eq!(
        ended.evidence.farewell,
        GoodbyeProgress::FinSeen,
        "{ended} {ended:#?}"
    );
}

/// Broadcasts to all sessions, all the time.
fn broadcast(server: &ServerHandle) -> JoinHandle<()> {
    let server = server.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            server.broadcast_all(&[7; 100]);
        }
    })
}

async fn all_said_goodbye(collector: &mut EndCollector, server: &ServerHandle, count: u32) {
    let mut reset = 0;
    for _ in 0..count {
        let end = collector.end().await;
        let departure = collector.departure().await;
        assert_eq!(
            (end.cause(), end.ending.verdict.phase),
            (Cause::PeerGoodbye, Phase::Live),
            "{end} {end:#?}"
        );
        assert_eq!(
            end.ending.evidence.frames_in, 4,
            "what was said before the goodbye is heard: {end:#?}"
        );
        assert_eq!(
            (departure.undelivered_frames, departure.cause),
            (0, Cause::PeerGoodbye.into())
        );
        reset += u32::from(was_reset(&end));
    }
    let stats = server.stats();
    assert!(stats.laws_hold(), "{stats:?}");
    assert_eq!(
        stats.disconnects,
        [(Cause::PeerGoodbye, Phase::Live, u64::from(count))]
    );
    assert_eq!(collector.more(), 0);
    eprintln!("{count} goodbyes, {reset} of them followed by a reset");
    assert!(
        reset * 4 > count,
        "half of the clients closed on unread data, yet only {reset} reset"
    );
}

fn was_reset(end: &Disconnect) -> bool {
    end.ending.evidence.fin == Some(false)
}

/// Plays one frame a millisecond with each session, and sends it back.
async fn accept(server: &mut Server) {
    while let Some(mut session) = server.accept().await {
        tokio::spawn(async move { while take(&mut session).await {} });
    }
}

async fn take(session: &mut Session) -> bool {
    tokio::time::sleep(Duration::from_millis(1)).await;
    let Some(frame) = within("a frame or the end", session.recv()).await else {
        return false;
    };
    // A session that has ended takes nothing.
    let _over = session.send(&frame);
    true
}

/// Reading pauses after each frame.
fn one_at_a_time() -> Config {
    let mut config = config();
    config.limits.inbox_frames_max = 1;
    config
}

const AT_ONCE: usize = 100;
