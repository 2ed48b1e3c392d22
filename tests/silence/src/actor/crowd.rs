//! The clients of a scene: one process with all of them, which join one after the other and behave until it ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::book::Book;
use super::player::{Player, behave};
use super::{Orders, Tell};
use crate::cast::Crowd;
use crate::words::{Order, Word};

/// Plays until standard input ends.
pub(super) fn play(orders: &mut Orders, tell: &Tell) -> anyhow::Result<()> {
    let crowd: Crowd = orders.first()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let book = Book::default();
    let players = runtime.block_on(join(Arc::new(crowd), &book))?;
    let count = u32::try_from(players.len())?.max(1);
    for (number, player) in (0..count).zip(players) {
        // Spread over a heartbeat, as players who came at any time are.
        let offset = player.heartbeat() * number / count;
        runtime.spawn(behave(player, offset));
    }
    tell.send(Word::Joined)?;
    while let Some(order) = orders.next()? {
        book.obey(order);
        if order == Order::Report {
            tell.send(Word::Reported {
                accounts: book.accounts(),
                suspects: Default::default(),
            })?;
        }
    }
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(())
}

async fn join(crowd: Arc<Crowd>, book: &Book) -> anyhow::Result<Vec<Player>> {
    let at_a_time = Arc::new(Semaphore::new(JOINS_AT_A_TIME));
    let mut joins = JoinSet::new();
    for number in 0..crowd.names.len() {
        let (crowd, at_a_time, book) = (Arc::clone(&crowd), Arc::clone(&at_a_time), book.clone());
        joins.spawn(async move {
            let _turn = at_a_time.acquire().await?;
            let name = crowd.names.get(number).context("no name")?;
            let joining = Player::join(&crowd, name, book.open(name));
            joining.await.with_context(|| format!("{name} cannot join"))
        });
    }
    let mut players = Vec::with_capacity(crowd.names.len());
    while let Some(joined) = joins.join_next().await {
        players.push(joined??);
    }
    Ok(players)
}

const WORKERS: usize = 1;
/// Fewer than a listener's backlog.
const JOINS_AT_A_TIME: usize = 200;
