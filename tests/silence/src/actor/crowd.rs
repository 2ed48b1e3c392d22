//! The clients of a scene, all in one process. Each follows its behaviour from its welcome until its connection ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::book::Book;
use super::player::{Player, behave};
use super::{Orders, Tell};
use crate::behaviour::Crowd;
use crate::words::{Order, Report, Word};

/// Runs until standard input ends.
pub(super) fn play(orders: &mut Orders, tell: &Tell) -> anyhow::Result<()> {
    let crowd: Crowd = orders.first()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let book = Book::default();
    runtime.block_on(join(Arc::new(crowd), &book))?;
    tell.send(Word::Joined)?;
    while let Some(order) = orders.next()? {
        book.obey(order);
        if order == Order::Report {
            tell.send(Word::Reported(Report {
                accounts: book.accounts(),
                ..Report::default()
            }))?;
        }
    }
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(())
}

/// Waits until every client has its welcome.
async fn join(crowd: Arc<Crowd>, book: &Book) -> anyhow::Result<()> {
    let at_a_time = Arc::new(Semaphore::new(JOINS_AT_A_TIME));
    let mut joins = JoinSet::new();
    for number in 0..crowd.names.len() {
        let (crowd, at_a_time, book) = (Arc::clone(&crowd), Arc::clone(&at_a_time), book.clone());
        joins.spawn(async move {
            let _turn = at_a_time.acquire().await?;
            let name = crowd.names.get(number).context("no name")?;
            let joining = Player::join(&crowd, name, book.open(name));
            let player = joining
                .await
                .with_context(|| format!("{name} cannot join"))?;
            let offset = spread(player.heartbeat(), number, crowd.names.len());
            tokio::spawn(behave(player, offset));
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
