//! Causes 40 to 48: the peer breaks a rule of the wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use lastword_server::{Cause, Config, Phase};
use lastword_tests::{Fixture, Raw, data, frame, hello, kind};

/// Sends these bytes as the first ones and reads to the end. Returns the fixture and the goodbye's code.
async fn first_bytes(bytes: &[u8]) -> (Fixture, Option<u16>) {
    let fixture = Fixture::start().await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(bytes).await;
    let code = raw.goodbye_code().await;
    (fixture, code)
}

/// Sends these bytes as a joined player and reads to the end. Returns the fixture and the goodbye's code.
async fn live_bytes(bytes: &[u8]) -> (Fixture, Option<u16>) {
    let fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    raw.write(bytes).await;
    let code = raw.goodbye_code().await;
    (fixture, code)
}

fn with_timeouts(hello_ms: u32, frame_ms: u32) -> Config {
    let mut config = lastword_tests::config();
    config.timeouts.hello_ms = hello_ms;
    config.timeouts.frame_ms = frame_ms;
    config
}

#[tokio::test]
async fn three_bytes_and_then_nothing_is_hello_timeout() {
    let mut fixture = Fixture::with(with_timeouts(200, 10_000), lastword_server::Anonymous).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&hello(b"ann")[..3]).await;
    assert_eq!(raw.goodbye_code().await, Some(40));
    drop(raw);
    let end = fixture.ends_as(Cause::HelloTimeout, Phase::Hello).await;
    assert!(end.ending.verdict.at.as_micros() >= 200_000);
    assert_eq!(end.ending.evidence.partial_frame, Some((3, None)));
}

#[tokio::test]
async fn a_frame_that_is_never_finished_is_frame_timeout() {
    let mut fixture = Fixture::with(with_timeouts(5_000, 200), lastword_server::Anonymous).await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    raw.write(&data(&[7; 100])[..50]).await;
    assert_eq!(raw.goodbye_code().await, Some(41));
    drop(raw);
    let end = fixture.ends_as(Cause::FrameTimeout, Phase::Live).await;
    assert_eq!(end.ending.evidence.partial_frame, Some((50, Some(104))));
}

#[tokio::test]
async fn a_frame_of_which_a_byte_comes_now_and_then_is_frame_timeout() {
    let mut fixture = Fixture::with(with_timeouts(5_000, 400), lastword_server::Anonymous).await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    let slow = data(&[7; 100]);
    // No heartbeat can come between two bytes of the frame, since the peer is still inside the frame.
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(20));
    for byte in &slow {
        beat.tick().await;
        if tokio::io::AsyncWriteExt::write_all(&mut raw.stream, &[*byte])
            .await
            .is_err()
        {
            break;
        }
    }
    drop(raw);
    fixture.ends_as(Cause::FrameTimeout, Phase::Live).await;
}

#[tokio::test]
async fn a_length_over_the_limit_is_frame_too_large_by_its_header_alone() {
    let (mut fixture, code) = first_bytes(b"\xFF\xFF\xFF\x01LW\x01\x01").await;
    assert_eq!(code, Some(42));
    let end = fixture.ends_as(Cause::FrameTooLarge, Phase::Hello).await;
    assert_eq!(end.ending.evidence.bytes_in, 8);

    let (mut fixture, code) = live_bytes(b"\xFF\xFF\xFF\x00").await;
    assert_eq!(code, Some(42));
    fixture.ends_as(Cause::FrameTooLarge, Phase::Live).await;
}

#[tokio::test]
async fn a_control_frame_that_does_not_decode_is_frame_malformed() {
    let (mut fixture, code) = live_bytes(&frame(kind::PING, &[0; 15])).await;
    assert_eq!(code, Some(43));
    fixture.ends_as(Cause::FrameMalformed, Phase::Live).await;

    let (mut fixture, code) = first_bytes(&frame(kind::HELLO, b"LW\x01\x01\x03")).await;
    assert_eq!(code, Some(43));
    fixture.ends_as(Cause::FrameMalformed, Phase::Hello).await;
}

#[tokio::test]
async fn a_frame_that_breaks_a_rule_is_protocol_violation() {
    let ack_of_nothing = frame(kind::ACK, &1_u64.to_be_bytes());
    for broken in [
        ack_of_nothing,
        hello(b"ann"),
        frame(kind::WELCOME, b""),
        frame(8, b""),
        frame(127, b""),
    ] {
        let (mut fixture, code) = live_bytes(&broken).await;
        assert_eq!(code, Some(44), "{broken:?}");
        fixture.ends_as(Cause::ProtocolViolation, Phase::Live).await;
    }
}

#[tokio::test]
async fn a_frame_between_hello_and_welcome_is_protocol_violation_in_auth() {
    let ask = lastword_tests::Ask(|_| std::future::pending());
    let mut fixture = Fixture::with(lastword_tests::config(), ask).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&hello(b"ann")).await;
    raw.write(&data(b"too early")).await;
    assert_eq!(raw.goodbye_code().await, Some(44));
    drop(raw);
    fixture.ends_as(Cause::ProtocolViolation, Phase::Auth).await;
}

#[tokio::test]
async fn a_peer_of_another_protocol_gets_no_byte_and_is_wrong_protocol() {
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice();
    let noise = b"\x8f\x02\x77\xd1\x90\x10\xee\x03".as_slice();
    let wrong_magic = frame(kind::HELLO, b"XY\x01\x01\x02");
    for first in [
        b"GET / HTTP/1.1\r\n\r\n".as_slice(),
        tls,
        noise,
        &wrong_magic,
    ] {
        let mut fixture = Fixture::start().await;
        let mut raw = Raw::connect(fixture.addr()).await;
        raw.write(first).await;
        assert_eq!(raw.frame().await, None, "not a byte is answered");
        drop(raw);
        let end = fixture.ends_as(Cause::WrongProtocol, Phase::Hello).await;
        assert_eq!(end.ending.evidence.bytes_out, 0);
    }
}

#[tokio::test]
async fn no_common_version_is_version_unsupported() {
    let (mut fixture, code) =
        first_bytes(&frame(kind::HELLO, b"LW\x02\x09 whatever comes after")).await;
    assert_eq!(code, Some(46));
    fixture
        .ends_as(Cause::VersionUnsupported, Phase::Hello)
        .await;
}

#[tokio::test]
async fn pings_beyond_the_bucket_are_ping_flood() {
    let ping = frame(kind::PING, &[0; 16]);
    let (mut fixture, code) = live_bytes(&ping.repeat(40)).await;
    assert_eq!(code, Some(48));
    fixture.ends_as(Cause::PingFlood, Phase::Live).await;
}

#[tokio::test]
async fn an_unknown_kind_with_the_top_bit_set_is_ignored() {
    let fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    raw.write(&frame(0x80, b"from the future")).await;
    raw.echo(b"still here").await;
}
