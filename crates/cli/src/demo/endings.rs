//! One of each kind of ending, on a loop: the first round is quick, and the later ones are slow
//! enough to read.

use std::iter;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_load::{Clients, Way};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::state::{ClientEnding, Origin, Shared};

/// The loop of endings. It is aborted when this value ends.
#[derive(Debug)]
pub(crate) struct Endings {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    clients: Clients,
}

impl Endings {
    pub(crate) fn begin(server: SocketAddr, state: &Shared) -> Self {
        let (stop, mut told) = oneshot::channel();
        let state = state.clone();
        let clients = Clients::towards(server);
        let players = clients.clone();
        let task = tokio::spawn(async move {
            let mut under_way = JoinSet::new();
            for ((way, step), n) in rounds().zip(0..) {
                under_way.spawn(play(players.clone(), n, way, state.clone()));
                while under_way.try_join_next().is_some() {}
                if timeout(step, &mut told).await.is_ok() {
                    break;
                }
            }
            under_way.shutdown().await;
        });
        Self {
            stop,
            task,
            clients,
        }
    }

    /// Begins no other ending, and aborts those in progress.
    pub(crate) async fn end(self, state: &Shared) {
        drop(self.stop);
        self.task.await.ok();
        state.with(|state| state.broken_off(|ip| self.clients.have(ip)));
    }
}

/// Ways of joined players first, then the others. Each way comes once in a round.
fn rounds() -> impl Iterator<Item = (&'static Way, Duration)> {
    let mut ways: Vec<_> = Way::all().collect();
    ways.sort_by_key(|way| !way.joins());
    let first = ways.clone().into_iter().zip(iter::repeat(FIRST_STEP));
    first.chain(ways.into_iter().cycle().zip(iter::repeat(STEP)))
}

async fn play(clients: Clients, n: u32, way: &'static Way, state: Shared) {
    let played = clients.play(n, way).await;
    state.with(|state| match (played.local, played.fault) {
        (Some(local), None) => state.played(
            local,
            ClientEnding {
                name: way.name.to_owned(),
                expected: way.truth,
                origin: Origin::Here,
            },
        ),
        // The demo ends and aborts this client, so its fault does not count.
        (_, Some(_)) if state.is_closing => {}
        (_, Some(fault)) => state.report_wrong(format!("{}: {fault}", way.name)),
        (None, None) => state.report_wrong(format!("{}: it has no address", way.name)),
    });
}

/// Plays all ways within ten seconds.
const FIRST_STEP: Duration = Duration::from_millis(230);
const STEP: Duration = Duration::from_millis(800);
