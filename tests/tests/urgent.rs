//! Urgent data: a read stops before an urgent byte, and what lies behind it is read at once all the same.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::time::Duration;

use lastword_server::{Cause, Phase};
use lastword_tests::{EndCollector, Fixture, Raw, config, data, hello, kind, within};
use socket2::SockRef;
use tokio::time::timeout;

/// Sends in one segment. Its last byte is urgent.
fn send_urgent(raw: &Raw, bytes: &[u8]) {
    let sent = SockRef::from(&raw.stream).send_out_of_band(bytes);
    assert_eq!(sent.unwrap(), bytes.len());
}

/// Reads the next frame. A peer's heartbeat would wake the reader in the end; this is far shorter than that.
async fn next(raw: &mut Raw) -> (u8, Vec<u8>) {
    let frame = timeout(Duration::from_secs(3), raw.frame()).await;
    frame.expect("an answer at once").expect("it is open")
}

#[tokio::test]
async fn a_frame_whose_last_byte_is_urgent_is_whole_at_once() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::connect(fixture.addr()).await;
    send_urgent(&raw, &hello(b"ann"));
    assert_eq!(next(&mut raw).await.0, kind::WELCOME);
    send_urgent(&raw, &data(b"abcdef"));
    assert_eq!(next(&mut raw).await, (kind::DATA, b"abcdef".to_vec()));
    raw.fin().await;
    drop(raw);
    let end = fixture.ends_as(Cause::PeerFin, Phase::Live).await;
    assert_eq!(end.ending.evidence.fin, Some(true));
}

/// The read stops at the end of a whole frame, so no part of a frame shows that there is more.
#[tokio::test]
async fn a_frame_that_begins_with_an_urgent_byte_is_read_behind_the_one_before_it() {
    let fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    let (first, second) = (data(b"first"), data(b"second"));
    let (mark, rest) = second.split_at(1);
    // The kernel holds the rest back, so that all arrives before the server reads.
    SockRef::from(&raw.stream).set_tcp_cork(true).unwrap();
    raw.write(&first).await;
    send_urgent(&raw, mark);
    raw.write(rest).await;
    SockRef::from(&raw.stream).set_tcp_cork(false).unwrap();
    for payload in [b"first".to_vec(), b"second".to_vec()] {
        assert_eq!(next(&mut raw).await, (kind::DATA, payload));
    }
}

#[tokio::test]
async fn urgent_bytes_that_come_while_the_game_takes_nothing_are_read_after_it() {
    let mut config = config();
    config.limits.inbox_frames_max = 1;
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config).bind().await.unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    let mut session = within("a session", server.accept()).await.unwrap();
    for n in 0..100 {
        raw.write(&data(&[n])).await;
        send_urgent(&raw, &data(&[n]));
    }
    for n in (0..100).flat_map(|n| [n, n]) {
        let frame = timeout(Duration::from_secs(3), session.recv()).await;
        assert_eq!(frame.expect("at once").expect("it is live"), [n].as_slice());
    }
}
