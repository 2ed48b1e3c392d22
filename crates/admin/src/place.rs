//! A connection's place at the admin port: for one answer, or for as long as somebody views and takes what it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// What a connection and its answer share.
#[derive(Clone, Debug)]
pub(crate) struct Place(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    stays: watch::Sender<bool>,
    taken: AtomicU64,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inside {
            stays: watch::Sender::new(false),
            taken: AtomicU64::new(0),
        }))
    }

    /// Says that the answer has no end of its own.
    pub(crate) fn stay(&self) {
        self.0.stays.send_replace(true);
    }

    pub(crate) fn stays(&self) -> bool {
        *self.0.stays.borrow()
    }

    /// Says that a part of such an answer was taken.
    pub(crate) fn took(&self) {
        self.0.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until the answer takes too long: as a whole, or where it has no end, since a part of it was taken last.
    pub(crate) async fn overstayed(&self, answer: Duration, part: Duration) {
        let mut stays = self.0.stays.subscribe();
        tokio::select! {
            biased;
            // Never an error: the sender is here.
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
