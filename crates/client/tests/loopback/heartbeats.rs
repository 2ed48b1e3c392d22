//! Heartbeats: the connection's task sends them independently of the game.

use std::time::Duration;

use lastword_client::{Cause, Client, Connector, Diagnosis, Event, Link};
use lastword_session::wire::{Kind, Ping, Pong};
use tokio::time::timeout;

use crate::puppet::{Puppet, data};
use crate::servers::{echo_handlers, quick, sessions};
use crate::within;

const DEAD: Duration = Duration::from_millis(2_800);

#[tokio::test]
async fn an_idle_client_outlives_the_dead_limit() {
    let (server, _ends) = echo_handlers(quick()).await;
    let mut client = Client::connect(server.local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    assert_eq!(client.heartbeat(), Some(Duration::from_millis(200)));
    assert_eq!(client.dead_limit(), Some(DEAD));
    let nothing = timeout(DEAD * 3 / 2, client.next_event()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    assert!(client.round_trip().rtt().is_some_and(|rtt| rtt < DEAD));
    client.send(b"here").expect("it lives");
    let back = within("an echo", client.recv()).await;
    assert_eq!(back.as_deref(), Some(&b"here"[..]));
}

#[tokio::test]
async fn a_client_whose_game_receives_nothing_outlives_the_dead_limit() {
    let mut config = quick();
    config.limits.outbound_bytes_max = 2 * 1024 * 1024;
    let (mut server, mut ends) = sessions(config).await;
    let mut client = Client::connect(server.handle().local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    let mut session = server.accept().await.expect("it joined");
    for number in 0..1_000_u32 {
        session.send(number.to_be_bytes()).expect("there is room");
    }
    // 256 frames fill the inbox. From then on the client does not read.
    let end = timeout(DEAD * 3 / 2, ends.next()).await;
    assert!(end.is_err(), "{end:?}");
    for number in 0..1_000_u32 {
        let frame = within("a frame", client.recv()).await;
        assert_eq!(frame.as_deref(), Some(&number.to_be_bytes()[..]));
    }
    client.send(b"here").expect("it lives");
    assert!(within("a frame", session.recv()).await.is_some());
}

#[tokio::test]
async fn a_client_that_does_not_read_pings_once_a_heartbeat() {
    let connector = Connector::start().inbox_max(1024, 1);
    let (client, mut puppet) = Puppet::welcomes(&connector, (200, 10_000))
        .await
        .expect("it welcomes");
    puppet.writes(&data(b"one")).await;
    puppet.writes(&data(b"two")).await;
    let begun = std::time::Instant::now();
    for _ in 0..5 {
        // The game's frames are signs of life, too, but they do not replace a ping while the server is silent.
        client.send(b"data").expect("there is room");
        let mut kind = Kind::Data;
        while kind != Kind::Ping {
            assert_eq!(kind, Kind::Data);
            kind = puppet.reads().await.expect("the client is there").kind;
        }
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(800), "five pings in {took:?}");
    assert!(
        took < Duration::from_millis(3_000),
        "five pings in {took:?}"
    );
}

#[tokio::test]
async fn the_first_pong_tells_the_clock_of_a_server_with_an_origin_of_its_own() {
    const ORIGIN: u64 = 86_400_000_000;
    let (client, mut puppet) = Puppet::welcomes(&Connector::start(), (200, 10_000))
        .await
        .expect("it welcomes");
    let ping = puppet.reads().await.expect("the client is there");
    let ping = Ping::decode(&ping.payload).expect("its first frame is a ping");
    // Both clocks are this process's, and one of them gets another origin.
    let clock_us = ORIGIN + client.now().as_micros();
    let mut pong = Vec::new();
    Pong {
        ping_clock_us: ping.clock_us,
        clock_us,
        held_us: 0,
        received: 0,
    }
    .encode(&mut pong);
    puppet.writes(&pong).await;
    let told = within("a pong", async {
        loop {
            match client.round_trip().clock_offset() {
                Some(told) => return told,
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    let truth = i64::try_from(ORIGIN).expect("it fits");
    let wrong = Duration::from_micros(told.micros.abs_diff(truth));
    assert!(wrong <= told.error, "{told:?}");
    let rtt = client.round_trip().rtt().expect("it came with the offset");
    assert!(told.error <= rtt / 2 + Duration::from_micros(200));
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let connector = Connector::start().linger_timeout(Duration::from_millis(100));
    let (mut client, _puppet) = Puppet::welcomes(&connector, (100, 400))
        .await
        .expect("it welcomes");
    let ended = within("the end", client.ended()).await;
    // There is too little time for a more precise cause.
    assert_eq!(ended.cause, Cause::PeerSilent);
    let silent = ended.evidence.silent_for.expect("it is a silent cause");
    assert!(silent >= Duration::from_millis(400), "{silent:?}");
}

#[tokio::test]
async fn a_silent_server_is_suspect_and_healthy_before_its_next_frame() {
    let (mut client, mut puppet) = Puppet::welcomes(&Connector::start(), (60_000, 600))
        .await
        .expect("it welcomes");
    let suspect = within("a suspicion", client.next_event()).await;
    assert_eq!(
        suspect,
        Some(Event::Link(Link::Suspect(Diagnosis::Undecided)))
    );
    puppet.writes(&data(b"here")).await;
    let healthy = within("a sign of life", client.next_event()).await;
    assert_eq!(healthy, Some(Event::Link(Link::Healthy)));
    let frame = within("the frame", client.next_event()).await;
    assert_eq!(frame, Some(Event::Frame(b"here"[..].into())));
}

#[tokio::test]
async fn a_client_that_only_receives_frames_gets_no_link_events() {
    let (mut client, mut puppet) = Puppet::welcomes(&Connector::start(), (200, 3_000))
        .await
        .expect("it welcomes");
    let recv = tokio::spawn(async move { client.recv().await });
    // Pings are at least 200 ms apart, and the server is suspect after 1,500 ms.
    for _ in 0..8 {
        let ping = puppet.reads().await.expect("the client is there");
        assert_eq!(ping.kind, Kind::Ping);
    }
    puppet.writes(&data(b"here")).await;
    let frame = within("a frame", recv).await.expect("it does not panic");
    assert_eq!(frame.as_deref(), Some(&b"here"[..]));
}
