//! The client's ways to leave, as the server records them.

use lastword_client::{Cause, Client, Connector, GoodbyeProgress};
use lastword_server::Config;
use lastword_session::wire::Kind;

use crate::puppet::Puppet;
use crate::servers::{echo_handlers, sessions};
use crate::within;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_is_heard_with_its_words() {
    let (server, mut ends) = echo_handlers(Config::default()).await;
    let client = Client::connect(server.local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    let ended = within("the end", client.goodbye_with("dinner")).await;
    assert_eq!(ended.cause, Cause::ClosedByGame);
    assert_eq!(ended.evidence.farewell, GoodbyeProgress::FinSeen);
    assert_eq!(ended.peer_goodbye, None);
    assert_eq!(ended.said.as_deref(), Some("dinner"));
    assert_eq!(
        ended.to_string(),
        "closed_by_game: we said goodbye: \"dinner\""
    );
    let end = ends.next().await;
    assert_eq!(end.cause(), Cause::PeerGoodbye);
    let said = end.ending.peer_goodbye.as_ref().expect("it was decoded");
    assert_eq!((said.over, said.code, &*said.reason), (true, 0, "dinner"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_comes_behind_everything_that_was_sent() {
    let (mut server, mut ends) = sessions(Config::default()).await;
    let client = Client::connect(server.handle().local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    let mut session = server.accept().await.expect("it joined");
    for number in 0..1_000_u32 {
        client.send(number.to_be_bytes()).expect("there is room");
    }
    let leaving = tokio::spawn(client.goodbye());
    for number in 0..1_000_u32 {
        let frame = within("a frame", session.recv()).await;
        assert_eq!(frame.as_deref(), Some(&number.to_be_bytes()[..]));
    }
    assert_eq!(within("the end", session.recv()).await, None);
    assert_eq!(ends.next().await.cause(), Cause::PeerGoodbye);
    let ended = within("the end", leaving).await.expect("it does not panic");
    assert_eq!(ended.evidence.farewell, GoodbyeProgress::FinSeen);
    assert_eq!(ended.evidence.frames_unsent, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_over_an_unread_broadcast_is_no_reset() {
    let mut config = Config::default();
    config.limits.outbound_bytes_max = 2 * 1024 * 1024;
    for inbox_frames_max in [1, 100_000] {
        let (mut server, mut ends) = sessions(config.clone()).await;
        let client = Connector::start()
            .inbox_max(64 * 1024 * 1024, inbox_frames_max)
            .connect(server.handle().local_addr(), "alice")
            .await
            .expect("everybody is welcome");
        let session = server.accept().await.expect("it joined");
        for _ in 0..1_000 {
            session.send([0; 1_000]).expect("there is room");
        }
        let ended = within("the end", client.goodbye()).await;
        assert_eq!(ended.cause, Cause::ClosedByGame);
        assert_eq!(ended.evidence.farewell, GoodbyeProgress::FinSeen);
        let end = ends.next().await;
        assert_eq!(end.cause(), Cause::PeerGoodbye);
        assert_eq!(end.ending.first_error, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_client_says_goodbye_too() {
    let (server, mut ends) = echo_handlers(Config::default()).await;
    let client = Client::connect(server.local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    client.send(b"one").expect("there is room");
    drop(client);
    let end = ends.next().await;
    assert_eq!(end.cause(), Cause::PeerGoodbye);
    assert_eq!(end.ending.evidence.frames_in, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aborted_client_is_reset_without_a_word() {
    let (server, mut ends) = echo_handlers(Config::default()).await;
    let mut client = Client::connect(server.local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    client.send(b"one").expect("there is room");
    assert!(within("an echo", client.recv()).await.is_some());
    client.abort();
    let end = ends.next().await;
    assert_eq!(end.cause(), Cause::PeerReset);
    assert_eq!(end.ending.peer_goodbye, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_to_a_server_that_does_not_answer_takes_the_linger_timeout() {
    let linger = std::time::Duration::from_millis(300);
    let connector = Connector::start().linger_timeout(linger);
    let (client, mut puppet) = Puppet::welcomes(&connector, (0, 0))
        .await
        .expect("it welcomes");
    let before = std::time::Instant::now();
    let ended = within("the end", client.goodbye()).await;
    assert!(before.elapsed() >= linger);
    assert_eq!(ended.cause, Cause::ClosedByGame);
    assert_ne!(ended.evidence.farewell, GoodbyeProgress::FinSeen);
    let last = puppet.reads().await.expect("a goodbye");
    assert_eq!(last.kind, Kind::Goodbye);
    assert_eq!(puppet.reads().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_after_the_servers_end_finds_the_servers_cause() {
    let (mut client, mut puppet) = Puppet::welcomes(&Connector::start(), (0, 0))
        .await
        .expect("it welcomes");
    puppet.shuts().await;
    assert_eq!(within("the end", client.recv()).await, None);
    let ended = within("the end", client.goodbye()).await;
    assert_eq!(ended.cause, Cause::PeerFin);
    assert_eq!(
        ended.to_string(),
        "peer_fin: the server closed the connection without a goodbye"
    );
}
