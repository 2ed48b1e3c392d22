//! Ends that the server causes, as the client sees them.

use std::time::Duration;

use lastword_client::{
    Advice, Cause, Client, Connector, DialError, Event, GoodbyeProgress, Notice, PeerGoodbye,
    SendError,
};
use lastword_server::{Address, Config, GameCode, Kick, Message};

use crate::puppet::{Puppet, data};
use crate::servers::{echo_handlers, sessions};
use crate::within;

#[tokio::test]
async fn a_kicked_client_reads_what_came_before_and_then_why() {
    let (mut server, mut ends) = sessions(Config::default()).await;
    let mut client = Client::connect(server.handle().local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    let session = server.accept().await.expect("it joined");
    session.send(b"one").expect("there is room");
    client.send(b"I have read it").expect("there is room");
    assert_eq!(received(&mut client).await.as_deref(), Some(&b"one"[..]));
    let kick = Kick::because("too many jumps")
        .with_code(GameCode::new(5_000).expect("it is a game's"))
        .with_advice(Advice::DoNot);
    session.kick(kick).await;
    assert_eq!(received(&mut client).await, None);
    let ended = within("the end", client.ended()).await;
    assert_eq!(ended.cause, Cause::PeerGoodbye);
    let shown = ended.to_string();
    let peer_goodbye = ended.peer_goodbye.expect("the server said why");
    assert_eq!(
        (peer_goodbye.code, peer_goodbye.cause, peer_goodbye.advice),
        (5_000, Some(Cause::Kicked), Advice::DoNot)
    );
    assert_eq!(peer_goodbye.reason, "too many jumps");
    assert_eq!(
        shown,
        "peer_goodbye: the server kicked us (kicked, code 5000): \"too many jumps\""
    );
    let end = ends.next().await;
    assert_eq!(end.cause(), Cause::Kicked);
    assert_eq!(end.ending.evidence.farewell, GoodbyeProgress::FinSeen);
}

#[tokio::test]
async fn a_close_with_a_code_of_the_game_is_distinguished_from_a_kick() {
    let (mut server, mut ends) = sessions(Config::default()).await;
    let mut client = Client::connect(server.handle().local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    let session = server.accept().await.expect("it joined");
    let kick =
        Kick::because("the match is over").with_code(GameCode::new(4_096).expect("it is a game's"));
    session.close_with(kick).await;
    let ended = within("the end", client.ended()).await;
    assert_eq!(
        ended.to_string(),
        "peer_goodbye: the server closed our session (closed_by_game, code 4096): \"the match is over\""
    );
    let peer_goodbye = ended.peer_goodbye.expect("the server said why");
    assert_eq!(
        (peer_goodbye.code, peer_goodbye.cause),
        (4_096, Some(Cause::ClosedByGame))
    );
    assert_eq!(ends.next().await.cause(), Cause::ClosedByGame);
}

#[tokio::test]
async fn frames_that_came_before_the_last_word_are_received_after_it() {
    let (mut server, mut ends) = sessions(Config::default()).await;
    let mut client = Client::connect(server.handle().local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    let session = server.accept().await.expect("it joined");
    for number in 0..100_u8 {
        session.send([number]).expect("there is room");
    }
    session.close().await;
    assert_eq!(
        ends.next().await.ending.evidence.farewell,
        GoodbyeProgress::FinSeen
    );
    let ended = within("the end", client.ended()).await;
    assert_eq!(
        ended
            .peer_goodbye
            .and_then(|peer_goodbye| peer_goodbye.cause),
        Some(Cause::ClosedByGame)
    );
    for number in 0..100_u8 {
        assert_eq!(received(&mut client).await.as_deref(), Some(&[number][..]));
    }
    assert_eq!(received(&mut client).await, None);
    assert_eq!(client.send(b"late"), Err(SendError::Closed));
}

#[tokio::test]
async fn a_kick_with_an_address_and_a_delay_arrives_with_every_field() {
    let (mut server, _ends) = sessions(Config::default()).await;
    let mut client = Client::connect(server.handle().local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    let session = server.accept().await.expect("it joined");
    let kick = Kick::because("this world moves")
        .with_code(GameCode::new(5_001).expect("it is a game's"))
        .with_address(Address::new("eu2.example.net:7000").expect("it is an address"))
        .with_delay(Duration::from_millis(1_500));
    session.kick(kick).await;
    let ended = within("the end", client.ended()).await;
    let expected = PeerGoodbye {
        over: true,
        code: 5_001,
        cause: Some(Cause::Kicked),
        advice: Advice::Elsewhere,
        delay: Duration::from_millis(1_500),
        address: "eu2.example.net:7000".to_owned(),
        reason: "this world moves".to_owned(),
    };
    assert_eq!(ended.peer_goodbye, Some(expected));
}

/// The notice of a drain, its goodbye, and the refusal of a client that comes meanwhile.
async fn told_by_a_drain(
    config: Config,
    message: Option<Message>,
) -> (Notice, PeerGoodbye, PeerGoodbye) {
    let (server, _ends) = echo_handlers(config).await;
    let addr = server.local_addr();
    let mut client = Client::connect(addr, "alice")
        .await
        .expect("everybody is welcome");
    let timeout = Duration::from_millis(600);
    match message {
        None => server.begin_drain(timeout),
        Some(message) => server.begin_drain_with(timeout, message),
    }
    let refused = match Client::connect(addr, "bob").await {
        Err(DialError::Refused { peer_goodbye, .. }) => peer_goodbye,
        other => panic!("{other:?} is no refusal"),
    };
    let event = within("a notice", client.next_event()).await;
    let Some(Event::Notice(notice)) = event else {
        panic!("{event:?} is no notice");
    };
    let ended = within("the end", client.ended()).await;
    let peer_goodbye = ended.peer_goodbye.expect("the server said why");
    assert_eq!(notice.cause, Some(Cause::Drained));
    assert_eq!(peer_goodbye.cause, Some(Cause::Drained));
    assert_eq!(refused.cause, Some(Cause::RefusedDraining));
    (notice, peer_goodbye, refused)
}

#[tokio::test]
async fn a_drain_without_an_address_says_to_come_back_after_the_delay() {
    let (notice, peer_goodbye, refused) = told_by_a_drain(Config::default(), None).await;
    assert_eq!(
        (notice.advice, &*notice.address, &*notice.reason),
        (Advice::AfterDelay, "", "the server is shutting down")
    );
    for told in [peer_goodbye, refused] {
        assert_eq!(
            (told.advice, told.delay, &*told.address, &*told.reason),
            (
                Advice::AfterDelay,
                Duration::from_secs(2),
                "",
                "the server is shutting down"
            )
        );
    }
}

#[tokio::test]
async fn a_drain_with_an_address_sends_all_clients_there_with_its_words_and_delay() {
    let address = Address::new("eu2.example.net:7000").expect("it is an address");
    let mut config = Config::default();
    config.drain.reason = "we move".to_owned();
    config.drain.address = Some(address.clone());
    config.drain.delay_ms = 9_000;
    let message = Message::default()
        .with_reason("we move")
        .with_address(address)
        .with_delay(Duration::from_secs(9));
    let configured = told_by_a_drain(config, None).await;
    let chosen = told_by_a_drain(Config::default(), Some(message)).await;
    for (notice, peer_goodbye, refused) in [configured, chosen] {
        let said = (Advice::Elsewhere, "eu2.example.net:7000", "we move");
        assert_eq!((notice.advice, &*notice.address, &*notice.reason), said);
        for told in [peer_goodbye, refused] {
            assert_eq!((told.advice, &*told.address, &*told.reason), said);
            assert_eq!(told.delay, Duration::from_secs(9));
        }
    }
}

#[tokio::test]
async fn a_client_that_is_still_there_when_the_drain_is_over_hears_the_same_words() {
    let mut config = Config::default();
    config.drain.reason = "we move".to_owned();
    config.drain.delay_ms = 9_000;
    let (server, _ends) = echo_handlers(config).await;
    let mut client = Client::connect(server.local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    server.expire();
    let ended = within("the end", client.ended()).await;
    let told = ended.peer_goodbye.expect("a goodbye");
    assert_eq!(told.cause, Some(Cause::DrainExpired));
    let said = (told.advice, told.delay, &*told.reason);
    assert_eq!(
        said,
        (Advice::AfterDelay, Duration::from_secs(9), "we move")
    );
}

#[tokio::test]
async fn a_drain_is_announced_before_anything_ends() {
    let (server, mut ends) = echo_handlers(Config::default()).await;
    let mut client = Client::connect(server.local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    let draining = tokio::spawn(async move { server.drain(Duration::from_secs(30)).await });
    let event = within("a notice", client.next_event()).await;
    let Some(Event::Notice(notice)) = event else {
        panic!("{event:?} is no notice");
    };
    assert_eq!(notice.cause, Some(Cause::Drained));
    assert_eq!((notice.advice, &*notice.address), (Advice::AfterDelay, ""));
    assert_eq!(notice.reason, "the server is shutting down");
    assert!(notice.deadline <= Duration::from_secs(30), "{notice:?}");
    assert_eq!(client.goodbye().await.cause, Cause::ClosedByGame);
    assert_eq!(ends.next().await.cause(), Cause::Drained);
    within("the end of the drain", draining)
        .await
        .expect("it does not panic");
}

#[tokio::test]
async fn a_server_that_just_closes_is_a_fin_behind_its_frames() {
    let (mut client, mut puppet) = welcomed().await;
    puppet.writes(&data(b"last")).await;
    puppet.shuts().await;
    assert_eq!(received(&mut client).await.as_deref(), Some(&b"last"[..]));
    assert_eq!(received(&mut client).await, None);
    let ended = within("the end", client.ended()).await;
    assert_eq!((ended.cause, ended.peer_goodbye), (Cause::PeerFin, None));
}

#[tokio::test]
async fn a_reply_to_the_last_frame_still_reaches_a_server_that_shut_its_side() {
    let (mut client, mut puppet) = welcomed().await;
    puppet.writes(&data(b"last")).await;
    puppet.shuts().await;
    assert_eq!(received(&mut client).await.as_deref(), Some(&b"last"[..]));
    // The end has arrived by now, and is reported at the next `recv`.
    tokio::task::yield_now().await;
    client
        .send(b"understood")
        .expect("the end was not told yet");
    assert_eq!(received(&mut client).await, None);
    let reply = puppet.reads().await.expect("a reply");
    assert_eq!(*reply.payload, *b"understood");
    assert_eq!(puppet.reads().await, None);
}

#[tokio::test]
async fn a_server_that_dies_inside_a_frame_left_one_unfinished() {
    let (mut client, mut puppet) = welcomed().await;
    puppet.writes(&data(b"last")[..6]).await;
    puppet.shuts().await;
    assert_eq!(received(&mut client).await, None);
    let ended = within("the end", client.ended()).await;
    assert_eq!(ended.cause, Cause::PeerFinMidFrame);
    assert_eq!(ended.evidence.partial_frame, Some((6, Some(8))));
}

#[tokio::test]
async fn a_server_that_resets_does_it_behind_its_frames() {
    let (mut client, mut puppet) = welcomed().await;
    puppet.writes(&data(b"last")).await;
    puppet.resets();
    assert_eq!(received(&mut client).await.as_deref(), Some(&b"last"[..]));
    assert_eq!(received(&mut client).await, None);
    let ended = within("the end", client.ended()).await;
    assert_eq!((ended.cause, ended.peer_goodbye), (Cause::PeerReset, None));
    assert!(ended.first_error.is_some());
}

#[tokio::test]
async fn a_server_that_breaks_a_rule_hears_which() {
    let (mut client, mut puppet) = welcomed().await;
    // A pong with a payload of three bytes.
    puppet.writes(&[0, 0, 3, 4, 1, 2, 3]).await;
    let goodbye = puppet.reads().await.expect("a goodbye");
    puppet.shuts().await;
    let ended = within("the end", client.ended()).await;
    assert_eq!(ended.cause, Cause::FrameMalformed);
    let said = lastword_session::wire::Goodbye::decode(&goodbye.payload).expect("sound");
    assert_eq!(Cause::from_code(said.code), Some(Cause::FrameMalformed));
}

#[tokio::test]
async fn a_server_that_does_not_read_ends_its_client_as_send_queue_full() {
    let connector = Connector::start().linger_timeout(Duration::from_millis(200));
    let (mut client, _puppet) = Puppet::welcomes(&connector, (0, 0))
        .await
        .expect("it welcomes");
    let frame = vec![0; 64 * 1024];
    let refused = within("the end", async {
        loop {
            match client.send(&frame) {
                // The connection's task writes until the kernel accepts nothing.
                Ok(()) => tokio::task::yield_now().await,
                Err(error) => return error,
            }
        }
    });
    assert_eq!(refused.await, SendError::QueueFull);
    let ended = within("the end", client.ended()).await;
    assert_eq!(ended.cause, Cause::SendQueueFull);
}

#[test]
fn a_client_whose_runtime_is_gone_is_told_that_there_is_no_verdict() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    };
    let first = runtime();
    let (mut client, _puppet) = first.block_on(welcomed());
    drop(first);
    let ended = runtime().block_on(within("the end", client.ended()));
    assert_eq!(ended.cause, Cause::VerdictMissing);
}

async fn welcomed() -> (Client, Puppet) {
    Puppet::welcomes(&Connector::start(), (0, 0))
        .await
        .expect("it welcomes")
}

async fn received(client: &mut Client) -> Option<bytes::Bytes> {
    within("a frame", client.recv()).await
}
