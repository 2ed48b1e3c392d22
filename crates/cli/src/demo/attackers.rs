//! Attackers: at all times some slow ones and some that flood, and new ones with noise. They connect from addresses of
//! their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lastword_load::{Attack, Clients};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::attacks;
use super::state::{ClientEnding, Origin, Shared};

/// The attackers, which are aborted when this value ends.
#[derive(Debug)]
pub(crate) struct Attackers {
    tasks: JoinSet<()>,
    clients: Clients,
}

/// The parts that each task needs.
#[derive(Clone, Debug)]
struct Attacker {
    clients: Clients,
    next: Arc<AtomicU32>,
    state: Shared,
}

impl Attackers {
    pub(crate) fn begin(server: SocketAddr, state: &Shared) -> Self {
        let clients = Clients::towards(server);
        let attacker = Attacker {
            clients: clients.clone(),
            next: Arc::new(AtomicU32::new(attacks::FIRST)),
            state: state.clone(),
        };
        let mut tasks = JoinSet::new();
        for attack in Attack::ALL {
            for _ in 0..at_a_time(attack) {
                tasks.spawn(attacker.clone().again_and_again(attack));
            }
        }
        Self { tasks, clients }
    }

    /// Aborts those in progress.
    pub(crate) async fn end(mut self, state: &Shared) {
        self.tasks.shutdown().await;
        state.with(|state| state.broken_off(|ip| self.clients.have(ip)));
    }
}

impl Attacker {
    async fn again_and_again(self, attack: Attack) {
        loop {
            self.attack(attack).await;
            sleep(PAUSE).await;
        }
    }

    async fn attack(&self, attack: Attack) {
        self.state.with(|state| state.attacks.begun(attack));
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let attacked = self.clients.attack(n, attack).await;
        self.state.with(|state| match attacked {
            Ok(local) => state.played(
                local,
                ClientEnding {
                    name: attack.name().to_owned(),
                    expected: attack.truth(),
                    origin: Origin::Attacker,
                },
            ),
            // The demo ends, and its server refuses new connections.
            Err(_) if state.is_closing => {}
            Err(fault) => state.report_wrong(format!("{}: {fault}", attack.name())),
        });
    }
}

const fn at_a_time(attack: Attack) -> u32 {
    match attack {
        Attack::Slow => 8,
        Attack::Garbage => 1,
        Attack::Flood => 2,
    }
}

const PAUSE: Duration = Duration::from_millis(100);
