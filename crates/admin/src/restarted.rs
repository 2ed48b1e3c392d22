//! A part of the port that starts again after a panic. So one panic does not end the port.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

/// Runs a part until it ends, and again after each panic.
pub(crate) async fn restarted<F: Future<Output = ()>>(name: &'static str, part: impl Fn() -> F) {
    while panics(part()).await {
        // A subscriber that panics must not end the part either.
        let log = || tracing::error!("{name} panicked, and starts again");
        catch_unwind(AssertUnwindSafe(log)).unwrap_or_default();
        sleep(PAUSE).await;
    }
}

/// Runs a part to its end. Returns whether it ended by a panic.
async fn panics(part: impl Future<Output = ()>) -> bool {
    let mut part = pin!(part);
    poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| part.as_mut().poll(cx));
        match catch_unwind(poll) {
            Ok(poll) => poll.map(|()| false),
            Err(_) => Poll::Ready(true),
        }
    })
    .await
}

const PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_that_panics_starts_again_until_it_ends() {
        let starts = AtomicU32::new(0);
        restarted("a test", || async {
            sleep(PAUSE).await;
            assert!(
                starts.fetch_add(1, Ordering::Relaxed) == 2,
                "a planted panic"
            );
        })
        .await;
        assert_eq!(starts.load(Ordering::Relaxed), 3);
    }
}
