//! Honest players: they join, chat now and then, and leave when the server announces its end.

use std::net::SocketAddr;
use std::time::Duration;

use lastword::Cause;
use lastword::client::{Client, Connector, Event};
use lastword::evidence::Phase;
use lastword_load::Ending;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::board::{Board, Part, Shared};

/// Starts this many players, one after the other.
pub(crate) fn gather(server: SocketAddr, count: u32, board: &Shared) -> JoinSet<()> {
    let connector = Connector::start();
    let mut players = JoinSet::new();
    for n in 1..=count {
        let (connector, board) = (connector.clone(), board.clone());
        players.spawn(async move {
            sleep(STEP * n).await;
            if board.with(Board::comes) {
                join(&connector, server, n, &board).await;
                board.with(|board| board.staying -= 1);
            }
        });
    }
    players
}

async fn join(connector: &Connector, server: SocketAddr, n: u32, board: &Shared) {
    let name = format!("player {n}");
    match connector.connect(server, name.clone()).await {
        Ok(client) => stay(client, name, n, board).await,
        Err(error) => board.with(|board| {
            // A player that arrives during the drain is refused.
            if !board.is_closing {
                board.complain(format!("{name}: {error}"));
            }
        }),
    }
}

async fn stay(mut client: Client, name: String, n: u32, board: &Shared) {
    let local = client.local_addr();
    let pace = CHAT + STEP * (n % 50);
    let mut chat = interval_at(Instant::now() + pace, pace);
    chat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            event = client.next_event() => match event {
                Some(Event::Notice(_)) => break,
                Some(_) => {}
                None => {
                    let ended = client.ended().await;
                    return board.with(|board| {
                        // At the end of the demo, the server may cut off a player.
                        if !board.is_closing {
                            board.complain(format!("{name}: {ended}"));
                        }
                    });
                }
            },
            // If this fails, the end of the connection tells why.
            _ = chat.tick() => drop(client.send(WORDS)),
        }
    }
    client.goodbye().await;
    let truth = Ending {
        cause: Cause::Drained,
        phase: Phase::Live,
    };
    let part = Part {
        name,
        truth,
        in_lab: false,
    };
    board.with(|board| board.played(local, part));
}

const STEP: Duration = Duration::from_millis(20);
const CHAT: Duration = Duration::from_secs(1);
const WORDS: &[u8] = b"is anybody here?";
