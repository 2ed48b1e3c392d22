//! A player has the name from the credentials, and no name if there was none.

use std::sync::Arc;

use lastword_server::{
    Anonymous, CredentialSource, Credentials, Event, Framing, LengthPrefixed, Player, Refusal,
};
use lastword_tests::{EndCollector, Raw, config, frame, hello, kind, within};
use tokio::io::AsyncReadExt;

/// Longer than a name may be, and not text.
const BINARY: [u8; 200] = [0xff; 200];

#[tokio::test]
async fn a_dialect_without_an_authenticator_lets_every_first_frame_in_without_a_name() {
    for is_explicit in [false, true] {
        let mut collector = EndCollector::default();
        let mut builder = collector
            .builder(config())
            .framing(Framing::Dialect(Arc::new(LengthPrefixed)));
        if is_explicit {
            builder = builder.authenticator(Anonymous);
        }
        let mut server = builder.bind().await.unwrap();
        for first in [&BINARY[..], b"ann", b""] {
            let mut raw = Raw::connect(server.local_addr()).await;
            raw.write(&u32::try_from(first.len()).unwrap().to_be_bytes())
                .await;
            raw.write(first).await;
            let mut session = within("a session", server.accept()).await.unwrap();
            assert_eq!(session.player(), None);
            let received = within("the first frame", session.recv()).await;
            assert_eq!(received.as_deref(), Some(first), "it is the game's, too");
            session.send("hi").unwrap();
            let mut answer = [0; 6];
            within("an answer", raw.stream.read_exact(&mut answer))
                .await
                .unwrap();
            drop(session);
            drop(raw);
            assert_eq!(collector.end().await.player, None);
        }
    }
}

#[tokio::test]
async fn a_hello_without_credentials_is_a_player_without_a_name_wherever_it_is_shown() {
    let mut collector = EndCollector::default();
    let builder = collector.builder(config());
    let (mut events, players) = builder.bind_events().await.unwrap();
    for (shown, name) in [("", None), (" \n", None), (" ann ", Some("ann"))] {
        let raw = Raw::join(players.local_addr(), shown).await;
        let joined = events.drain().find_map(|event| {
            let Event::Joined { player, .. } = event else {
                return None;
            };
            Some(player.id.clone())
        });
        assert_eq!(joined.unwrap().as_deref(), name);
        let session = players.sessions()[0].session;
        let status = within("a status", players.session_status(session)).await;
        assert_eq!(status.unwrap().player.as_deref(), name);
        drop(raw);
        let end = collector.end().await;
        assert_eq!(end.player.as_deref(), name);
        let record = serde_json::to_value(end.record()).unwrap();
        let shown = record.get("player").and_then(|name| name.as_str());
        assert_eq!(shown, name, "a name that is missing is no text: {record}");
        events.drain().for_each(drop);
    }
}

#[tokio::test]
async fn a_name_that_is_too_long_is_still_refused_where_it_is_a_name() {
    let mut collector = EndCollector::default();
    let server = collector.builder(config()).bind().await.unwrap();
    let mut raw = Raw::connect(server.local_addr()).await;
    raw.write(&hello(&[b'x'; 65])).await;
    assert_eq!(raw.frame().await.unwrap().0, kind::GOODBYE);
    drop(raw);
    let mut raw = Raw::connect(server.local_addr()).await;
    raw.write(&hello(&[b'x'; 64])).await;
    assert_eq!(raw.frame().await.unwrap().0, kind::WELCOME);
    raw.write(&frame(kind::GOODBYE, &[1, 0, 0, 0, 0, 0, 0, 0, 0]))
        .await;
}

#[tokio::test]
async fn an_authenticator_knows_which_part_of_the_wire_the_credentials_came_in() {
    async fn by_source(credentials: Credentials) -> Result<Player, Refusal> {
        Ok(Player::new(match credentials.source {
            CredentialSource::Hello => "hello",
            CredentialSource::FirstFrame => "first frame",
        }))
    }
    let dialect = Framing::Dialect(Arc::new(LengthPrefixed));
    for (framing, bytes, source) in [
        (Framing::Native, hello(b"ann"), "hello"),
        (dialect, b"\0\0\0\x03ann".to_vec(), "first frame"),
    ] {
        let mut collector = EndCollector::default();
        let builder = collector.builder(config()).framing(framing);
        let builder = builder.authenticator(by_source);
        let mut server = builder.bind().await.unwrap();
        let mut raw = Raw::connect(server.local_addr()).await;
        raw.write(&bytes).await;
        let session = within("a session", server.accept()).await.unwrap();
        assert_eq!(session.player(), Some(source));
    }
}
