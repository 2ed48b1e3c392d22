//! Waits with a deadline, so that no row waits for ever.

use anyhow::Context as _;
use lastword_load::peer::PATIENCE;
use tracing::subscriber::{NoSubscriber, with_default};

/// Runs a row's part with the layer on a thread with its own runtime.
///
/// The runtime has one thread. While that thread waits for the other process, our end does not read or write, and new
/// bytes stay in our kernel. The layer's log is off, because the report already has the ends.
pub(super) fn on_one_thread<T>(part: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    with_default(NoSubscriber::default(), || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            tokio::time::timeout(3 * PATIENCE, part)
                .await
                .context("the connection of the layer did not end")?
        })
    })
}

/// Does blocking work while the connections of this runtime continue.
pub(super) async fn meanwhile<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}
