//! What a welcome tells the client about the end of its previous connection.

use crate::Cause;
use crate::wire::{ExtensionsBuf, ServerSaw, Welcome};

use super::super::harness::{Solo, WELCOME, encoded, secs};
use super::lives::Lives;

fn server_saw(lives: &Lives) -> Option<ServerSaw> {
    lives.pair.client.connection().server_saw()
}

#[test]
fn a_client_that_comes_back_reads_how_its_connection_ended_for_the_server() {
    let mut lives = Lives::live();
    assert_eq!(server_saw(&lives), None, "there was none before");
    for connection in 1..4 {
        lives.is_cut();
        let found = lives.pair.server.lost.as_ref().expect("it is lost").verdict;
        lives.pair.advance(secs(3));
        lives.comes_back();
        let saw = server_saw(&lives).expect("the welcome says it");
        assert_eq!(
            (saw.connection, saw.cause),
            (connection, found.cause.code())
        );
        let ago = lives.pair.now.since(found.at).as_millis();
        assert_eq!(u128::from(saw.ended_ms), ago);
    }
}

#[test]
fn a_client_that_replaces_a_live_connection_reads_that_the_server_saw_no_end() {
    let mut lives = Lives::live();
    lives.comes_back();
    let saw = ServerSaw {
        connection: 1,
        cause: Cause::SupersededByResume.code(),
        ended_ms: 0,
    };
    assert_eq!(server_saw(&lives), Some(saw));
}

/// The client has not heard of the connection in between.
#[test]
fn a_lost_welcome_leaves_the_account_of_the_connection_that_the_client_knows() {
    let mut lives = Lives::live();
    lives.is_cut();
    let found = lives.pair.server.lost.as_ref().expect("it is lost").verdict;
    let (next, knock) = lives.dials();
    drop(lives.adopts(next, &knock.expect("the session waits for it")));
    lives.comes_back();
    assert_eq!(lives.epoch, 3);
    let saw = server_saw(&lives).expect("the welcome says it");
    assert_eq!((saw.connection, saw.cause), (1, found.cause.code()));
}

/// A client that does not know an extension reads the welcome as one without it.
#[test]
fn an_unknown_extension_of_a_welcome_is_skipped() {
    for kind in [1, 7, u16::MAX] {
        let mut extensions = ExtensionsBuf::default();
        extensions.push(kind, &[9; 40]).expect("there is room");
        let welcome = Welcome {
            extensions: extensions.as_extensions(),
            ..WELCOME
        };
        let mut client = Solo::client();
        client.says(&encoded(|out| welcome.encode(out)));
        assert!(client.connection().is_live());
        assert_eq!(client.connection().server_saw(), None, "a new session");
    }
}
