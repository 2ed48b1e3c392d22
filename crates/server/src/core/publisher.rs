//! Publishes the counts if no extension does so on a scrape: every second, and once more after the last connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::Core;
use crate::guard::guarded;

/// Publishes until the server has ended and its last connection is counted out.
pub(crate) async fn run(core: Arc<Core>) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut at_rest = std::pin::pin!(async {
        core.shutdown.ended.wait().await;
        core.books.ledger.emptied().await;
    });
    loop {
        tokio::select! {
            biased;
            () = &mut at_rest => break,
            _ = ticks.tick() => publish(&core).await,
        }
    }
    publish(&core).await;
}

/// Publishes on a thread on which no session waits for the game's recorder. If the recorder panics, only this
/// publication fails.
pub(super) async fn publish(core: &Arc<Core>) {
    let core = Arc::clone(core);
    let published = spawn_blocking(move || {
        guarded("the recorder of the metrics panicked", || {
            core.publish(|| ())
        });
    });
    // A runtime that shuts down refuses work.
    published.await.ok();
}

const PERIOD: Duration = Duration::from_secs(1);
