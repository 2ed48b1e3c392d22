//! An event that happens once, and that any task can await on any executor.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A flag that is set once and stays set.
#[derive(Debug, Default)]
pub(crate) struct Flag {
    set: AtomicBool,
    waiting: Notify,
}

impl Flag {
    /// Sets the flag and wakes all waiting tasks.
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Waits until the flag is set.
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
