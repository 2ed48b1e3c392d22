//! Tests the client on a dialect: a game's own wire.

use std::sync::Arc;

use lastword_client::{Cause, Connector, Framing, LengthPrefixed};
use lastword_server::{Config, Credentials, Player, Refusal};

use crate::servers::{serve_echo, watched};
use crate::within;

#[tokio::test]
async fn the_first_frame_is_the_credentials_given_or_the_first_one_sent() {
    let (builder, mut ends) = watched(Config::default());
    let framing = Framing::Dialect(Arc::new(LengthPrefixed));
    let builder = builder.authenticator(named);
    let server = serve_echo(builder.framing(framing.clone())).await;
    let connector = Connector::start().framing(framing);
    for credentials in ["alice", ""] {
        let mut client = connector
            .connect(server.local_addr(), credentials)
            .await
            .expect("everybody is welcome");
        if credentials.is_empty() {
            client.send("alice").expect("it is live at once");
        }
        client.send(b"two").expect("it is live at once");
        assert_eq!(client.session(), None);
        for payload in ["alice", "two"] {
            let back = within("an echo", client.recv()).await;
            assert_eq!(back.as_deref(), Some(payload.as_bytes()));
        }
        let ended = within("the end", client.goodbye()).await;
        assert_eq!(
            ended.to_string(),
            "closed_by_game: we left without a goodbye",
            "this wire has none"
        );
        let end = ends.next().await;
        assert_eq!(end.player.as_deref(), Some("alice"));
        assert_eq!(end.cause(), Cause::PeerFin, "this wire has no goodbye");
    }
}

/// The first frame of this wire is a name.
async fn named(credentials: Credentials) -> Result<Player, Refusal> {
    let name = String::from_utf8_lossy(&credentials.bytes);
    Ok(Player::new(name))
}
