//! Publishes the counts if no extension does so on a scrape: every second, and once more after the last connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Core;

/// Publishes until the server has ended and its last connection is counted out.
pub(crate) async fn run(core: Arc<Core>) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut at_rest = std::pin::pin!(async {
        core.ended.wait().await;
        core.ledger.emptied().await;
    });
    loop {
        tokio::select! {
            biased;
            () = &mut at_rest => break,
            _ = ticks.tick() => core.publish_itself(),
        }
    }
    core.publish_itself();
}

const PERIOD: Duration = Duration::from_secs(1);
