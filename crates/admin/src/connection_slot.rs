//! The slot of a connection at the admin port. A connection keeps it for one answer, or as long as a viewer takes its
//! events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// The state that a connection and its answer share.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionSlot(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    stays: watch::Sender<bool>,
    taken: AtomicU64,
}

impl ConnectionSlot {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inside {
            stays: watch::Sender::new(false),
            taken: AtomicU64::new(0),
        }))
    }

    /// Marks the answer as endless.
    pub(crate) fn stay(&self) {
        self.0.stays.send_replace(true);
    }

    pub(crate) fn stays(&self) -> bool {
        *self.0.stays.borrow()
    }

    /// Notes that a part of such an answer was taken.
    pub(crate) fn took(&self) {
        self.0.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until the answer takes too long: in total, or for an endless answer, since a part of it was last taken.
    pub(crate) async fn overstayed(&self, answer: Duration, part: Duration) {
        let mut stays = self.0.stays.subscribe();
        tokio::select! {
            biased;
            // This never fails, because the sender exists.
            _ = stays.wait_for(|stays| *stays) => {}
            () = sleep(answer) => return,
        }
        let mut before = None;
        loop {
            let taken = self.0.taken.load(Ordering::Relaxed);
            if before.replace(taken) == Some(taken) {
                return;
            }
            sleep(part).await;
        }
    }
}
