//! Something that happens once, and that anybody can wait for on any executor.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Set once, for good.
#[derive(Debug, Default)]
pub(crate) struct Flag {
    set: AtomicBool,
    waiting: Notify,
}

impl Flag {
    /// Sets it, and wakes whoever waits.
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Waits until it is set.
    pub(crate) async fn wait(&self) {
        loop {
            let set = self.waiting.notified();
            tokio::pin!(set);
            set.as_mut().enable();
            if self.is_set() {
                return;
            }
            set.await;
        }
    }
}
