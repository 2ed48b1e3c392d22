//! Causes 1 to 8: the peer leaves, in every possible way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use lastword_server::{Cause, Phase};
use lastword_tests::{EndCollector, Fixture, Raw, config, data, goodbye, within};

#[tokio::test]
async fn a_goodbye_is_peer_goodbye() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    raw.echo(b"hi").await;
    raw.write(&goodbye()).await;
    drop(raw);
    let end = fixture.ends_as(Cause::PeerGoodbye, Phase::Live).await;
    assert_eq!(end.player.as_deref(), Some("ann"));
    assert_eq!(end.ending.evidence.frames_in, 1);
}

#[tokio::test]
async fn a_goodbye_between_hello_and_welcome_is_peer_goodbye_in_auth() {
    let mut fixture =
        Fixture::with(config(), lastword_tests::Ask(|_| std::future::pending())).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&lastword_tests::hello(b"ann")).await;
    raw.write(&goodbye()).await;
    assert_eq!(
        raw.goodbye_code().await,
        None,
        "our answer is FIN, not a goodbye"
    );
    drop(raw);
    fixture.ends_as(Cause::PeerGoodbye, Phase::Auth).await;
}

#[tokio::test]
async fn a_close_on_a_frame_boundary_is_peer_fin() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    raw.echo(b"hi").await;
    drop(raw);
    let end = fixture.ends_as(Cause::PeerFin, Phase::Live).await;
    assert_eq!(end.ending.evidence.fin, Some(true));
    assert_eq!(end.ending.evidence.bytes_unacked, Some(0));
}

#[tokio::test]
async fn a_close_while_the_authenticator_thinks_is_peer_fin_in_auth() {
    let mut fixture =
        Fixture::with(config(), lastword_tests::Ask(|_| std::future::pending())).await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&lastword_tests::hello(b"ann")).await;
    drop(raw);
    fixture.ends_as(Cause::PeerFin, Phase::Auth).await;
}

#[tokio::test]
async fn a_close_inside_a_frame_is_peer_fin_mid_frame() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    raw.write(&data(&[7; 1000])[..500]).await;
    drop(raw);
    let end = fixture.ends_as(Cause::PeerFinMidFrame, Phase::Live).await;
    assert_eq!(end.ending.evidence.partial_frame, Some((500, Some(1004))));
}

#[tokio::test]
async fn a_close_inside_hello_is_peer_fin_mid_frame_in_hello() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&lastword_tests::hello(b"ann")[..20]).await;
    drop(raw);
    fixture.ends_as(Cause::PeerFinMidFrame, Phase::Hello).await;
}

#[tokio::test]
async fn a_close_while_the_server_keeps_sending_is_peer_closed_while_sending() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config()).bind().await.unwrap();
    let raw = Raw::join(server.local_addr(), "ann").await;
    let mut session = within("a session", server.accept()).await.unwrap();
    drop(raw);
    // The peer read everything and closed. Its kernel refuses our first frame, and later writes fail.
    within("sending fails", async {
        while session.send(b"news").is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(within("the end", session.recv()).await, None);
    let end = collector.end().await;
    assert_eq!(
        (end.cause(), end.ending.verdict.phase),
        (Cause::PeerClosedWhileSending, Phase::Live),
        "{end:#?}"
    );
    assert!(
        end.ending.evidence.bytes_unacked > Some(0),
        "what was lost is counted: {end:#?}"
    );
    assert!(server.handle().stats().laws_hold());
    assert_eq!(
        session.close().await.cause,
        Cause::PeerClosedWhileSending.into()
    );
}

#[tokio::test]
async fn a_reset_on_a_frame_boundary_is_peer_reset() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    raw.echo(b"hi").await;
    raw.reset();
    let end = fixture.ends_as(Cause::PeerReset, Phase::Live).await;
    assert_eq!(end.ending.evidence.fin, Some(false));
    assert_eq!(
        end.ending.first_error.and_then(|first| first.error.code),
        Some(104)
    );
}

#[tokio::test]
async fn an_exit_with_unread_input_is_peer_reset() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    raw.write(&data(b"hi")).await;
    raw.until_readable().await;
    drop(raw);
    fixture.ends_as(Cause::PeerReset, Phase::Live).await;
}

#[tokio::test]
async fn a_reset_inside_a_frame_is_peer_reset_mid_frame() {
    let mut fixture = Fixture::start().await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    raw.write(&data(b"hi")).await;
    raw.write(&data(&[7; 1000])[..500]).await;
    raw.until_readable().await;
    drop(raw);
    fixture.ends_as(Cause::PeerResetMidFrame, Phase::Live).await;
}

#[tokio::test]
async fn gone_before_the_first_byte_is_peer_probe() {
    let mut fixture = Fixture::start().await;
    drop(Raw::connect(fixture.addr()).await);
    fixture.ends_as(Cause::PeerProbe, Phase::Hello).await;

    let mut fixture = Fixture::start().await;
    Raw::connect(fixture.addr()).await.reset();
    fixture.ends_as(Cause::PeerProbe, Phase::Hello).await;
}
