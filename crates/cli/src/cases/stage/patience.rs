//! Waiting with a deadline: no row waits for ever, whatever goes wrong.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tracing::subscriber::{NoSubscriber, with_default};

/// Longer than any step takes that works.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until `ready`, asking every millisecond: for what no readiness tells.
pub(super) fn until(what: &str, mut ready: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !ready()? {
        if Instant::now() >= deadline {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("did not happen within {PATIENCE:?}: {what}"),
            ));
        }
        thread::sleep(STEP);
    }
    Ok(())
}

/// Runs a row's part against the layer on a thread of its own runtime.
///
/// There is one thread: while it waits for the other process, nothing of ours reads or writes, and what arrives
/// meanwhile lies in our kernel. What the layer would log of its ends is in the report already.
pub(super) fn on_one_thread<T>(part: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    with_default(NoSubscriber::default(), || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            tokio::time::timeout(3 * PATIENCE, part)
                .await
                .context("the layer did not come to an end")?
        })
    })
}

/// Does blocking work while the connections of this runtime go on.
pub(super) async fn meanwhile<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

const STEP: Duration = Duration::from_millis(1);
