//! Frames that the server sends back.

use lastword_client::{Client, Connector, SendError};
use lastword_server::Config;

use crate::servers::{echo_handlers, echo_sessions};
use crate::within;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_comes_back_from_both_shapes_of_server() {
    let (handlers, _ends) = echo_handlers(Config::default()).await;
    let (sessions, _ends) = echo_sessions(Config::default()).await;
    for server in [handlers, sessions] {
        let mut client = Client::connect(server.local_addr(), "alice")
            .await
            .expect("everybody is welcome");
        assert!(client.session().is_some());
        let first = server.sessions().first().map(|info| info.session);
        assert_eq!(first, client.session());
        for payload in [&b"hello"[..], b"", &[7; 64 * 1024]] {
            client.send(payload).expect("there is room");
            let back = within("an echo", client.recv()).await;
            assert_eq!(back.as_deref(), Some(payload));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_come_back_in_order_and_each_once() {
    let (server, _ends) = echo_sessions(Config::default()).await;
    let mut client = Client::connect(server.local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    for number in 0..5_000_u32 {
        client.send(number.to_be_bytes()).expect("there is room");
        if number >= 100 {
            let back = within("an echo", client.recv()).await.expect("it is there");
            assert_eq!(*back, (number - 100).to_be_bytes());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_megabytes_come_back_in_one_frame_and_in_eighty() {
    const SIZE: usize = 5 * 1024 * 1024;
    let mut config = Config::default();
    config.limits.frame_bytes_max = 5 * 1024 * 1024;
    config.limits.outbound_frame_bytes_max = config.limits.frame_bytes_max;
    config.limits.inbox_bytes_max = config.limits.frame_bytes_max;
    config.limits.outbound_bytes_max = 8 * 1024 * 1024;
    let connector = Connector::start()
        .frame_bytes_max(config.limits.frame_bytes_max)
        .outbound_bytes_max(8 * 1024 * 1024);
    let payload: Vec<u8> = (0..SIZE)
        .map(|at| u8::try_from(at % 251).expect("small"))
        .collect();
    for server in [
        echo_handlers(config.clone()).await,
        echo_sessions(config).await,
    ] {
        let mut client = connector
            .connect(server.0.local_addr(), "alice")
            .await
            .expect("everybody is welcome");
        client.send(&payload).expect("it is within the limits");
        let back = within("an echo", client.recv()).await.expect("it is there");
        assert!(back == payload, "not the same bytes");
        for part in payload.chunks(64 * 1024) {
            client.send(part).expect("there is room");
        }
        for part in payload.chunks(64 * 1024) {
            let back = within("an echo", client.recv()).await.expect("it is there");
            assert!(back == part, "not the same bytes");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_the_server_would_not_take_is_not_sent() {
    let (server, _ends) = echo_handlers(Config::default()).await;
    let mut client = Client::connect(server.local_addr(), "alice")
        .await
        .expect("everybody is welcome");
    let too_long = vec![0; 64 * 1024 + 1];
    assert_eq!(client.send(&too_long), Err(SendError::TooLarge));
    client.send(b"still here").expect("the client lives");
    let back = within("an echo", client.recv()).await;
    assert_eq!(back.as_deref(), Some(&b"still here"[..]));
}
