//! The clients of a scene, all in one process. Each follows its behaviour from its welcome until its connection ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use lastword_load::process::next_order;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::accounts::Accounts;
use super::client::{Client, behave};
use super::{Reports, first_order};
use crate::behaviour::Clients;
use crate::messages::{Message, Order, Report};

/// Runs until standard input ends.
pub(crate) fn run(reports: &Reports) -> anyhow::Result<()> {
    let clients: Clients = first_order()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let accounts = Accounts::default();
    runtime.block_on(join(Arc::new(clients), &accounts))?;
    reports.send(Ok(Message::Joined))?;
    while let Some(order) = next_order()? {
        accounts.obey(order);
        if order == Order::Report {
            reports.send(Ok(Message::Reported(Report {
                accounts: accounts.copy(),
                ..Report::default()
            })))?;
        }
    }
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(())
}

/// Waits until every client has its welcome.
async fn join(clients: Arc<Clients>, accounts: &Accounts) -> anyhow::Result<()> {
    let at_a_time = Arc::new(Semaphore::new(JOINS_AT_A_TIME));
    let mut joins = JoinSet::new();
    for number in 0..clients.names.len() {
        let (clients, at_a_time) = (Arc::clone(&clients), Arc::clone(&at_a_time));
        let accounts = accounts.clone();
        joins.spawn(async move {
            let _turn = at_a_time.acquire().await?;
            let name = clients.names.get(number).context("no name")?;
            let joining = Client::join(&clients, name, accounts.open(name));
            let client = joining
                .await
                .with_context(|| format!("{name} cannot join"))?;
            let offset = spread(client.heartbeat(), number, clients.names.len());
            tokio::spawn(behave(client, offset));
            anyhow::Ok(())
        });
    }
    while let Some(joined) = joins.join_next().await {
        joined??;
    }
    Ok(())
}

/// A moment within a heartbeat, since real players join at any time.
fn spread(heartbeat: Duration, number: usize, count: usize) -> Duration {
    let [number, count] = [number, count.max(1)].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    heartbeat * number / count
}

const WORKERS: usize = 1;
/// Fewer than a listener's backlog.
const JOINS_AT_A_TIME: usize = 200;
