//! A tick's calls on its sessions, from its own thread.

use std::collections::HashMap;

use lastword_server::{
    Cause, Event, Events, GameCode, Kick, NoSuchSession, SendError, ServerHandle, SessionId,
};
use lastword_tests::{Raw, config, data, kind, within};

use crate::game::{Engine, Game, TICK};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_sends_broadcasts_closes_and_kicks_without_a_runtime() {
    for engine in Engine::ALL {
        let mut game = Game::start(engine, config(), play).await;
        let addr = game.server.local_addr();
        let (mut ann, mut bob) = (Raw::join(addr, "ann").await, Raw::join(addr, "bob").await);
        ann.write(&data(b"me")).await;
        assert_eq!(payload(&mut ann).await, b"you");
        ann.write(&data(b"all")).await;
        for raw in [&mut ann, &mut bob] {
            assert_eq!(payload(raw).await, b"everybody");
        }
        bob.write(&data(b"ann")).await;
        assert_eq!(payload(&mut ann).await, b"you alone");

        ann.write(&data(b"kick")).await;
        assert_eq!(goodbye(&mut ann).await, (5_000, b"enough".to_vec()));
        drop(ann);
        let departure = game.collector.departure().await;
        assert_eq!(departure.cause, Cause::Kicked.into());

        bob.write(&data(b"close")).await;
        assert_eq!(payload(&mut bob).await, b"one last thing");
        assert_eq!(goodbye(&mut bob).await, (81, b"bye".to_vec()));
        drop(bob);
        let departure = game.collector.departure().await;
        assert_eq!(departure.cause, Cause::ClosedByGame.into());
        game.over().await;
    }
}

/// Follows orders until every player has left.
fn play(mut events: Events, players: ServerHandle) {
    let mut names = HashMap::new();
    loop {
        events.wait(TICK);
        for event in events.drain() {
            match event {
                Event::Joined {
                    session, player, ..
                } => {
                    names.insert(player.id.clone().unwrap(), session);
                }
                Event::Frame { session, payload } => obey(&players, &names, session, payload),
                Event::Left(departure) => {
                    let gone = departure.session;
                    assert_eq!(players.kick(gone, Kick::default()), Err(NoSuchSession));
                    assert_eq!(players.send(gone, b"late"), Err(SendError::Closed));
                    names.retain(|_, session| *session != gone);
                    if names.is_empty() {
                        return;
                    }
                }
                other @ (Event::Link { .. } | Event::Draining { .. } | _) => panic!("{other:?}"),
            }
        }
    }
}

fn obey(
    players: &ServerHandle,
    names: &HashMap<String, SessionId>,
    session: SessionId,
    payload: &[u8],
) {
    match payload {
        b"me" => players.send(session, b"you").unwrap(),
        b"all" => assert_eq!(players.broadcast_all(b"everybody"), 2),
        b"ann" => assert_eq!(players.broadcast([names["ann"]], b"you alone"), 1),
        b"kick" => {
            let code = GameCode::new(5_000).unwrap();
            players
                .kick(session, Kick::because("enough").with_code(code))
                .unwrap();
        }
        b"close" => {
            players.send(session, b"one last thing").unwrap();
            players.close(session, Kick::because("bye")).unwrap();
        }
        other => panic!("{other:?}"),
    }
}

/// Returns the next payload; heartbeats are skipped.
async fn payload(raw: &mut Raw) -> Vec<u8> {
    loop {
        let (kind, payload) = raw.frame().await.expect("a frame");
        if kind == kind::DATA {
            return payload;
        }
    }
}

/// Returns the code and the text of the goodbye that comes next.
async fn goodbye(raw: &mut Raw) -> (u16, Vec<u8>) {
    let (kind, payload) = within("a goodbye", raw.frame()).await.expect("a frame");
    assert_eq!(kind, kind::GOODBYE);
    (
        u16::from_be_bytes([payload[1], payload[2]]),
        payload[9..].to_vec(),
    )
}
