//! Honest players: they join, chat now and then, and leave when the server announces its end. One more is cut again and
//! again.

use std::net::SocketAddr;
use std::time::Duration;

use lastword::Cause;
use lastword::client::{Client, Connector, Event};
use lastword_load::Ending;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::state::{ClientEnding, DemoState, Origin, Shared};
use super::survivor;

/// Starts this many players, one after the other.
pub(crate) fn start(server: SocketAddr, count: u32, state: &Shared) -> JoinSet<()> {
    let connector = Connector::start();
    let mut players = JoinSet::new();
    for n in 1..=count {
        let (connector, state) = (connector.clone(), state.clone());
        players.spawn(async move {
            sleep(STEP * n).await;
            if state.with(DemoState::may_join) {
                join(&connector, server, n, &state).await;
                state.with(|state| state.staying -= 1);
            }
        });
    }
    if state.with(DemoState::may_join) {
        players.spawn(survivor::play(server, state.clone()));
    }
    players
}

async fn join(connector: &Connector, server: SocketAddr, n: u32, state: &Shared) {
    let name = format!("player {n}");
    match connector.connect(server, name.clone()).await {
        Ok(client) => stay(client, name, n, state).await,
        Err(error) => state.with(|state| {
            // A player that arrives during the drain is refused.
            if !state.is_closing {
                state.report_wrong(format!("{name}: {error}"));
            }
        }),
    }
}

async fn stay(mut client: Client, name: String, n: u32, state: &Shared) {
    let local = client.local_addr();
    let pace = CHAT + STEP * (n % 50);
    let mut chat = interval_at(Instant::now() + pace, pace);
    chat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked = None;
    loop {
        tokio::select! {
            biased;
            event = client.next_event() => match event {
                Some(Event::Notice(_)) => break,
                Some(Event::Frame(_)) => {
                    let round_trip = asked.take().map(|asked: Instant| asked.elapsed());
                    state.with(|state| round_trip.map(|after| state.attacks.answered(after)));
                }
                Some(_) => {}
                None => {
                    let ended = client.ended().await;
                    return state.with(|state| {
                        // At the end of the demo, the server may cut off a player.
                        if !state.is_closing {
                            state.report_wrong(format!("{name}: {ended}"));
                        }
                    });
                }
            },
            // If this fails, the end of the connection tells why.
            _ = chat.tick() => {
                asked.get_or_insert_with(Instant::now);
                client.send(WORDS).ok();
            }
        }
    }
    client.goodbye().await;
    let client = ClientEnding {
        name,
        expected: Ending::live(Cause::Drained),
        origin: Origin::Here,
    };
    state.with(|state| state.played(local, client));
}

const STEP: Duration = Duration::from_millis(20);
const CHAT: Duration = Duration::from_secs(1);
const WORDS: &[u8] = b"is anybody here?";
