//! Causes 60 to 63, and the goodbyes that the client reads for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lastword_server::{Advice, Cause, Credentials, GameCode, Message, Phase, Player, Refusal};
use lastword_tests::{Ask, Fixture, Raw, config, frame, hello, kind, until};
use tokio::sync::Semaphore;

/// Says hello and reads to the end. Returns the goodbye's payload.
async fn refused(fixture: &Fixture) -> Vec<u8> {
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&hello(b"ann")).await;
    let (kind, payload) = raw.frame().await.expect("an answer");
    assert_eq!(kind, kind::GOODBYE, "the first frame is the refusal");
    assert_eq!(raw.frame().await, None);
    payload
}

#[tokio::test]
async fn a_no_of_the_authenticator_is_auth_rejected_and_the_player_reads_why() {
    let message = Message::default()
        .with_code(GameCode::new(4_711).unwrap())
        .with_advice(Advice::DoNot)
        .with_reason("banned until Monday");
    let refusal = Refusal::Rejected(message);
    let ask = Ask(move |_| std::future::ready(Err(refusal.clone())));
    let mut fixture = Fixture::with(config(), ask).await;
    let goodbye = refused(&fixture).await;
    let [
        over,
        code_high,
        code_low,
        advice,
        _,
        _,
        _,
        _,
        0,
        reason @ ..,
    ] = goodbye.as_slice()
    else {
        panic!("{goodbye:?}");
    };
    assert_eq!(
        (
            over & 1,
            u16::from_be_bytes([*code_high, *code_low]),
            *advice
        ),
        (1, 4_711, 3)
    );
    assert_eq!(reason, b"banned until Monday");
    fixture.ends_as(Cause::AuthRejected, Phase::Auth).await;
}

#[tokio::test]
async fn an_authenticator_that_is_late_is_auth_timeout() {
    let mut config = config();
    config.timeouts.auth_ms = 200;
    let mut fixture = Fixture::with(config, Ask(|_| std::future::pending())).await;
    assert_eq!(refused(&fixture).await[1..3], 61_u16.to_be_bytes());
    fixture.ends_as(Cause::AuthTimeout, Phase::Auth).await;
}

#[tokio::test]
async fn an_authenticator_that_is_down_is_auth_unavailable() {
    let down = Ask(|_| std::future::ready(Err(Refusal::unavailable("the directory is down"))));
    let mut fixture = Fixture::with(config(), down).await;
    assert_eq!(refused(&fixture).await[1..3], 62_u16.to_be_bytes());
    fixture.ends_as(Cause::AuthUnavailable, Phase::Auth).await;
}

#[tokio::test]
async fn an_authenticator_that_panics_is_auth_unavailable_for_that_peer_only() {
    let ask = Ask(|credentials: Credentials| async move {
        assert!(
            credentials.bytes != b"ann".as_slice(),
            "the test's planted panic"
        );
        Ok(Player::new("bob"))
    });
    let mut fixture = Fixture::with(config(), ask).await;
    assert_eq!(refused(&fixture).await[1..3], 62_u16.to_be_bytes());
    fixture.ends_as(Cause::AuthUnavailable, Phase::Auth).await;
    Raw::join(fixture.addr(), "bob").await.echo(b"alive").await;
}

#[tokio::test]
async fn a_resume_is_refused_in_words() {
    let mut fixture = Fixture::start().await;
    let mut payload = b"LW\x01\x01\x01".to_vec();
    payload.extend_from_slice(&65_536_u32.to_be_bytes());
    payload.extend_from_slice(&[9; 16]);
    payload.extend_from_slice(&3_u64.to_be_bytes());
    payload.extend_from_slice(&[0, 4, 1, 2, 3, 4, 0, 0]);
    let mut raw = Raw::connect(fixture.addr()).await;
    raw.write(&frame(kind::HELLO, &payload)).await;
    let (kind, goodbye) = raw.frame().await.expect("an answer");
    assert_eq!(
        (kind, &goodbye[1..3]),
        (kind::GOODBYE, 63_u16.to_be_bytes().as_slice())
    );
    assert!(
        String::from_utf8_lossy(&goodbye[9..]).contains("hello"),
        "words that help"
    );
    drop(raw);
    fixture.ends_as(Cause::ResumeRefused, Phase::Auth).await;
}

#[tokio::test]
async fn only_so_many_authenticators_run_at_a_time() {
    let mut config = config();
    config.admission.authentications_max = 2;
    let (asked, answers) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (count, may_answer) = (Arc::clone(&asked), Arc::clone(&answers));
    let ask = Ask(move |_: Credentials| {
        let (count, may_answer) = (Arc::clone(&count), Arc::clone(&may_answer));
        async move {
            count.fetch_add(1, Ordering::Relaxed);
            may_answer.acquire().await.unwrap().forget();
            Ok(Player::unnamed())
        }
    });
    let fixture = Fixture::with(config, ask).await;
    let mut clients = Vec::new();
    for _ in 0..6 {
        let mut raw = Raw::connect(fixture.addr()).await;
        raw.write(&hello(b"ann")).await;
        clients.push(raw);
    }
    // On one thread, what the server reads is asked at once.
    let server = &fixture.server;
    until("every hello is read", || {
        server.stats().bytes.0 == 6 * u64::try_from(hello(b"ann").len()).unwrap()
    })
    .await;
    for answered in 0..6 {
        let expected = (answered + 2).min(6);
        until("the next one is asked", || {
            asked.load(Ordering::Relaxed) >= expected
        })
        .await;
        assert_eq!(asked.load(Ordering::Relaxed), expected);
        answers.add_permits(1);
        until("it is let in", || {
            server.stats().sessions_joined == u64::try_from(answered + 1).unwrap()
        })
        .await;
    }
}
